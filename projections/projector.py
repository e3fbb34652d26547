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
    """A fold over events and the place where its rows live.

    :ivar name: in ``projections.tracking``, in logs and in metrics.
    :ivar changes_only: whether events that change nothing (uses, reads, refusals) are no concern of it: they are most
        of the ledger, and whoever leaves them out reads the rest through an index.
    """

    name: str
    changes_only: bool

    async def store(self, connection: Connection, page: Sequence[tuple[int, Event]]) -> None:
        """Apply positions and events, in order, inside the caller's transaction."""
        ...


_ROWS_AFTER: Final = "select position, originator_id, originator_version, topic, state from ledger.events where "
_CHANGES: Final = "request is not null and "
_PAGE_AFTER: Final = "position > %s order by position limit %s"


class PoisonEvent(Exception):
    """A projection could not take this event; it stays where it is until somebody looks."""

    def __init__(self, projection: str, position: int) -> None:
        super().__init__(f"projection {projection} cannot take the event at position {position}")
        self.projection = projection
        self.position = position


async def advance(connection: Connection, projection: Projection, decode: Decode) -> int:
    """One page of events; returns how many there were. Fewer than :data:`PAGE` means that it is up to date.

    :raises PoisonEvent: an event that cannot be decoded or stored; nothing of the page was committed.
    """
    page: list[tuple[int, Event]] = []
    try:
        async with connection.transaction():
            position = await _locked_position(connection, projection.name)
            rows = await _rows_after(connection, projection, position)
            if rows:
                page += [_decoded(projection.name, decode, row) for row in rows]
                await projection.store(connection, page)
                await connection.execute(
                    "update projections.tracking set notification_id = %s where application_name = %s",
                    (rows[-1][0], projection.name),
                )
            return len(rows)
    except Exception as error:
        if isinstance(error, PoisonEvent) or _is_the_databases(error):
            raise
        raise PoisonEvent(projection.name, await _culprit(connection, projection, page)) from error


async def catch_up(connection: Connection, projection: Projection, decode: Decode) -> None:
    """Advance until every event that was recorded before this call is in; not until there are no newer ones."""
    while await advance(connection, projection, decode) >= PAGE:
        pass


async def tracked(connection: Connection, name: str) -> int:
    """The position of the last event that the projection has taken; 0 before the first."""
    cursor = await connection.execute(
        "select notification_id from projections.tracking where application_name = %s", (name,)
    )
    (position,) = (await cursor.fetchone()) or (0,)
    return int(position)


async def lag(connection: Connection, projection: Projection) -> int:
    """Events that the projection has not taken yet."""
    counted = f"select count(*) from ledger.events where {_CHANGES if projection.changes_only else ''}position > %s"  # noqa: S608  # our own condition
    cursor = await connection.execute(counted.encode(), (await tracked(connection, projection.name),))
    (count,) = (await cursor.fetchone()) or (0,)
    return int(count)


def _is_the_databases(error: Exception) -> bool:
    """Whether it says that the database is away or not ours to use, rather than what an event did to a projection."""
    return isinstance(error, psycopg.Error) and not isinstance(error, psycopg.DataError | psycopg.IntegrityError)


async def _rows_after(
    connection: Connection, projection: Projection, position: int
) -> list[tuple[int, UUID, int, str, bytes]]:
    statement = _ROWS_AFTER + (_CHANGES if projection.changes_only else "") + _PAGE_AFTER
    cursor = await connection.execute(statement.encode(), (position, PAGE), binary=True)
    return await cursor.fetchall()


async def _culprit(connection: Connection, projection: Projection, page: Sequence[tuple[int, Event]]) -> int:
    """The position of the event that ``store`` choked on: one at a time, and all of it undone."""
    async with connection.transaction(force_rollback=True):
        for position, event in page:
            try:
                async with connection.transaction():
                    await projection.store(connection, [(position, event)])
            except Exception as error:
                if _is_the_databases(error):
                    raise
                return position
    # Each alone is taken, all together are not: somewhere on this page.
    return page[0][0]


async def _locked_position(connection: Connection, name: str) -> int:
    await connection.execute("insert into projections.tracking values (%s, 0) on conflict do nothing", (name,))
    # Not waiting for the disk: a crash may undo the last pages, rows and position together, and they are done again.
    cursor = await connection.execute(
        "select notification_id, set_config('synchronous_commit', 'off', true) from projections.tracking"
        " where application_name = %s for update",
        (name,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _decoded(projection: str, decode: Decode, row: tuple[int, UUID, int, str, bytes]) -> tuple[int, Event]:
    position, stream, version, topic, state = row
    try:
        return position, decode(stream, version, topic, state)
    except Exception as error:
        raise PoisonEvent(projection, position) from error
