"""Which CMKs there are: the port :class:`domain.ports.KeyDirectory`, and the keys that are due for destruction.

The fold is :meth:`KeyDirectory.store`; the same fold serves the live table and a rebuild.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Final
from uuid import UUID

from domain import events
from domain.events import Event
from domain.ports import ListedKeys
from domain.vocabulary import KeyState
from projections.pages import Entry
from projections.projector import Connection, Decode, catch_up

_STATES: Final[Mapping[type[Event], KeyState]] = {
    events.KeyEnabled: KeyState.ENABLED,
    events.KeyDisabled: KeyState.DISABLED,
    events.KeyDeletionScheduled: KeyState.PENDING_DELETION,
    events.KeyDeletionCancelled: KeyState.ENABLED,
}

_COLUMNS: Final = {
    "KeyState": "key_state",
    "KeySpec": "key_spec",
    "KeyUsage": "key_usage",
    "ProtectionLevel": "protection_level",
}
"""Filters of ListKeys that are columns. CreatorType has one value for keys that users make."""


class KeyDirectoryRows:
    """The projection: one row per CMK."""

    name = "key_directory"
    tables: tuple[str, ...] = ("key_directory",)
    changes_only = True

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        for entry in page:
            match event := entry.event:
                case events.KeyCreated():
                    await _insert(connection, entry.position, event)
                case events.KeyDestroyed():
                    await connection.execute(
                        "update key_directory set destroyed = true where key_id = %s",
                        (event.originator_id,),
                    )
                case _ if type(event) in _STATES:
                    await _set_state(connection, event)
                case _:
                    pass  # accounts, regions and descriptions are no concern of this table


async def _insert(connection: Connection, position: int, event: events.KeyCreated) -> None:
    await connection.execute(
        "insert into key_directory (key_id, key_version_id, account_id, region_id, key_state, key_spec,"
        " key_usage, protection_level, created_position) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            event.originator_id,
            event.key_version_id,
            event.owner,
            event.region_id,
            KeyState.ENABLED.value,
            event.key_spec,
            event.key_usage,
            event.protection_level,
            position,
        ),
    )


async def _set_state(connection: Connection, event: Event) -> None:
    delete_at = event.delete_at if isinstance(event, events.KeyDeletionScheduled) else None
    await connection.execute(
        "update key_directory set key_state = %s, delete_at = %s where key_id = %s",
        (_STATES[type(event)].value, delete_at, event.originator_id),
    )


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
