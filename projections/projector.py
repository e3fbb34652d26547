"""Brings projections up to date: events after the tracked position, in pages; rows and position in one transaction.

Whoever needs a projection advances it: the projector process all the time, and a reader that must see a change that was
just answered. The row lock on the tracked position makes one of them work while the others wait and then find it done.
If we die inside a page, the transaction is gone and the next one begins at the same position: nothing missing, nothing
twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol
from uuid import UUID

import psycopg

from domain.events import Event

Connection = psycopg.AsyncConnection[Any]
Decode = Callable[[UUID, int, str, bytes], Event]

PAGE: Final = 1_000


class Projection(Protocol):
    """A fold over changes and the place where its rows live."""

    name: str

    async def store(self, connection: Connection, page: Sequence[tuple[int, Event]]) -> None:
        """Apply positions and events, in order, inside the caller's transaction."""
        ...


_POISON: Final = (psycopg.DataError, psycopg.IntegrityError, ValueError, LookupError, TypeError)
"""What an event can do to a projection; a database that is away is none of it."""


class PoisonEvent(Exception):
    """A projection could not take this event; it stays where it is until somebody looks."""

    def __init__(self, projection: str, position: int) -> None:
        super().__init__(f"projection {projection} cannot take the event at position {position}")
        self.position = position


async def advance(connection: Connection, projection: Projection, decode: Decode) -> int:
    """One page of changes; returns how many there were. 0 means that it is up to date.

    :raises PoisonEvent: an event that cannot be decoded or stored; nothing of the page was committed.
    """
    page: list[tuple[int, Event]] = []
    try:
        async with connection.transaction():
            position = await _locked_position(connection, projection.name)
            rows = await _rows_after(connection, position)
            if rows:
                page += [_decoded(projection.name, decode, row) for row in rows]
                await projection.store(connection, page)
                await connection.execute(
                    "update projections.tracking set notification_id = %s where application_name = %s",
                    (rows[-1][0], projection.name),
                )
            return len(rows)
    except _POISON as error:
        raise PoisonEvent(projection.name, await _culprit(connection, projection, page)) from error


async def catch_up(connection: Connection, projection: Projection, decode: Decode) -> None:
    """Advance until every change that was recorded before this call is in."""
    while await advance(connection, projection, decode):
        pass


async def lag(connection: Connection, name: str) -> int:
    """Changes that the projection has not taken yet."""
    cursor = await connection.execute(
        "select count(*) from ledger.events where request is not null and position > coalesce("
        "(select notification_id from projections.tracking where application_name = %s), 0)",
        (name,),
    )
    (count,) = (await cursor.fetchone()) or (0,)
    return int(count)


async def _rows_after(connection: Connection, position: int) -> list[tuple[int, UUID, int, str, bytes]]:
    cursor = await connection.execute(
        "select position, originator_id, originator_version, topic, state from ledger.events"
        " where request is not null and position > %s order by position limit %s",
        (position, PAGE),
        binary=True,
    )
    return await cursor.fetchall()


async def _culprit(connection: Connection, projection: Projection, page: Sequence[tuple[int, Event]]) -> int:
    """The position of the event that ``store`` choked on: one at a time, and all of it undone."""
    async with connection.transaction(force_rollback=True):
        for position, event in page:
            try:
                async with connection.transaction():
                    await projection.store(connection, [(position, event)])
            except _POISON:
                return position
    # Each alone is taken, all together are not: somewhere on this page.
    return page[0][0]


async def _locked_position(connection: Connection, name: str) -> int:
    await connection.execute("insert into projections.tracking values (%s, 0) on conflict do nothing", (name,))
    cursor = await connection.execute(
        "select notification_id from projections.tracking where application_name = %s for update", (name,)
    )
    (position,) = (await cursor.fetchone()) or (0,)
    return int(position)


def _decoded(projection: str, decode: Decode, row: tuple[int, UUID, int, str, bytes]) -> tuple[int, Event]:
    position, stream, version, topic, state = row
    try:
        return position, decode(stream, version, topic, state)
    except ValueError as error:
        raise PoisonEvent(projection, position) from error
