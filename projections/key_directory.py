"""Which CMKs there are: the port :class:`domain.ports.KeyDirectory`, and the keys that are due for destruction.

An event that cannot be taken leaves the rows as old as it is. Then what must be whole is not told at all, and what is
true or harmless however old it is, is told from what stands here.

How events become rows: :mod:`projections.key_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from domain.errors import ServiceUnavailable
from domain.ports import ListedKeys
from projections.key_rows import KeyDirectoryRows
from projections.pages import PAGE, Pages
from projections.projector import Connection, Decode, PoisonEvent, advance, take_before

__all__ = ["KeyDirectory", "KeyDirectoryRows"]

_COLUMNS: Final = {
    "KeyState": "key_state",
    "KeySpec": "key_spec",
    "KeyUsage": "key_usage",
    "ProtectionLevel": "protection_level",
}
"""Filters of ListKeys that are columns. CreatorType has one value for keys that users make."""


class DueKey(NamedTuple):
    delete_at: datetime
    key_id: UUID
    account_id: str
    region_id: str


class KeyDirectory:
    """Reads the rows, after bringing them up to date with every change that was recorded before the question."""

    def __init__(self, connection: Callable[[], AbstractAsyncContextManager[Connection]], decode: Decode) -> None:
        self._connection = connection
        self._decode = decode
        self._rows = KeyDirectoryRows()

    async def follow(self) -> None:
        """Bring the rows up to date.

        :raises PoisonEvent: an event stops them; all that was recorded before it is in.
        """
        async with self._connection() as connection:
            await self._follow(connection)

    async def page(
        self, account_id: str, region_id: str, filters: Mapping[str, frozenset[str]], offset: int, limit: int
    ) -> ListedKeys:
        """:raises ServiceUnavailable: an event stops the rows: keys might be missing."""
        conditions, values = ["account_id = %s", "region_id = %s", "not destroyed"], [account_id, region_id]
        for name, accepted in filters.items():
            if name in _COLUMNS:
                conditions.append(f"{_COLUMNS[name]} = any(%s)")
                values.append(sorted(accepted))  # type: ignore[arg-type]  # a list for = any(), among strings
            elif "User" not in accepted:
                conditions.append("false")
        where = " and ".join(conditions)
        async with self._connection() as connection:
            await self._complete(connection)
            total = await connection.execute(
                f"select count(*) from projections.key_directory where {where}".encode(),  # noqa: S608  # our own columns
                values,
            )
            (count,) = (await total.fetchone()) or (0,)
            keys = await connection.execute(
                f"select key_id from projections.key_directory where {where}"  # noqa: S608  # our own columns
                " order by created_position limit %s offset %s".encode(),
                [*values, limit, offset],
            )
            return ListedKeys(tuple(key_id for (key_id,) in await keys.fetchall()), count)

    async def key_of_version(self, key_version_id: UUID) -> UUID | None:
        """The CMK of a version, destroyed ones too; None where there never was one.

        A version is its key's for ever, so a row that stands is true however old it is.

        :raises ServiceUnavailable: it stands nowhere, and an event stops the rows: there might be one.
        """
        async with self._connection() as connection:
            key_id = await _key_of_version(connection, key_version_id)
            if key_id is None:
                await self._complete(connection)
                key_id = await _key_of_version(connection, key_version_id)
            return key_id

    async def due(self, at: datetime, limit: int, after: DueKey | None = None) -> list[DueKey]:
        """CMKs whose deletion is due, the longest due first, by the rows as they stand: see :meth:`follow`.

        Where they are old a key may have been cancelled or destroyed since. Whoever destroys decides on its stream.

        :param after: where the last page ended.
        """
        begin = ("-infinity", UUID(int=0)) if after is None else (after.delete_at, after.key_id)
        async with self._connection() as connection:
            cursor = await connection.execute(
                "select delete_at, key_id, account_id, region_id from projections.key_directory"
                " where delete_at <= %s and not destroyed and (delete_at, key_id) > (%s::timestamptz, %s)"
                " order by delete_at, key_id limit %s",
                (at, *begin, limit),
            )
            return [DueKey(*row) for row in await cursor.fetchall()]

    async def _follow(self, connection: Connection) -> None:
        pages = Pages(self._decode, PAGE)
        try:
            while await advance(connection, self._rows, pages):
                pass
        except PoisonEvent as poison:
            # Or each who asks would look for it on the whole page, one event at a time.
            await take_before(connection, self._rows, pages, poison)
            raise

    async def _complete(self, connection: Connection) -> None:
        """Every key is in that was recorded before this call."""
        try:
            await self._follow(connection)
        except PoisonEvent as poison:
            raise ServiceUnavailable(_STOPPED) from poison


_STOPPED: Final = (
    "It cannot be told now which keys there are; the keys themselves can be used. Operators: /readyz says which event"
    " stands in the way."
)


async def _key_of_version(connection: Connection, key_version_id: UUID) -> UUID | None:
    cursor = await connection.execute(
        "select key_id from projections.key_directory where key_version_id = %s", (key_version_id,)
    )
    row = await cursor.fetchone()
    return row[0] if row else None
