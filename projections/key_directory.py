"""Which CMKs there are: the port :class:`domain.ports.KeyDirectory`, and the keys that are due for destruction.

How events become rows: :mod:`projections.key_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.ports import ListedKeys
from projections.key_rows import KeyDirectoryRows
from projections.projector import Connection, Decode, catch_up

__all__ = ["KeyDirectory", "KeyDirectoryRows"]

_COLUMNS: Final = {
    "KeyState": "key_state",
    "KeySpec": "key_spec",
    "KeyUsage": "key_usage",
    "ProtectionLevel": "protection_level",
}
"""Filters of ListKeys that are columns. CreatorType has one value for keys that users make."""


class KeyDirectory:
    """Reads the rows, after bringing them up to date with every change that was recorded before the question."""

    def __init__(self, connection: Callable[[], AbstractAsyncContextManager[Connection]], decode: Decode) -> None:
        self._connection = connection
        self._decode = decode
        self._rows = KeyDirectoryRows()

    async def page(
        self, account_id: str, region_id: str, filters: Mapping[str, frozenset[str]], offset: int, limit: int
    ) -> ListedKeys:
        conditions, values = ["account_id = %s", "region_id = %s", "not destroyed"], [account_id, region_id]
        for name, accepted in filters.items():
            if name in _COLUMNS:
                conditions.append(f"{_COLUMNS[name]} = any(%s)")
                values.append(sorted(accepted))  # type: ignore[arg-type]  # a list for = any(), among strings
            elif "User" not in accepted:
                conditions.append("false")
        where = " and ".join(conditions)
        async with self._connection() as connection:
            await catch_up(connection, self._rows, self._decode)
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
        """The CMK of a version, destroyed ones too; None where there never was one."""
        async with self._connection() as connection:
            await catch_up(connection, self._rows, self._decode)
            cursor = await connection.execute(
                "select key_id from projections.key_directory where key_version_id = %s", (key_version_id,)
            )
            row = await cursor.fetchone()
            return row[0] if row else None

    async def due(self, at: datetime, limit: int) -> list[tuple[UUID, str, str]]:
        """Ids, owners and regions of CMKs whose deletion is due, the longest due first."""
        async with self._connection() as connection:
            await catch_up(connection, self._rows, self._decode)
            cursor = await connection.execute(
                "select key_id, account_id, region_id from projections.key_directory"
                " where delete_at <= %s and not destroyed order by delete_at limit %s",
                (at, limit),
            )
            return await cursor.fetchall()
