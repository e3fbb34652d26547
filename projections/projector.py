"""Brings projections up to date: events after the tracked position, in pages; rows and position in one transaction.

Whoever needs a projection advances it: the projector process all the time, and a reader that must see a change that was
just answered. The row lock on the tracked position makes one of them work while the others wait and then find it done.
If we die inside a page, the transaction is gone and the next one begins at the same position: nothing missing, nothing
twice.

Projections name their tables without a schema: the live ones stand in :data:`LIVE`, and a rebuild fills the same tables
in a schema of its own with the same folds.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final, Protocol

import psycopg

from projections.pages import CHANGES, PAGE, Connection, Decode, Entry, Page, Pages

__all__ = ["LIVE", "PAGE", "Connection", "Decode", "PoisonEvent", "Projection", "advance", "catch_up", "lag", "tracked"]

LIVE: Final = "projections"


class Projection(Protocol):
    """A fold over events and the place where its rows live.

    :ivar name: in the table ``tracking``, in logs and in metrics.
    :ivar tables: the tables where its rows live, without their schema; ``sql/<name>.sql`` makes them.
    :ivar changes_only: whether events that change nothing (uses, reads, refusals) are no concern of it: they are most
        of the ledger, and whoever leaves them out reads the rest through an index.
    """

    name: str
    tables: tuple[str, ...]
    changes_only: bool

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        """Apply a page, in order, inside the caller's transaction, to tables that are named without their schema."""
        ...


class PoisonEvent(Exception):
    """A projection could not take this event; it stays where it is until somebody looks."""

    def __init__(self, projection: str, position: int) -> None:
        super().__init__(f"projection {projection} cannot take the event at position {position}")
        self.projection = projection
        self.position = position


async def advance(
    connection: Connection, projection: Projection, pages: Pages, *, schema: str = LIVE, until: int | None = None
) -> bool:
    """Take one page of events; returns whether more may follow.

    :param until: a position beyond which nothing is taken.
    :raises PoisonEvent: an event that cannot be decoded or stored; nothing of the page was committed.
    """
    page = Page((), more=False)
    try:
        async with connection.transaction():
            position = await _locked_position(connection, projection.name, schema)
            page = await pages.after(connection, position, changes_only=projection.changes_only, until=until)
            if page.entries:
                await projection.store(connection, page.entries)
                await connection.execute(
                    "update tracking set notification_id = %s where application_name = %s",
                    (page.entries[-1].position, projection.name),
                )
            return page.more
    except Exception as error:
        if _is_the_databases(error):
            raise
        raise PoisonEvent(projection.name, await _culprit(connection, projection, page.entries, schema)) from error


async def catch_up(connection: Connection, projection: Projection, decode: Decode, size: int = PAGE) -> None:
    """Advance until every event that was recorded before this call is in; not until there are no newer ones.

    :param size: events of a page.
    """
    pages = Pages(decode, size)
    while await advance(connection, projection, pages):
        pass


async def take_before(connection: Connection, projection: Projection, pages: Pages, poison: PoisonEvent) -> None:
    """What stands on the page of ``poison`` before it, which went with it."""
    with contextlib.suppress(PoisonEvent):
        await advance(connection, projection, pages, until=poison.position - 1)


async def tracked(connection: Connection, name: str) -> int:
    """The position of the last event that the projection has taken; 0 before the first."""
    cursor = await connection.execute(
        "select notification_id from projections.tracking where application_name = %s", (name,)
    )
    (position,) = (await cursor.fetchone()) or (0,)
    return int(position)


async def places(connection: Connection, name: str) -> tuple[int, int]:
    """The positions of the last event that the projection has taken, and of the ledger's last one; 0 where none is."""
    cursor = await connection.execute(_PLACES, (name,))
    position, head = (await cursor.fetchone()) or (0, 0)
    return int(position), int(head)


_PLACES: Final = """
    select coalesce((select notification_id from projections.tracking where application_name = %s), 0),
        next_position - 1
    from ledger.ledger_head
"""


async def lag(connection: Connection, projection: Projection) -> int:
    """Events that the projection has not taken yet."""
    counted = f"select count(*) from ledger.events where {CHANGES if projection.changes_only else ''}position > %s"  # noqa: S608  # our own condition
    cursor = await connection.execute(counted.encode(), (await tracked(connection, projection.name),))
    (count,) = (await cursor.fetchone()) or (0,)
    return int(count)


def _is_the_databases(error: Exception) -> bool:
    """Whether it says that the database is away or not ours to use, rather than what an event did to a projection."""
    return isinstance(error, psycopg.Error) and not isinstance(error, psycopg.DataError | psycopg.IntegrityError)


async def _culprit(connection: Connection, projection: Projection, page: Sequence[Entry], schema: str) -> int:
    """The position of the event that ``store`` choked on: one at a time, and all of it undone."""
    async with connection.transaction(force_rollback=True):
        await _enter(connection, schema)
        for entry in page:
            try:
                async with connection.transaction():
                    await projection.store(connection, [entry])
            except Exception as error:
                if _is_the_databases(error):
                    raise
                return entry.position
    # Each alone is taken, all together are not: somewhere on this page.
    return page[0].position


async def _locked_position(connection: Connection, name: str, schema: str) -> int:
    position = await _lock(connection, name, schema)
    if position is None:
        # The first time; another process may be about to do the same.
        await connection.execute(
            f"insert into {schema}.tracking values (%s, 0) on conflict do nothing".encode(),  # noqa: S608  # as below
            (name,),
        )
        position = await _lock(connection, name, schema)
    return position or 0


async def _lock(connection: Connection, name: str, schema: str) -> int | None:
    """And enter, in one statement: a page costs a round trip for each."""
    cursor = await connection.execute(
        f"select notification_id, {_ENTERED} from {schema}.tracking where application_name = %s for update".encode(),  # noqa: S608  # our own names
        (f"{schema}, pg_temp", name),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else None


async def _enter(connection: Connection, schema: str) -> None:
    await connection.execute(f"select {_ENTERED}".encode(), (f"{schema}, pg_temp",))


_ENTERED: Final = "set_config('search_path', %s, true), set_config('synchronous_commit', 'off', true)"
"""For this transaction: where names without a schema are looked up, and that its commit need not reach the disk. A
crash may undo the last pages, rows and position together, and they are done again.
"""
