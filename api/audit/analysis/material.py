"""What questions that replay are answered from: streams of the ledger, and recorded uses, counted.

Streams are complete up to the ledger's head; uses come from the audit trail, which says how far it is. All of it is
read within one snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from adapters.ledger.mapper import decode
from domain.account import account_stream
from domain.audit.uses import Use
from domain.audit.who_may_assume import trusted_accounts
from domain.errors import InternalFailure
from domain.events import Event
from domain.history.asked import asked_of
from domain.ram.authority import Authority
from domain.ram.authority import replay as replayed
from projections import audit_uses
from projections.audit_uses import Period
from projections.pages import Connection

_EVENTS: Final = "originator_id, originator_version, topic, state"

BATCH: Final = 2_000


async def streams(connection: Connection, wanted: Sequence[UUID], until: int) -> dict[UUID, list[Event]]:
    """Events of each stream up to the position ``until``, in order."""
    cursor = await connection.execute(
        f"select {_EVENTS} from ledger.events where originator_id = any(%s) and position <= %s"  # noqa: S608  # our own columns
        " order by originator_id, originator_version".encode(),
        (list(wanted), until),
        prepare=False,
        binary=True,
    )
    found: dict[UUID, list[Event]] = defaultdict(list)
    for row in await cursor.fetchall():
        found[row[0]].append(decode(*row))
    return found


async def authority_of(connection: Connection, account_id: str, until: int) -> Authority:
    """The account as it stood after the position ``until``."""
    stream = account_stream(account_id)
    authority = replayed((await streams(connection, [stream], until)).get(stream, ()))
    if authority is None:
        raise InternalFailure()
    return authority


async def trusted_by(connection: Connection, authority: Authority, until: int) -> dict[str, Authority]:
    """The other accounts that its roles trust, as far as there are such."""
    named = {account_stream(account_id): account_id for account_id in trusted_accounts(authority)}
    found = await streams(connection, list(named), until)
    replays = {named[stream]: replayed(history) for stream, history in found.items()}
    return {account_id: one for account_id, one in replays.items() if one is not None}


async def uses(
    connection: Connection, account_id: str, period: Period, caller: str | None = None
) -> dict[str, list[Use]]:
    """What the account's identities were answered, by the id of the user or role whose policies allowed it.

    Events that needed the same are counted by the database; one of each is decoded, and says what that was.

    :param caller: such an id; None for all of them.
    """
    groups = await audit_uses.answered(connection, account_id, period, caller)
    examples = await _events_at(connection, list({group.example for group in groups}))
    needed = {position: asked_of(event) for position, event in examples.items()}
    found: dict[str, list[Use]] = defaultdict(list)
    for group in groups:
        asked = needed[group.example]
        if asked is not None:
            found[group.caller] += [
                Use(asked.action, resource, group.times, group.first_at, group.last_at) for resource in asked.resources
            ]
    return found


async def _events_at(connection: Connection, positions: Sequence[int]) -> Mapping[int, Event]:
    found: dict[int, Event] = {}
    for begin in range(0, len(positions), BATCH):
        cursor = await connection.execute(
            f"select position, {_EVENTS} from ledger.events where position = any(%s)".encode(),  # noqa: S608  # our own columns
            (list(positions[begin : begin + BATCH]),),
            prepare=False,
            binary=True,
        )
        found |= {position: decode(*event) for position, *event in await cursor.fetchall()}
    return found


def dated(text: str | None) -> datetime | None:
    """A time that came with a question, as JSON."""
    return None if text is None else datetime.fromisoformat(text)


def joined(parts: Iterable[str]) -> str:
    return ", ".join(parts)


def answer_of(**members: Any) -> dict[str, Any]:
    """Without what is not known."""
    return {name: value for name, value in members.items() if value is not None}
