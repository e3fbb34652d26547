"""What people do in a large account, recorded through the product's own append: uses by users and by a role's sessions,
reads, refusals, and now and then a change of everybody's policy.

For what reads whole ledgers (``verification.py``). Every event is one that the service would have recorded there.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain import events
from domain import key as keys_of
from domain.access import Access
from domain.account import account_stream
from domain.call import Call, Caller
from domain.errors import NoPermission
from domain.key import Key
from domain.ports import Submission, Tally
from domain.ram import arns, policies
from domain.ram import authority as authorities
from domain.ram.authority import Authority
from domain.recording import Case
from domain.vocabulary import ENCRYPTIONS_PER_KEY_VERSION_MAX, Operation
from scripts.benchmarks.deployment import KeyLedger
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.populate import LIFE, append_all, time_ordered
from scripts.benchmarks.ram_account import ROLE, USES_KEYS, document

CHANGE_EVERY: Final = 1_000
SESSION_SECONDS: Final = 3_600


Clock = Iterator[datetime]


def clock(events: int) -> Clock:
    """The last month in so many steps: sessions end in it."""
    began = datetime.now(UTC) - LIFE
    return (began + LIFE * step / events for step in itertools.count())


def live(server: KeyLedger, key_id: UUID, count: int, times: Clock, advance: Callable[[int], None]) -> None:
    """So many events more, in an account that ``ram_account.py`` has made."""
    asyncio.run(_live(server, key_id, count, times, advance))


async def _live(server: KeyLedger, key_id: UUID, count: int, times: Clock, advance: Callable[[int], None]) -> None:
    reader, writer = LedgerReader(server.database_url), LedgerWriter(server.database_url)
    await reader.start()
    await writer.start()
    try:
        authority = authorities.replay(await reader.stream(account_stream(server.account_id)))
        key = keys_of.replay(await reader.stream(key_id))
        if authority is None or key is None:
            raise BenchError("The deployment lacks its root account or the CMK.")
        author = _Author(authority, key, server.credentials.access_key_id, times)
        done = author.submissions()
        while count > 0:
            await writer.append(author.change())
            await append_all(writer, itertools.islice(done, min(CHANGE_EVERY, count)), advance)
            count -= CHANGE_EVERY
    finally:
        await writer.close()
        await reader.close()


class _Author:
    def __init__(self, authority: Authority, key: Key, root_access_key_id: str, times: Clock) -> None:
        self._times = times
        self._authority = authority
        self._key = key
        self._root = replace(authority.root(root_access_key_id), authority=None)
        self._users = [
            replace(authority.as_user(user, user.access_keys[0].access_key_id), authority=None)
            for user in authority.users
            if user.access_keys
        ]

    def submissions(self) -> Iterator[Submission]:
        """In the proportions of a service that uses keys: three uses for each read, refusal and new session."""
        for user in itertools.cycle(self._users):
            yield self._use(user)
            yield self._refusal(user)
            begun, session = self._session(user)
            yield begun
            yield self._use(session)
            yield self._use(session)
            yield self._read()

    def change(self) -> Submission:
        call = self._call(self._root, Operation.CREATE_POLICY_VERSION)
        said = document("kms:Encrypt", "sts:AssumeRole", f"kms:Bench{self._authority.version}")
        event = policies.create_policy_version(
            self._authority,
            call,
            USES_KEYS,
            said,
            set_as_default=True,
            rotate_strategy=policies.RotateStrategy.DELETE_OLDEST,
        )
        self._authority.apply(event)
        return Submission(events=(event,), claim=call.stream)

    def _use(self, by: Caller) -> Submission:
        version = self._key.primary_key_version
        return self._case(by, Operation.ENCRYPT).used(version, (Tally(version, 1, ENCRYPTIONS_PER_KEY_VERSION_MAX),))

    def _read(self) -> Submission:
        return self._case(self._root, Operation.DESCRIBE_KEY).answered()

    def _refusal(self, by: Caller) -> Submission:
        case = self._case(by, Operation.DISABLE_KEY)
        case.resource = self._key.arn
        return case.refused(NoPermission())

    def _session(self, by: Caller) -> tuple[Submission, Caller]:
        authority, call = self._authority, self._call(by, Operation.ASSUME_ROLE)
        role, name, access_key_id = authority.roles[ROLE], "bench", f"STS.{call.request_id.hex}"
        begun = events.RoleAssumed(
            originator_id=call.stream,
            originator_version=1,
            timestamp=call.at,
            call=call,
            account_id=authority.account_id,
            role_arn=arns.role(authority.account_id, role.name),
            role_id=role.id,
            session_name=name,
            access_key_id=access_key_id,
            duration_seconds=SESSION_SECONDS,
            expires_at=call.at + timedelta(seconds=SESSION_SECONDS),
        )
        session = replace(authority.as_session(role, name, access_key_id, by.principal), authority=None)
        return Submission(events=(begun,)), session

    def _case(self, by: Caller, operation: Operation) -> Case:
        # Guarded by nothing, since nothing changes meanwhile.
        case = Case(self._call(by, operation), Access(account_id=by.account_id, principal=by.principal))
        case.key_id = self._key.key_id
        return case

    def _call(self, by: Caller, operation: Operation) -> Call:
        at = next(self._times)
        return Call(
            by=by,
            operation=operation,
            request_id=time_ordered(at),
            stream=time_ordered(at),
            at=at,
            region_id=self._key.region_id,
            source_ip="127.0.0.1",
            user_agent="bench",
        )
