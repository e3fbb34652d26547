"""How often each operation was asked for, by day: what metering and the bill are counted from.

A call is counted once, on the UTC day of the server's clock, under the account that asked, the region that was
addressed, the key it was about, its operation, and whether it was refused. Whose key it was stands beside it, in
``projections.usage_keys``: an event of a use does not repeat its key's owner. The service's own work is nobody's usage,
and neither are attempts to be somebody.

:func:`folded` is pure, and adding up is the same in any order and any pages: whatever follows, catches up or is rebuilt
makes the same rows. Questions about the rows are in :mod:`projections.usage_report`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from domain.events import CALLS, EVENTS, AuthenticationFailed, CallRefused, Event, KeyCreated, KeyDestroyed, KeyUsed
from projections.pages import CountedBy, Entry
from projections.projector import Connection

NO_REGION: Final = "?"
"""What is no region's name is counted under this one: a caller may send any text, and a million different ones."""

_REGION: Final = re.compile(r"[a-z0-9-]{1,64}")


class Counted(NamedTuple):
    """What calls are counted by, as text. ``day`` as 2026-11-25; ``key_id`` is None where the call was about no key."""

    day: str
    caller: str
    region_id: str
    key_id: str | None
    operation: str
    refused: bool


class NewKey(NamedTuple):
    key_id: UUID
    account_id: str
    region_id: str
    created_on: date


@dataclass(frozen=True, slots=True)
class Usage:
    """What some events add to the rows."""

    calls: Counter[Counted] = field(default_factory=Counter)
    created: Sequence[NewKey] = ()
    destroyed: Mapping[UUID, date] = field(default_factory=dict)


def folded(history: Iterable[Event]) -> Usage:
    """What ``history`` adds."""
    calls: Counter[Counted] = Counter()
    created: list[NewKey] = []
    destroyed: dict[UUID, date] = {}
    for event in history:
        call, day = event.call, event.timestamp.date()
        if call.by.kind != "system" and type(event) is not AuthenticationFailed:
            refused = type(event) is CallRefused
            key_id = _key_of(event)
            calls[
                Counted(
                    _text(day),
                    call.by.account_id,
                    _region(call.region_id),
                    None if key_id is None else str(key_id),
                    call.operation.value,
                    refused,
                )
            ] += 1
        if type(event) is KeyCreated:
            created.append(NewKey(event.originator_id, event.owner, event.region_id, day))
        elif type(event) is KeyDestroyed:
            destroyed[event.originator_id] = day
    return Usage(calls, created, destroyed)


def counted(calls: Iterable[CountedBy]) -> Counter[Counted]:
    """What events of :data:`~domain.events.CALLS` add: the same as :func:`folded` does, for a tenth of the time."""
    found: Counter[Counted] = Counter()
    for (day, caller, region_id, key_id, operation, refused, kind), times in Counter(calls).items():
        if kind != "system":
            found[Counted(day, caller, _region(region_id), key_id, operation, refused)] += times
    return found


_CALLS: Final = frozenset(event.TOPIC for event in CALLS)


class UsageRows:
    """The projection: a row for each combination that was ever counted, and one for each CMK."""

    name = "usage"
    tables: tuple[str, ...] = ("usage", "usage_keys")
    changes_only = False

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        """Few statements, however many events: 3,000 of them come in a second."""
        usage = folded(entry.event for entry in page if entry.topic not in _CALLS)
        calls = counted(entry.counted for entry in page if entry.topic in _CALLS)
        calls.update(usage.calls)
        if calls:
            await connection.execute(_ADD_CALLS, _columns((*counted, times) for counted, times in calls.items()))
        if usage.created:
            await connection.execute(_ADD_KEYS, _columns(usage.created))
        if usage.destroyed:
            await connection.execute(_END_KEYS, _columns(usage.destroyed.items()))


_ADD_CALLS: Final = """
    insert into usage as stored (day, caller, region_id, key_id, operation, refused, calls)
    select * from unnest(%s::date[], %s::text[], %s::text[], %s::uuid[], %s::text[], %s::boolean[], %s::bigint[])
    on conflict (day, caller, region_id, key_id, operation, refused) do update set calls = stored.calls + excluded.calls
"""
_ADD_KEYS: Final = """
    insert into usage_keys (key_id, account_id, region_id, created_on)
    select * from unnest(%s::uuid[], %s::text[], %s::text[], %s::date[])
"""
_END_KEYS: Final = """
    update usage_keys as stored set destroyed_on = ended.day
    from unnest(%s::uuid[], %s::date[]) as ended (key_id, day) where stored.key_id = ended.key_id
"""

_LIVES: Final = frozenset(event for event in EVENTS if event.TOPIC.startswith("kms.key.")) - {KeyUsed}
"""Events that stand in their key's stream."""


def _key_of(event: Event) -> UUID | None:
    """The key that the call was about."""
    return event.originator_id if type(event) in _LIVES else getattr(event, "key_id", None)


_text: Final = lru_cache(maxsize=64)(date.isoformat)


@lru_cache(maxsize=1_024)
def _region(region_id: str) -> str:
    return region_id if _REGION.fullmatch(region_id) else NO_REGION


def _columns(rows: Iterable[Iterable[object]]) -> list[str]:
    """Rows as the arrays that ``unnest`` takes, as PostgreSQL writes them ("Arrays", section "Array Input and Output
    Syntax"): as parameters, thousands of values would be looked at one by one. All are words, numbers and ids of ours:
    none needs an escape.
    """
    columns = zip(*rows, strict=True)
    return [f"{{{','.join(['NULL' if value is None else str(value) for value in column])}}}" for column in columns]
