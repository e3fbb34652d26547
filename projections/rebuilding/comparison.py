"""Live rows and rebuilt ones, compared at exactly the same positions, while nobody waits for it.

All of it is one transaction of one snapshot. What the live tables and their positions are in it belongs together, since
both are always committed together; the rebuilt ones are brought to these same positions inside it. So the service goes
on meanwhile, and a row differs only where it is not what the events say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import IsolationLevel

from projections.pages import Connection, Decode, Pages
from projections.projector import LIVE, Projection, advance
from projections.rebuilding.loading import PAGE
from projections.rebuilding.place import REBUILT

EXAMPLES: Final = 5
"""Of each kind, that are shown."""

CHUNK: Final = 100_000
"""Positions that are summed up together: rows are laid side by side only where the sums differ."""


@dataclass(slots=True)
class Compared:
    """A table.

    :ivar live_only: rows that the events do not make. :ivar rebuilt_only: rows that were missing. A row that says
        something else is one of each.
    :ivar examples: the first of them, as ``{"live": row}`` and ``{"rebuilt": row}``.
    """

    table: str
    rows: int
    live_only: int = 0
    rebuilt_only: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        return bool(self.live_only or self.rebuilt_only)


async def compared(
    connection: Connection, projections: Sequence[Projection], decode: Decode
) -> tuple[dict[str, int], list[Compared]]:
    """The positions at which they were compared, and each table.

    :param connection: on which no transaction is open.
    """
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    try:
        async with connection.transaction():
            positions = await live_positions(connection, projections)
            pages = Pages(decode, PAGE)
            for projection in projections:
                while await advance(connection, projection, pages, schema=REBUILT, until=positions[projection.name]):
                    pass
            tables = [table for projection in projections for table in projection.tables]
            return positions, [await _compared(connection, table) for table in tables]
    finally:
        await connection.set_isolation_level(None)


async def live_positions(connection: Connection, projections: Sequence[Projection]) -> dict[str, int]:
    cursor = await connection.execute(
        f"select application_name, notification_id from {LIVE}.tracking".encode()  # noqa: S608  # our own name
    )
    found: Mapping[str, int] = dict(await cursor.fetchall())
    return {projection.name: found.get(projection.name, 0) for projection in projections}


async def _compared(connection: Connection, table: str) -> Compared:
    chunk = await _chunk(connection, table)
    live, rebuilt = [await _sums(connection, f"{schema}.{table}", chunk) for schema in (LIVE, REBUILT)]
    found = Compared(table, sum(count for count, _ in rebuilt.values()))
    for number in sorted(live.keys() | rebuilt.keys()):
        if live.get(number) != rebuilt.get(number):
            await _differ(connection, found, f"{chunk} = {number}")
    return found


async def _chunk(connection: Connection, table: str) -> str:
    """Of what a table is summed up by: of positions where a row is an event, else all of it at once."""
    cursor = await connection.execute(
        "select from pg_attribute where attrelid = %s::regclass and attname = 'position'", (f"{LIVE}.{table}",)
    )
    return f"position / {CHUNK}" if await cursor.fetchone() is not None else "0"


async def _sums(connection: Connection, table: str, chunk: str) -> dict[int, tuple[int, Any]]:
    """Rows, and the sum of their hashes, by chunk: the same however the rows lie."""
    cursor = await connection.execute(
        f"select {chunk}, count(*), sum(('x' || left(encode(sha256(convert_to(t::text, 'UTF8')), 'hex'), 16))"  # noqa: S608  # our own names
        f"::bit(64)::bigint::numeric) from {table} t group by 1".encode()
    )
    return {number: (count, total) for number, count, total in await cursor.fetchall()}


async def _differ(connection: Connection, found: Compared, where: str) -> None:
    for side, one, other in (("live", LIVE, REBUILT), ("rebuilt", REBUILT, LIVE)):
        only = (
            f"select t::text as text, to_jsonb(t) as row from {one}.{found.table} t where {where} and t::text in ("  # noqa: S608  # our own names
            f"select o::text from {one}.{found.table} o where {where}"
            f" except all select o::text from {other}.{found.table} o where {where})"
        )
        cursor = await connection.execute(
            f"select row, count(*) over () from ({only}) as found order by text limit {EXAMPLES}".encode()  # noqa: S608  # as above
        )
        rows = await cursor.fetchall()
        count = rows[0][1] if rows else 0
        if side == "live":
            found.live_only += count
        else:
            found.rebuilt_only += count
        room = EXAMPLES - sum(side in example for example in found.examples)
        found.examples += [{side: row} for row, _ in rows[:room]]
