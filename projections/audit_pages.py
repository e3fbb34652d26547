"""Rows of the audit trail, page by page, as JSON's values.

* Pages follow positions, never offsets: a page is as quick when it is the thousandth, and what arrives between two
  pages moves none.
* The rows nearest to where a page begins are looked through first: where every third one is wanted they fill it, and no
  estimate of how many are wanted in all can lead astray. Only then the rest is asked for.
* Of the rest a month is asked at a time: a page is full long before the trail's whole length has been planned for.
  Within a month each branch of the scope is a walk in one index.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from domain.audit.filters import Filters
from projections.audit_questions import IN_MONTH, Row, months, rows_of, time_at
from projections.audit_rows import JSON_LINE
from projections.audit_where import Where, where
from projections.pages import Connection

NEAR: Final = 16_384
"""Positions. To look through so many rows takes a few milliseconds."""


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
    asked = where(account_id, filters)
    whole = _whole(filters, wanted)
    near, far = _parted(whole, filters, wanted)
    rows = await _near(connection, asked, wanted, near) if near is not None else []
    for month in await months(connection, filters, descending=wanted.descending) if len(rows) < wanted.limit else ():
        asked.values["month"] = month
        rows += await _rows(connection, asked, wanted, far, IN_MONTH, wanted.limit - len(rows))
        if len(rows) == wanted.limit:
            break
    return rows


def _whole(filters: Filters, wanted: Slice) -> _Range:
    """Where rows may stand."""
    lows = [1 if filters.first is None else filters.first]
    highs = [wanted.until] if filters.last is None else [wanted.until, filters.last]
    if wanted.after is not None:
        (highs if wanted.descending else lows).append(wanted.after - 1 if wanted.descending else wanted.after + 1)
    return _Range(max(lows), min(highs))


def _parted(whole: _Range, filters: Filters, wanted: Slice) -> tuple[_Range | None, _Range]:
    """What is near, and the rest. Where a time says where the page begins, nobody knows what is near, and one request
    is found as quickly anywhere.
    """
    if filters.request_id is not None or (filters.until if wanted.descending else filters.since) is not None:
        return None, whole
    if wanted.descending:
        low = max(whole.low, whole.high - NEAR + 1)
        return _Range(low, whole.high), _Range(whole.low, low - 1)
    high = min(whole.high, whole.low + NEAR - 1)
    return _Range(whole.low, high), _Range(high + 1, whole.high)


async def _near(connection: Connection, asked: Where, wanted: Slice, near: _Range) -> list[Row]:
    """The ledger says when its ends were recorded: only months between them are planned for."""
    ends = [(await time_at(connection, position)).recorded_at for position in near]
    asked.values.update(zip(("near_since", "near_until"), ends, strict=True))
    within = "".join(_bounds(known_low=ends[0] is not None, known_high=ends[1] is not None))
    return await _rows(connection, asked, wanted, near, within, wanted.limit)


def _bounds(*, known_low: bool, known_high: bool) -> Iterator[str]:
    if known_low:
        yield " and recorded_at >= %(near_since)s"
    if known_high:
        yield " and recorded_at <= %(near_until)s"


async def _rows(
    connection: Connection, asked: Where, wanted: Slice, positions: _Range, within: str, limit: int
) -> list[Row]:
    if positions.low > positions.high:
        return []
    values = {**asked.values, "from_position": positions.low, "until_position": positions.high, "limit": limit}
    order = f"position {'desc' if wanted.descending else 'asc'}"
    rows = rows_of(asked, f" and position >= %(from_position)s{within} order by {order} limit %(limit)s")
    statement = f"select {JSON_LINE} from ({rows}) e order by {order} limit %(limit)s"  # noqa: S608  # our own columns
    cursor = await connection.execute(statement.encode(), values, prepare=False)
    return [json.loads(line) for (line,) in await cursor.fetchall()]
