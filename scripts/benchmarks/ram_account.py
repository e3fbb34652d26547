"""An account made large: users in groups, policies and what they are attached to, through the product's own append.

Every change is decided by the domain's commands on the account as it stands and recorded as RAM would have recorded it,
but many in one submission and without HTTP. Access keys of callers are made over the wire (``ram_scale.py``): their
secrets need the HSM.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain.account import account_stream
from domain.call import Call
from domain.events import Event
from domain.ports import Submission
from domain.ram import attachments, groups, policies, roles, users
from domain.ram import authority as authorities
from domain.ram.authority import Authority
from domain.ram.entities import PolicyType, TargetKind
from domain.vocabulary import Operation
from scripts.benchmarks.deployment import KeyLedger
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.populate import request_id, time_ordered

USERS_OF_GROUP: Final = 100
IN_SUBMISSION: Final = 100
"""Changes recorded together; the ledger looks each of them up in its submission."""

ROLE: Final = "bench"
USES_KEYS: Final = "use-keys"
"""What every group and the role may: Encrypt and AssumeRole."""


@dataclass(frozen=True, slots=True)
class Size:
    """Besides these, a group for each hundred users, and one role. At least two policies."""

    users: int
    policies: int


def user(number: int) -> str:
    return f"user-{number:05}"


def group(number: int) -> str:
    return f"group-{number:05}"


def policy(number: int) -> str:
    return f"policy-{number:05}"


def access_key(number: int) -> str:
    return f"LTAI5t{number:018}"


def document(*actions: str, resource: str = "*", principals: tuple[str, ...] = ()) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": list(actions)}
    statement |= {"Principal": {"RAM": list(principals)}} if principals else {"Resource": resource}
    return json.dumps({"Version": "1", "Statement": [statement]})


def make_account(server: KeyLedger, size: Size, advance: Callable[[int], None]) -> int:
    """The root account of ``server`` made so large; how many events its stream has then.

    :param advance: told how many changes have been recorded since it was told last.
    :raises BenchError: the database refuses what the service's role may do.
    """
    try:
        return asyncio.run(_make(server, size, advance))
    except psycopg.Error as error:
        raise BenchError(f"The account could not be made: {error}") from None


def changes(size: Size) -> int:
    """How many :func:`make_account` records."""
    return sum(1 for _ in _commands(Authority(""), size))


async def _make(server: KeyLedger, size: Size, advance: Callable[[int], None]) -> int:
    reader, writer = LedgerReader(server.database_url), LedgerWriter(server.database_url)
    await reader.start()
    await writer.start()
    try:
        authority = authorities.replay(await reader.stream(account_stream(server.account_id)))
        if authority is None:
            raise BenchError("The deployment's root account has no events.")
        made = _events(authority, server.credentials.access_key_id, server.credentials.region_id, size)
        while some := tuple(itertools.islice(made, IN_SUBMISSION)):
            await writer.append(Submission(events=some, claim=some[0].call.stream))
            advance(len(some))
        return authority.version
    finally:
        await writer.close()
        await reader.close()


def _events(authority: Authority, access_key_id: str, region_id: str, size: Size) -> Iterator[Event]:
    # Guarded by nothing, since nobody else changes the account.
    by = replace(authority.root(access_key_id), authority=None)
    for operation, command, given in _commands(authority, size):
        at = datetime.now(UTC)
        call = Call(
            by=by,
            operation=operation,
            request_id=request_id(at),
            stream=time_ordered(at),
            at=at,
            region_id=region_id,
            source_ip="127.0.0.1",
            user_agent="bench",
        )
        event = command(authority, call, *given)
        authority.apply(event)
        yield event


Command = tuple[Operation, Callable[..., Event], tuple[Any, ...]]


def _commands(authority: Authority, size: Size) -> Iterator[Command]:
    """Every group has what it takes to use keys, and a policy of its own; every other user has one of its own; every
    tenth has an access key, whose secret nobody has.
    """
    arn = f"acs:ram::{authority.account_id}:root"
    group_count = -(-size.users // USERS_OF_GROUP)
    yield _O.CREATE_POLICY, policies.create_policy, (USES_KEYS, document("kms:Encrypt", "sts:AssumeRole"))
    yield _O.CREATE_ROLE, roles.create_role, (ROLE, document("sts:AssumeRole", principals=(arn,)))
    yield _attached(USES_KEYS, TargetKind.ROLE, ROLE)
    for number in range(size.policies - 1):
        resource = f"acs:kms:*:{authority.account_id}:key/{number:08}-*"
        yield _O.CREATE_POLICY, policies.create_policy, (policy(number), document("kms:Decrypt", resource=resource))
    for number in range(group_count):
        yield _O.CREATE_GROUP, groups.create_group, (group(number),)
        yield _attached(USES_KEYS, TargetKind.GROUP, group(number))
        yield _attached(policy(number % (size.policies - 1)), TargetKind.GROUP, group(number))
    for number in range(size.users):
        yield _O.CREATE_USER, users.create_user, (user(number),)
        yield _O.ADD_USER_TO_GROUP, groups.add_user_to_group, (user(number), group(number // USERS_OF_GROUP))
        if number % 10 == 0:
            yield _O.CREATE_ACCESS_KEY, users.create_access_key, (user(number), access_key(number))
        if number % 2 == 0:
            yield _attached(policy(number % (size.policies - 1)), TargetKind.USER, user(number))


_O: Final = Operation
_ATTACHES: Final = {
    TargetKind.USER: Operation.ATTACH_POLICY_TO_USER,
    TargetKind.GROUP: Operation.ATTACH_POLICY_TO_GROUP,
    TargetKind.ROLE: Operation.ATTACH_POLICY_TO_ROLE,
}


def _attached(policy_name: str, kind: TargetKind, name: str) -> Command:
    return _ATTACHES[kind], attachments.attach_policy, (PolicyType.CUSTOM, policy_name, kind, name)
