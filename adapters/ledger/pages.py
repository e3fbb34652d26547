"""The ledger from beginning to end, in pages, looked at as it is read: no position is missing, no time goes back.

For replays. A page at a time is in memory, whatever the ledger's length.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any, Final

import psycopg

from adapters.ledger.digest import Row
from adapters.ledger.mapper import decode
from domain.standing import Standing

PAGE: Final = 2_000

_PAGE: Final = (
    "select position, originator_id, originator_version, topic, state, recorded_at from ledger.events"
    " where position > %s order by position limit %s"
)


class LedgerBroken(Exception):
    """What no append of this service makes: the sentence says where and what."""


async def pages(
    connection: psycopg.AsyncConnection[Any],
    after: int = 0,
    until: int | None = None,
    look_at: Callable[[Row], object] = lambda _: None,
) -> AsyncIterator[list[Standing]]:
    """Events after the position ``after``, up to and with ``until``.

    :param look_at: is given each row as it stands, before it is decoded.
    :raises LedgerBroken: a position is missing, a time goes back, or an event cannot be decoded.
    """
    position, at = after, datetime.min.replace(tzinfo=UTC)
    while until is None or position < until:
        limit = PAGE if until is None else min(PAGE, until - position)
        cursor = await connection.execute(_PAGE, (position, limit), prepare=True, binary=True)
        rows = await cursor.fetchall()
        if not rows:
            return
        page = []
        for row in rows:
            look_at(row)
            standing = _read(row)
            if standing.position != position + 1:
                raise LedgerBroken(f"After position {position} comes {standing.position}: an event is missing.")
            if position > after and standing.recorded_at < at:
                raise LedgerBroken(f"Position {standing.position} was recorded before the one before it.")
            position, at = standing.position, standing.recorded_at
            page.append(standing)
        yield page


def _read(row: Row) -> Standing:
    position, stream, version, topic, state, recorded_at = row
    try:
        return Standing(position, recorded_at, decode(stream, version, topic, state))
    except ValueError as error:
        raise LedgerBroken(f"The event at position {position} cannot be read: {error}") from error
