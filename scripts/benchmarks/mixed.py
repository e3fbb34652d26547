"""A ledger as a year of service leaves it: uses, reads, refusals and changes, by several users, from several places.

Made through the product's own append path, without HTTP, like :mod:`scripts.benchmarks.populate`, whose CMKs it uses.
Users and what they may do are made through RAM's API, so every principal in it exists.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain import key as keys_of
from domain.access import Access
from domain.call import Call, Caller
from domain.errors import KeyLedgerError, NoPermission
from domain.events import Event
from domain.key import Key
from domain.ports import Submission, Tally
from domain.recording import Case
from domain.vocabulary import ENCRYPTIONS_PER_KEY_VERSION_MAX, Operation
from scripts.benchmarks.deployment import KeyLedger
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.populate import IN_FLIGHT, LIFE, Wanted, append_all, populate, request_id, time_ordered

USERS: Final = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan", "judy", "mallory", "niaj")
AGENTS: Final = (
    "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2",
    "AlibabaCloud (Linux;x86_64) Python/3.11.7 Core/2.16.1 python-requests/2.18.3",
    "AlibabaCloud (linux; amd64) Golang/1.22.1 Core/0.01 TeaDSL/1",
    "Java/17.0.15 (Linux; amd64) HTTPClient/0.1",
    "curl/8.9.1",
)
PURPOSES: Final = ("tls", "backup", "invoices", "tokens")

_RAM: Final = "2015-05-01"
_READS: Final = frozenset((Operation.DESCRIBE_KEY, Operation.LIST_KEYS))
_CHANGES: Final = frozenset((Operation.DISABLE_KEY, Operation.ENABLE_KEY, Operation.UPDATE_KEY_DESCRIPTION))
_ENCRYPTING: Final = frozenset((Operation.ENCRYPT, Operation.GENERATE_DATA_KEY))
_WEIGHTS: Final[Mapping[Operation, int]] = {
    Operation.ENCRYPT: 38,
    Operation.DECRYPT: 27,
    Operation.GENERATE_DATA_KEY: 13,
    Operation.DESCRIBE_KEY: 9,
    Operation.LIST_KEYS: 3,
    Operation.DISABLE_KEY: 2,
    Operation.ENABLE_KEY: 5,
    Operation.UPDATE_KEY_DESCRIPTION: 3,
}
_STRANGER: Final = "olivia"
"""A user who may do nothing."""

_STRANGERS_SHARE: Final = 0.04
"""Of all calls: refused, since she may not."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """What can be asked about."""

    key_ids: Sequence[UUID]
    principals: Sequence[str]
    access_key_ids: Sequence[str]
    sources: Sequence[str]


def mix(server: KeyLedger, wanted: Wanted, advance: Callable[[int], None]) -> Mixed:
    """Make ``wanted.keys`` CMKs, users, and events until the ledger holds ``wanted.events``.

    :param advance: told how many submissions have been recorded since it was told last.
    """
    callers = [_user(server, name, "AliyunKMSFullAccess") for name in USERS]
    stranger = _user(server, _STRANGER)
    key_ids = populate(server, replace(wanted, events=0), advance)
    author = asyncio.run(_mixed(server, wanted, callers, stranger, key_ids, advance))
    everybody = [*callers, stranger]
    return Mixed(key_ids, [by.principal for by in everybody], [by.access_key_id for by in everybody], author.sources)


async def _mixed(
    server: KeyLedger,
    wanted: Wanted,
    callers: Sequence[Caller],
    stranger: Caller,
    key_ids: Sequence[UUID],
    advance: Callable[[int], None],
) -> _Author:
    reader, writer = LedgerReader(server.database_url), LedgerWriter(server.database_url)
    await reader.start()
    await writer.start()
    try:
        keys = [keys_of.replay(await reader.stream(key_id)) for key_id in key_ids]
        number = max(0, wanted.events - server.events())
        author = _Author([key for key in keys if key is not None], callers, stranger, number)
        await append_all(writer, itertools.islice(author.calls(), number), advance)
    finally:
        await writer.close()
        await reader.close()
    return author


class _Author:
    """Makes submissions in the order in which they must be recorded, its clock running from a month ago until now."""

    def __init__(self, keys: Sequence[Key], callers: Sequence[Caller], stranger: Caller, number: int) -> None:
        # The same ledger each time, but for ids.
        self._random = random.Random(number)  # noqa: S311  # nothing secret
        self._keys = list(keys)
        self._callers = callers
        self._stranger = stranger
        self._changed: deque[int] = deque(maxlen=IN_FLIGHT)
        self._step = LIFE / max(1, number)
        self._at = datetime.now(UTC) - LIFE
        self.sources = [f"192.0.2.{n}" for n in range(1, 41)]

    def calls(self) -> Iterator[Submission]:
        operations, weights = list(_WEIGHTS), list(_WEIGHTS.values())
        while True:
            operation = self._random.choices(operations, weights)[0]
            yield self._call(operation, self._random.randrange(len(self._keys)))

    def _call(self, operation: Operation, number: int) -> Submission:
        if operation in _CHANGES and number in self._changed:
            # Two changes of one key in one commit would be recorded one by one, which no service sees often.
            operation = Operation.DESCRIBE_KEY
        self._changed.append(number if operation in _CHANGES else -1)
        key, call = self._keys[number], self._told(operation)
        case = Case(call, Access(account_id=call.by.account_id, principal=call.by.principal))
        case.key_id = None if operation is Operation.LIST_KEYS else key.key_id
        if operation not in _READS and self._random.random() < 0.3:
            case.encryption_context = {"purpose": self._random.choice(PURPOSES)}
        try:
            return self._answered(case, number)
        except KeyLedgerError as refusal:
            return case.refused(refusal)

    def _answered(self, case: Case, number: int) -> Submission:
        key, call = self._keys[number], case.call
        if call.by is self._stranger:
            case.resource = key.arn if case.key_id else key.arn.partition("/")[0]
            raise NoPermission(f"{call.by.principal} lacks kms:{call.operation.value} on {case.resource}.")
        if call.operation is Operation.LIST_KEYS:
            return case.answered()
        key.permit(call)
        if call.operation is Operation.DESCRIBE_KEY:
            return case.answered()
        if call.operation in _ENCRYPTING:
            tally = Tally(key.primary_key_version, 1, ENCRYPTIONS_PER_KEY_VERSION_MAX)
            return case.used(key.primary_key_version, (tally,))
        if call.operation is Operation.DECRYPT:
            return case.used(key.primary_key_version)
        event = _change(key, call)
        self._keys[number] = keys_of.evolve(event, key)
        return case.changed(event)

    def _told(self, operation: Operation) -> Call:
        self._at += self._step
        return Call(
            by=self._stranger if self._random.random() < _STRANGERS_SHARE else self._random.choice(self._callers),
            operation=operation,
            request_id=request_id(self._at),
            stream=time_ordered(self._at),
            at=self._at,
            region_id=self._keys[0].region_id,
            source_ip=self._random.choice(self.sources),
            user_agent=self._random.choice(AGENTS),
        )


def _change(key: Key, call: Call) -> Event:
    if call.operation is Operation.DISABLE_KEY:
        return key.disable(call)
    if call.operation is Operation.ENABLE_KEY:
        return key.enable(call)
    return key.update_description(call, f"described at {call.at:%Y-%m-%d}")


def _user(server: KeyLedger, name: str, policy_name: str = "") -> Caller:
    """A RAM user with an access key. :param policy_name: of a system policy that applies to it."""
    user = _ram(server, "CreateUser", UserName=name)["User"]
    access_key = _ram(server, "CreateAccessKey", UserName=name)["AccessKey"]
    if policy_name:
        _ram(server, "AttachPolicyToUser", PolicyType="System", PolicyName=policy_name, UserName=name)
    return Caller(
        account_id=server.account_id,
        kind="ram-user",
        principal=f"acs:ram::{server.account_id}:user/{name}",
        access_key_id=str(access_key["AccessKeyId"]),
        principal_id=str(user["UserId"]),
        user_name=name,
    )


def _ram(server: KeyLedger, operation: str, **parameters: str) -> dict[str, Any]:
    query = urlencode({"Action": operation, "Version": _RAM, **parameters})
    answer = server.site.ask("POST", f"/?{query}", basic(server))
    if answer.status != 200:
        raise BenchError(f"Key Ledger refused {operation}: {answer.status} {answer.body.decode(errors='replace')}")
    decoded: dict[str, Any] = json.loads(answer.body)
    return decoded


def basic(server: KeyLedger) -> dict[str, str]:
    """The header of HTTP Basic for the root identity: what is asked once costs no signature."""
    pair = f"{server.credentials.access_key_id}:{server.credentials.access_key_secret}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
