"""The schema where rebuilt tables grow: made of the same files as the live one, by an administrator of the database.

A session's advisory lock keeps it for one rebuild at a time. What a killed one left is dropped by the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import psycopg
from psycopg import sql

from projections.pages import Connection
from projections.projector import LIVE, Projection

REBUILT: Final = "projections_rebuilt"
_LOCK: Final = 0x6B6C7262
"""As advisory lock: "klrb"."""

_PATIENCE: Final = "3s"

_ARRIVING: Final = ("audit_trail",)
"""Tables whose rows only arrive, and where no fold looks for one: their indexes are made when the rows are there."""


class RebuildRefused(Exception):
    """A sentence that says what forbids it and what to do. The live tables are what they were."""


async def begin(connection: Connection, projections: Sequence[Projection]) -> None:
    """Take the place, drop what is left in it, and make the tables.

    :raises RebuildRefused: another rebuild has it, or the database has another version's schema.
    """
    try:
        await _take(connection)
        await drop(connection)
        async with connection.transaction():
            await _make(connection, projections)
    except psycopg.errors.InsufficientPrivilege as error:
        raise RebuildRefused(
            f"This role may not rebuild ({str(error).strip()}). Use the administrator that scripts/migrate was run as."
        ) from error
    if differing := await changed_columns(connection, projections):
        raise RebuildRefused(
            f"The live table {differing[0]} has other columns than this version's. Run scripts/migrate first."
        )


async def _take(connection: Connection) -> None:
    """A rebuild that has just ended, or was killed, may hold the place until its server process has noticed."""
    try:
        async with connection.transaction():
            await connection.execute(f"set local lock_timeout = '{_PATIENCE}'".encode())
            await connection.execute("select pg_advisory_lock(%s)", (_LOCK,))
    except psycopg.errors.LockNotAvailable:
        raise RebuildRefused("Another rebuild is running in this database. Wait for it to end.") from None


async def _make(connection: Connection, projections: Sequence[Projection]) -> None:
    await connection.execute(f"create schema {REBUILT} authorization ledger_owner".encode())
    await _enter(connection)
    await connection.execute(f"create table tracking (like {LIVE}.tracking including all)".encode())
    names = {projection.name for projection in projections}
    for name in sorted(names | {f"{name}_month" for name in names & set(_ARRIVING)}):
        await _run(connection, name)
    for table in names & set(_ARRIVING):
        await _drop_indexes(connection, table)


async def finish_indexes(connection: Connection, projections: Sequence[Projection]) -> None:
    """Make what :func:`begin` left out, and let the planner know the rows."""
    async with connection.transaction():
        await _enter(connection)
        await connection.execute("set local maintenance_work_mem = '256MB'")
        for projection in projections:
            await _run(connection, projection.name)
            for table in projection.tables:
                await connection.execute(f"analyze {table}".encode())


async def drop(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute("set local client_min_messages = warning")
        await connection.execute(f"drop schema if exists {REBUILT} cascade".encode())


async def run_views(connection: Connection) -> None:
    """Views are bound to the tables that they were made of: make them of those that have the names now."""
    folder = files("projections") / "sql"
    for file in sorted(entry.name for entry in folder.iterdir()):
        if file.startswith("view_"):
            await connection.execute((folder / file).read_bytes())


async def changed_columns(connection: Connection, projections: Sequence[Projection]) -> list[str]:
    """Tables whose columns are not the same, in the same order and of the same types."""
    tables = [table for projection in projections for table in projection.tables]
    cursor = await connection.execute(_COLUMNS, (tables, tables))
    return [table for (table,) in await cursor.fetchall()]


_COLUMNS: Final = f"""
    with columns as (
        select c.relnamespace, c.relname::text,
               array_agg((a.attname, a.atttypid, a.attnotnull)::text order by a.attnum) as has
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relname = any(%s) and c.relnamespace in (to_regnamespace('{LIVE}'), to_regnamespace('{REBUILT}'))
        group by 1, 2
    )
    select relname from columns group by 1 having count(distinct has) > 1 or count(*) < 2
    union
    select missing from unnest(%s::text[]) as missing where missing not in (select relname from columns)
"""  # noqa: S608  # our own names


async def _enter(connection: Connection) -> None:
    await connection.execute(f"set local search_path = {REBUILT}, pg_temp".encode())
    await connection.execute("set local client_min_messages = warning")


async def _run(connection: Connection, name: str) -> None:
    await connection.execute((files("projections") / "sql" / f"{name}.sql").read_bytes())


async def _drop_indexes(connection: Connection, table: str) -> None:
    """Those that are no constraint."""
    cursor = await connection.execute(
        "select i.indexrelid::regclass::text from pg_index i"
        " where i.indrelid = to_regclass(%s)"
        " and not exists (select from pg_constraint c where c.conindid = i.indexrelid)",
        (table,),
    )
    for (index,) in await cursor.fetchall():
        await connection.execute(sql.SQL("drop index {}").format(sql.Identifier(index)))
