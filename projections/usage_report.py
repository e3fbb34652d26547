"""Questions about usage: how many calls and key-months, grouped and filtered, and how many of them a tariff lets pass.

* Whose usage it is (``account``): the key's owner's where the call was about a key, else the caller's.
* A *key-month* is a calendar month (UTC) on some day of which a CMK existed. It counts on the first such day.
* *Free* are the first calls of an account in a month, as many as the tariff's line allows: in the order of days, within
  a day in the order of regions, keys, operations and callers. So what one question finds free does not depend on its
  filters and groups, and the answers about parts of a month add up to the answer about all of it.
* Refused calls are counted apart, and are never paid for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from projections import projector
from projections.projector import Connection
from projections.usage import UsageRows

KEY_MONTH: Final = "KeyMonth"
"""Stands in the place of an operation."""


class Dimension(StrEnum):
    """What usage can be grouped by."""

    ACCOUNT = "account"
    CALLER = "caller"
    REGION = "region"
    KEY = "key"
    OPERATION = "operation"
    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """:param since: first day. :param until: last day; key-months are counted up to it. None filters nothing."""

    since: date
    until: date
    account_id: str | None = None
    caller: str | None = None
    region_id: str | None = None
    key_id: UUID | None = None
    by: Sequence[Dimension] = ()


class Allowance(NamedTuple):
    """What an account may have free in a month, of these operations (or key-months) together."""

    operations: tuple[str, ...]
    free: int


class Line(NamedTuple):
    """:param group: a value for each dimension asked by. :param free: of ``answered``."""

    group: tuple[str, ...]
    operation: str
    answered: int
    refused: int
    free: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How current the rows are. :param recorded_at: of the event at ``position``; None before the first."""

    position: int
    head: int
    recorded_at: datetime | None


async def answered(connection: Connection, question: Question, allowances: Sequence[Allowance] = ()) -> list[Line]:
    """One line for each group and operation, in the order of groups."""
    groups = [_GROUPS[dimension] for dimension in question.by]
    free = [(operation, number, line.free) for number, line in enumerate(allowances) for operation in line.operations]
    statement = _QUESTION.format(
        groups="".join(f"{group}, " for group in groups), order=", ".join([*groups, "operation"])
    )
    cursor = await connection.execute(
        statement.encode(),
        {
            "month": question.since.replace(day=1),
            "since": question.since,
            "until": question.until,
            "account": question.account_id,
            "caller": question.caller,
            "region": question.region_id,
            "key": question.key_id,
            "operations": [operation for operation, _, _ in free],
            "lines": [number for _, number, _ in free],
            "free": [count for _, _, count in free],
        },
    )
    return [
        Line(tuple(str(value) for value in row[: len(groups)]), *row[len(groups) :]) for row in await cursor.fetchall()
    ]


async def standing(connection: Connection) -> Standing:
    position = await projector.tracked(connection, UsageRows.name)
    cursor = await connection.execute(
        "select h.next_position - 1, e.recorded_at from ledger.ledger_head h"
        " left join ledger.events e on e.position = %s",
        (position,),
    )
    head, recorded_at = await cursor.fetchone() or (0, None)
    return Standing(position, head, recorded_at)


_GROUPS: Final = {
    Dimension.ACCOUNT: "account",
    Dimension.CALLER: "caller",
    Dimension.REGION: "region_id",
    Dimension.KEY: "coalesce(key_id::text, '')",
    Dimension.OPERATION: "operation",
    Dimension.DAY: "day",
    Dimension.MONTH: "to_char(day, 'YYYY-MM')",
}

_QUESTION: Final = """
with allowed as (
    select i.*, least(i.answered, greatest(0, a.free - (sum(i.answered) over up_to_here - i.answered))) as free
    from projections.usage_items(%(month)s, %(until)s) i
    left join unnest(%(operations)s::text[], %(lines)s::int[], %(free)s::bigint[]) as a (operation, line, free)
        using (operation)
    where %(account)s::text is null or i.account = %(account)s
    window up_to_here as (
        partition by i.account, date_trunc('month', i.day::timestamp), a.line
        order by i.day, i.region_id, i.key_id, operation, i.caller, i.refused
        rows unbounded preceding)
)
select {groups}operation, sum(answered)::bigint, sum(refused)::bigint, coalesce(sum(free), 0)::bigint
from allowed
where day >= %(since)s
  and (%(caller)s::text is null or caller = %(caller)s)
  and (%(region)s::text is null or region_id = %(region)s)
  and (%(key)s::uuid is null or key_id = %(key)s)
group by {order}
order by {order}
"""
"""Months are counted from their beginning, since the first calls of a month are free."""
