"""The rebuilt tables become the live ones: one transaction, while the service runs.

Whoever writes a projection holds its row of ``tracking``. We take those rows, bring the rebuilt tables to the ledger's
end, and give them the live names; whoever waited goes on with them, at the position where they stand. Names in prepared
statements are looked up again by PostgreSQL itself, since their tables have moved.

Two kinds of readers must not be deceived. One that began before the last rebuilt rows were committed would not see them
(a snapshot knows no rows that came later) and find a table with rows missing: so we wait until every snapshot of before
is gone. One that reads a table just now holds it: so we wait for that, too. We never wait for long, since others wait
for us; after a moment we give everything back and try again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from projections.pages import Connection
from projections.projector import LIVE, Projection
from projections.rebuilding import place
from projections.rebuilding.loading import Loading
from projections.rebuilding.place import REBUILT, RebuildRefused

ATTEMPTS: Final = 40
PAUSE_SECONDS: Final = 0.5
"""Between two attempts; twice as long after each, up to :data:`PAUSE_SECONDS_MAX`."""
PAUSE_SECONDS_MAX: Final = 8.0
WAIT_SECONDS: Final = 1.0
"""For a lock, and for snapshots to end: as long do requests wait that need a projection."""

_REPLACED: Final = "projections_replaced"


class _Busy(Exception):
    """Somebody reads, and for longer than we may hold others up."""


async def exchange(connection: Connection, projections: Sequence[Projection], loading: Loading) -> dict[str, int]:
    """Returns the positions of the new live tables.

    :param connection: the administrator's that holds the place; on which no transaction is open.
    :raises RebuildRefused: it cannot be done now, and why; the live tables are what they were.
    """
    pause = PAUSE_SECONDS
    for _ in range(ATTEMPTS):
        await _to_the_head(connection, projections, loading)
        try:
            async with connection.transaction():
                return await _exchanged(connection, projections, loading)
        except (_Busy, psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            await asyncio.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
        except psycopg.errors.DependentObjectsStillExist as error:
            said = (error.diag.message_detail or str(error)).strip().splitlines()[0]
            raise RebuildRefused(
                f"Somebody has made something of their own of these tables: {said}. Drop it, run this again, and "
                "make it again afterwards."
            ) from error
    raise RebuildRefused(
        f"These tables are being read all the time, just now by {await _readers(connection)}. Run this again when that "
        "has ended."
    )


async def _exchanged(connection: Connection, projections: Sequence[Projection], loading: Loading) -> dict[str, int]:
    await connection.execute(f"set local lock_timeout = '{int(WAIT_SECONDS * 1000)}ms'".encode())
    names = [projection.name for projection in projections]
    await connection.execute(_MAKE_TRACKED, (names,))
    await connection.execute(_LOCK_TRACKED, (names,))
    # From here on nobody but us moves these projections.
    positions = await _to_the_head(connection, projections, loading)
    await _older_snapshots_end(connection)
    # Views first: who reads one looks up its tables after it, and must not find those of before. Making a view again
    # takes it alone; LOCK would take all that it reads, the ledger as well.
    await place.run_views(connection)
    await _lock_tables(connection, projections)
    if differing := await place.changed_columns(connection, projections):
        raise RebuildRefused(f"The table {differing[0]} was migrated meanwhile. Run this again.")
    await _move(connection, projections)
    await connection.execute(_TRACK, (names,))
    await place.run_views(connection)
    await _drop_replaced(connection)
    return positions


async def _to_the_head(connection: Connection, projections: Sequence[Projection], loading: Loading) -> dict[str, int]:
    cursor = await connection.execute("select next_position - 1 from ledger.ledger_head")
    (head,) = (await cursor.fetchone()) or (0,)
    await loading.until(dict.fromkeys((projection.name for projection in projections), head))
    reached = await loading.positions()
    return {projection.name: reached.get(projection.name, 0) for projection in projections}


_MAKE_TRACKED: Final = (
    f"insert into {LIVE}.tracking select name, 0 from unnest(%s::text[]) as n (name) on conflict do nothing"  # noqa: S608  # our own name
)
_LOCK_TRACKED: Final = (
    f"select from {LIVE}.tracking where application_name = any(%s) order by application_name for update"  # as above
)
_TRACK: Final = f"""
    update {LIVE}.tracking as live set notification_id = rebuilt.notification_id
    from {REBUILT}.tracking as rebuilt
    where live.application_name = any(%s) and rebuilt.application_name = live.application_name
      and rebuilt.notification_id > live.notification_id
"""  # noqa: S608  # as above


# --- waiting ---------------------------------------------------------------------------------------------------------

_SNAPSHOTS: Final = """
    select pid, xact_start, pg_blocking_pids(pid) from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
      and backend_xmin is not null
"""


async def _older_snapshots_end(connection: Connection) -> None:
    """Those that are there now: whoever looks later sees all that is committed now.

    :raises _Busy: one of them stays.
    """
    await connection.execute("select pg_stat_clear_snapshot()")
    older = await _snapshots(connection)
    end = asyncio.get_running_loop().time() + WAIT_SECONDS
    while older:
        if asyncio.get_running_loop().time() > end:
            raise _Busy
        await asyncio.sleep(0.02)
        await connection.execute("select pg_stat_clear_snapshot()")
        older &= await _snapshots(connection)


async def _snapshots(connection: Connection) -> set[Any]:
    """Of transactions that do not wait for us: those that do want to write a projection, and look anew afterwards."""
    cursor = await connection.execute(_SNAPSHOTS)
    found = await cursor.fetchall()
    waiting = {connection.info.backend_pid}
    while more := {pid for pid, _, blockers in found if waiting & set(blockers)} - waiting:
        waiting |= more
    return {(pid, began) for pid, began, _ in found if pid not in waiting}


async def _lock_tables(connection: Connection, projections: Sequence[Projection]) -> None:
    for table in (table for projection in projections for table in projection.tables):
        await connection.execute(f"lock table {LIVE}.{table} in access exclusive mode".encode())


async def _readers(connection: Connection) -> str:
    cursor = await connection.execute(
        "select string_agg(format('%s (process %s)', coalesce(nullif(a.application_name, ''), a.usename), a.pid), ', ')"
        " from pg_stat_activity a where a.datname = current_database() and a.pid <> pg_backend_pid()"
        " and a.backend_type = 'client backend' and (a.backend_xmin is not null or a.state = 'idle in transaction')"
    )
    (found,) = (await cursor.fetchone()) or (None,)
    return found or "nobody that can be seen"


# --- moving ----------------------------------------------------------------------------------------------------------


async def _move(connection: Connection, projections: Sequence[Projection]) -> None:
    await connection.execute(f"create schema {_REPLACED}".encode())
    for projection in projections:
        for table in projection.tables:
            for source, target in ((LIVE, _REPLACED), (REBUILT, LIVE)):
                for name in await _with_partitions(connection, source, table):
                    statement = sql.SQL("alter table {} set schema {}")
                    await connection.execute(statement.format(sql.Identifier(source, name), sql.Identifier(target)))


async def _with_partitions(connection: Connection, schema: str, table: str) -> list[str]:
    cursor = await connection.execute(
        "select c.relname::text from pg_partition_tree(%s::regclass) p join pg_class c on c.oid = p.relid"
        " union select %s order by 1",
        (f"{schema}.{table}", table),
    )
    return [name for (name,) in await cursor.fetchall()]


async def _drop_replaced(connection: Connection) -> None:
    """Without ``cascade``: what somebody made of these tables is not ours to drop."""
    cursor = await connection.execute(
        "select relname::text from pg_class where relnamespace = %s::regnamespace and relkind in ('r', 'p')"
        " and not relispartition",
        (_REPLACED,),
    )
    for (name,) in await cursor.fetchall():
        await connection.execute(sql.SQL("drop table {}").format(sql.Identifier(_REPLACED, name)))
    await connection.execute(f"drop schema {_REPLACED}".encode())
