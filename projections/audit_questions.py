"""Questions about the audit trail: how many rows there are, how many of each group, and how current they are.

All of an answer is read in one :func:`snapshot`: the rows, up to which event the trail has been made, and the ledger's
head. What arrives meanwhile changes nothing in it. Every statement is planned for its very values (``prepare=False``):
which index is short depends on what is asked for.

Not here: the rows themselves, in pages (:mod:`projections.audit_pages`) or without end
(:mod:`projections.audit_export`); filters (:mod:`projections.audit_where`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from domain.audit.filters import Filters
from projections import audit_profiles
from projections.audit_rows import TIME
from projections.audit_where import TRAIL, Where, asked
from projections.pages import Connection

NAME: Final = "audit_trail"
"""In ``projections.tracking``."""

SECONDS_MAX: Final = 30
"""For one statement of a question; the database ends a longer one."""

Row = dict[str, Any]


class Place(NamedTuple):
    """A position of the ledger, and when its event was recorded; None before the first."""

    position: int
    recorded_at: datetime | None


class Currency(NamedTuple):
    """:param as_of: the last event that the trail has. :param head: the last event of the ledger.
    :param stopped_at: position of an event that cannot be taken: until somebody has looked, there is no more.
    """

    as_of: Place
    head: Place
    stopped_at: int | None


class Dimension(StrEnum):
    """What events can be counted by."""

    PRINCIPAL = "principal"
    PRINCIPAL_ID = "principal_id"
    ACCESS_KEY_ID = "access_key_id"
    OPERATION = "operation"
    OUTCOME = "outcome"
    ERROR_CODE = "error_code"
    KEY_ID = "key_id"
    REGION_ID = "region_id"
    SOURCE_IP = "source_ip"
    USER_AGENT = "user_agent"
    ENCRYPTION_CONTEXT = "encryption_context"
    ASSUMED_BY = "assumed_by"
    DAY = "day"
    MONTH = "month"
    HOUR = "hour"


PROFILED: Final = frozenset(Dimension) & frozenset(audit_profiles.COLUMNS)
"""Those that profiles tell."""


@asynccontextmanager
async def snapshot(connection: Connection, seconds_max: int = SECONDS_MAX) -> AsyncIterator[None]:
    """A transaction that sees one instant.

    Times and plans are settled for it alone: an index of ours is read in the order in which its rows lie.
    """
    async with connection.transaction():
        await connection.execute(_BEGINNING.format(seconds_max).encode())
        yield


async def currency(connection: Connection) -> Currency:
    cursor = await connection.execute(_CURRENCY, {"name": NAME}, prepare=False)
    as_of, as_of_at, head, head_at, stopped_at = await cursor.fetchone() or (0, None, 0, None, None)
    return Currency(Place(as_of, as_of_at), Place(head, head_at), stopped_at)


async def time_at(connection: Connection, position: int) -> Place:
    """When the event at ``position`` was recorded."""
    cursor = await connection.execute("select recorded_at from ledger.events where position = %s", (position,))
    (recorded_at,) = await cursor.fetchone() or (None,)
    return Place(position, recorded_at)


async def position_at(connection: Connection, at: datetime) -> int:
    """The last position that was recorded by ``at``; 0 where there is none. Times follow positions, so it is
    looked for by halves: no index of the ledger is in the order of times."""
    cursor = await connection.execute(_POSITION_AT, {"at": at}, prepare=False)
    (position,) = await cursor.fetchone() or (0,)
    return int(position)


async def total(connection: Connection, account_id: str | None, filters: Filters, until: int) -> int:
    """How many rows there are up to the position ``until``."""
    where = await asked(connection, account_id, filters)
    statement = f"select count(*) from ({rows_of(where)}) e"  # noqa: S608  # our own conditions
    cursor = await connection.execute(statement.encode(), {**where.values, "until_position": until}, prepare=False)
    (count,) = await cursor.fetchone() or (0,)
    return int(count)


async def counts(
    connection: Connection, account_id: str | None, filters: Filters, by: Sequence[Dimension], until: int, limit: int
) -> list[Row]:
    """Groups, those with most events first: their values, events, requests, and the first and the last event."""
    where = await asked(connection, account_id, filters)
    own = [dimension for dimension in by if dimension not in PROFILED]
    by_profile = ["profile"] if len(own) < len(by) else []
    statement = _COUNTS.format(
        shown="".join(f"{_SHOWN.get(dimension, dimension.value)}, " for dimension in by),
        columns="".join(f"{dimension}, " for dimension in by),
        own="".join(f"{_GROUPS.get(dimension, dimension.value)} as {dimension}, " for dimension in own),
        rows=rows_of(where),
        first_at=TIME.format("first_at"),
        last_at=TIME.format("last_at"),
        profile="".join(f"{name}, " for name in by_profile),
        profiles="left join projections.audit_profiles using (profile)" if by_profile else "",
        own_groups=", ".join([*by_profile, *own]) or "()",
        groups=", ".join(by) or "()",
        order="".join(f", {dimension}" for dimension in by),
    )
    values = {**where.values, "until_position": until, "limit": limit}
    cursor = await connection.execute(statement.encode(), values, prepare=False)
    return [_group(by, row) for row in await cursor.fetchall()]


def _group(by: Sequence[Dimension], row: Sequence[Any]) -> Row:
    count, requests, first, first_at, last, last_at = row[len(by) :]
    return {
        **{dimension.value: value for dimension, value in zip(by, row, strict=False)},
        "count": count,
        "requests": requests,
        "first": {"position": first, "recorded_at": first_at},
        "last": {"position": last, "recorded_at": last_at},
    }


async def months(connection: Connection, filters: Filters, *, descending: bool) -> list[date]:
    """The months that have a partition, as far as the filters' times reach: later ones have later positions."""
    cursor = await connection.execute(_MONTHS, {"since": filters.since, "until": filters.until}, prepare=False)
    found = [month for (month,) in await cursor.fetchall()]
    return found[::-1] if descending else found


def rows_of(where: Where, suffix: str = "") -> str:
    """Up to ``%(until_position)s``.

    :param suffix: a further condition, an order.
    """
    return f"select * from {TRAIL} where {where.condition} and position <= %(until_position)s{suffix}"  # noqa: S608  # our own


_BEGINNING: Final = (
    "set transaction isolation level repeatable read, read only;"
    " set local statement_timeout = '{}s';"
    " set local timezone = 'UTC';"
    " set local random_page_cost = 1.1;"
    " set local work_mem = '32MB';"
    " set local jit = off"
)

IN_MONTH: Final = (
    " and recorded_at >= %(month)s::timestamp at time zone 'UTC'"
    " and recorded_at < (%(month)s::timestamp + interval '1 month') at time zone 'UTC'"
)

_CURRENCY: Final = """
select coalesce(t.notification_id, 0), e.recorded_at, h.next_position - 1, nullif(h.recorded_at, '-infinity'),
    s.position
from ledger.ledger_head h
left join projections.tracking t on t.application_name = %(name)s
left join projections.stopped s on s.application_name = %(name)s
left join ledger.events e on e.position = t.notification_id
"""

_POSITION_AT: Final = """
with recursive halves (low, high) as (
    select 0::bigint, next_position - 1 from ledger.ledger_head
    union all
    select case when later then low else middle end, case when later then middle - 1 else high end
    from (
        select low, high, middle, coalesce(e.recorded_at > %(at)s, true) as later
        from (select low, high, (low + high + 1) / 2 as middle from halves where low < high) h
        left join ledger.events e on e.position = middle) m)
select low from halves where low >= high
"""

_MONTHS: Final = """
select month from (
    select to_date(right(c.relname, 7), 'YYYY_MM') as month
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'projections.audit_trail'::regclass) m
where (%(since)s::timestamptz is null or (month + interval '1 month') at time zone 'UTC' > %(since)s)
  and (%(until)s::timestamptz is null or month::timestamp at time zone 'UTC' < %(until)s)
order by month
"""

_GROUPS: Final = {
    Dimension.DAY: "(recorded_at at time zone 'UTC')::date",
    Dimension.MONTH: "date_trunc('month', recorded_at at time zone 'UTC')",
    Dimension.HOUR: "date_trunc('hour', recorded_at at time zone 'UTC')",
}

_SHOWN: Final = {
    Dimension.KEY_ID: "key_id::text",
    Dimension.SOURCE_IP: "abbrev(source_ip)",
    Dimension.DAY: "to_char(day, 'YYYY-MM-DD')",
    Dimension.MONTH: "to_char(month, 'YYYY-MM')",
    Dimension.HOUR: 'to_char(hour, \'YYYY-MM-DD"T"HH24:MI"Z"\')',
}

_COUNTS: Final = """
select {shown}count, requests, first_position, {first_at}, last_position, {last_at}
from (
    select {columns}sum(count)::bigint as count, sum(requests)::bigint as requests,
        min(first_position) as first_position, min(first_at) as first_at,
        max(last_position) as last_position, max(last_at) as last_at
    from (
        select {profile}{own}count(*) as count, sum(occurrences) as requests, min(position) as first_position,
            min(recorded_at) as first_at, max(position) as last_position, max(recorded_at) as last_at
        from ({rows}) e
        group by {own_groups}) p
    {profiles}
    group by {groups} having sum(count) > 0
    order by count desc{order} limit %(limit)s) g
"""
"""Of each profile first, where profiles tell: an index has all that this needs, and each is looked up once."""
