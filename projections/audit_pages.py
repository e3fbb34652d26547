"""Rows of the audit trail, page by page, as JSON's values.

* Pages follow positions, never offsets: a page is as quick when it is the thousandth, and what arrives between two
  pages moves none.
* The rows nearest to where a page begins are looked through one by one: where every hundredth is wanted they fill it,
  and no estimate of how many are wanted in all can lead astray.
* Only then ever longer stretches behind them are asked for, through indexes: what is rare is found in few steps, and
  what came all at once, long ago, is not asked for together with all the rest.
* The ledger says when the ends of a stretch were recorded, so only the months between them are planned for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from domain.audit.filters import Filters
from projections.audit_questions import Row, position_at
from projections.audit_rows import JSON_LINE
from projections.audit_where import TRAIL, Where, asked, directly
from projections.pages import Connection

NEAR: Final = 8_192
"""Positions. To look through so many rows takes a few milliseconds."""
GROWTH: Final = 16


@dataclass(frozen=True, slots=True)
class Slice:
    """Part of the rows, in the order of positions.

    :param until: no row beyond it. :param after: the row before the first wanted one, in the slice's order.
    """

    until: int
    limit: int
    descending: bool = True
    after: int | None = None


class _Range(NamedTuple):
    """Positions, both ends included."""

    low: int
    high: int


async def page(connection: Connection, account_id: str | None, filters: Filters, wanted: Slice) -> list[Row]:
    """:param account_id: whose rows may be found; None for everybody's. In a snapshot."""
    whole = await _whole(connection, filters, wanted)
    # Positions say all that times say.
    filters = replace(filters, since=None, until=None)
    if filters.request_id is not None:  # is found as quickly anywhere
        return await _rows(connection, _indexed, directly(account_id, filters), whole, wanted)
    rows: list[Row] = []
    where, how = directly(account_id, filters), _one_by_one
    for stretch in _stretches(whole, descending=wanted.descending):
        rest = replace(wanted, limit=wanted.limit - len(rows))
        rows += await _rows(connection, how, where, stretch, rest)
        if len(rows) == wanted.limit:
            break
        if how is _one_by_one:
            where, how = await asked(connection, account_id, filters), _indexed
    return rows


async def _whole(connection: Connection, filters: Filters, wanted: Slice) -> _Range:
    """Where rows may stand."""
    lows = [1 if filters.first is None else filters.first]
    highs = [wanted.until] if filters.last is None else [wanted.until, filters.last]
    if wanted.after is not None:
        (highs if wanted.descending else lows).append(wanted.after - 1 if wanted.descending else wanted.after + 1)
    if filters.since is not None:
        lows.append(await position_at(connection, _before(filters.since)) + 1)
    if filters.until is not None:
        highs.append(await position_at(connection, _before(filters.until)))
    return _Range(max(lows), min(highs))


def _before(at: datetime) -> datetime:
    """The last time before it: the database knows microseconds."""
    return at - timedelta(microseconds=1) if at > _FIRST else at


_FIRST: Final = datetime.min.replace(tzinfo=UTC)


def _stretches(whole: _Range, *, descending: bool) -> Iterator[_Range]:
    low, high = whole
    length = NEAR
    while low <= high:
        if descending:
            yield _Range(max(low, high - length + 1), high)
            high -= length
        else:
            yield _Range(low, min(high, low + length - 1))
            low += length
        length *= GROWTH


def _one_by_one(where: Where, within: str, order: str) -> str:
    """``offset 0`` keeps conditions from what is inside of it, so no index but that of positions is of use."""
    rows = f"select * from {TRAIL} where {within} order by {order} offset 0"  # noqa: S608  # our own
    return f"select * from ({rows}) r where {where.condition}"  # noqa: S608  # our own


def _indexed(where: Where, within: str, order: str) -> str:
    return f"select * from {TRAIL} where {where.condition} and {within}"  # noqa: S608  # our own


async def _rows(
    connection: Connection, how: Callable[[Where, str, str], str], where: Where, stretch: _Range, wanted: Slice
) -> list[Row]:
    cursor = await connection.execute(_MONTHS, stretch, prepare=False)
    since, until = await cursor.fetchone() or (None, None)
    values = {"low": stretch.low, "high": stretch.high, "months_since": since, "months_until": until}
    within = "position between %(low)s and %(high)s" + "".join(_bounds(since, until))
    order = f"position {'desc' if wanted.descending else 'asc'}"
    rows = how(where, within, order)
    ordered = f"{rows} order by {order} limit %(limit)s"
    statement = f"select {JSON_LINE} from ({ordered}) e order by {order}"  # noqa: S608  # our own columns
    cursor = await connection.execute(
        statement.encode(), where.values | values | {"limit": wanted.limit}, prepare=False
    )
    return [json.loads(line) for (line,) in await cursor.fetchall()]


_MONTHS: Final = """
select date_trunc('month', (select recorded_at from ledger.events where position = %s)),
    date_trunc('month', (select recorded_at from ledger.events where position = %s)) + interval '1 month'
"""
"""Whole ones: a narrower time would be looked for as well, where positions say all."""


def _bounds(since: datetime | None, until: datetime | None) -> Iterator[str]:
    if since is not None:
        yield " and recorded_at >= %(months_since)s"
    if until is not None:
        yield " and recorded_at < %(months_until)s"
