"""What stands in the ledger, read: streams, sealed rows, changes. Never cached here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg
import structlog
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from adapters.ledger.connection import OPTIONS, hang_up
from adapters.ledger.mapper import decode
from domain.errors import ServiceUnavailable
from domain.events import Event
from domain.ports import SealedSecret, WrappedKey

_log = structlog.get_logger(__name__)

_WAIT_SECONDS: Final = 3.0
"""For a connection of the pool."""

_READ_SECONDS: Final = 5.0
"""For the answer to one statement; each reads a few rows by an index."""

_AT_ONCE_SECONDS: Final = 0.5
"""A read that fails faster met a dead connection, not a server that is away."""


class Change(NamedTuple):
    """Where an event stands that changes what later calls may do."""

    position: int
    stream: UUID
    version: int
    topic: str


class LedgerReader:
    """A small pool of connections for reading. Every method raises ServiceUnavailable where the database is away.

    :param tried: whether a connection is tried before it is handed out, which takes a round trip: for questions of
        several statements. A single statement that met a dead connection is sent again.
    """

    def __init__(
        self, database_url: str, size: int = 4, read_seconds: float = _READ_SECONDS, *, tried: bool = False
    ) -> None:
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            database_url,
            kwargs={"autocommit": True, "application_name": "key-ledger reader", **OPTIONS},
            min_size=1,
            max_size=size,
            timeout=_WAIT_SECONDS,
            open=False,
            check=self._try if tried else None,
            # A pool that gives up on a database that is away would need a restart; this one keeps trying.
            reconnect_timeout=float(10**9),
        )
        self._read_seconds = read_seconds
        self._check: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        if self._check is not None:
            self._check.cancel()
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection, for several statements; errors of the database become ServiceUnavailable."""
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            _log.warning("ledger.read_failed", error=str(error))
            self._check_soon()
            raise ServiceUnavailable("The ledger cannot be read now: nothing was released. Retry later.") from error

    async def _try(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Where one is dead, so are the others: the next one that is handed out has been replaced."""
        try:
            await connection.execute("")
        except psycopg.Error:
            self._check_soon()
            raise

    def _check_soon(self) -> None:
        """Replace connections that died with the server now, not by the next callers one after another.

        Nobody waits for it: a server that hangs would let them wait.
        """
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._pool.check(), name="ledger-reader-check")

    async def stream(self, stream: UUID) -> list[Event]:
        """All events of a stream, in order.

        :raises adapters.ledger.mapper.UnknownTopic: written by a newer version.
        """
        rows = await self._rows(
            "select originator_version, topic, state from ledger.events where originator_id = %s"
            " order by originator_version",
            stream,
        )
        return [decode(stream, version, topic, state) for version, topic, state in rows]

    async def stream_after(self, stream: UUID, version: int, limit: int) -> list[Event]:
        """The next events of a stream after ``version``, in order; at most ``limit``."""
        rows = await self._rows(
            "select originator_version, topic, state from ledger.events where originator_id = %s"
            " and originator_version > %s order by originator_version limit %s",
            stream,
            version,
            limit,
        )
        return [decode(stream, version, topic, state) for version, topic, state in rows]

    async def material_of(self, key_id: UUID, key_version_id: UUID) -> WrappedKey | None:
        rows = await self._rows(
            "select region_id, wrapped from ledger.sealed_material where key_version_id = %s and key_id = %s",
            key_version_id,
            key_id,
        )
        return WrappedKey(key_version_id, *rows[0]) if rows else None

    async def key_of_version(self, key_version_id: UUID) -> UUID | None:
        """The CMK of a version whose material is there; None for destroyed and unknown ones."""
        rows = await self._rows("select key_id from ledger.sealed_material where key_version_id = %s", key_version_id)
        return rows[0][0] if rows else None

    async def secret(self, name: str) -> SealedSecret | None:
        rows = await self._rows("select owner, sealed from ledger.sealed_secret where name = %s", name)
        return SealedSecret(name, *rows[0]) if rows else None

    async def changes_after(self, position: int, limit: int = 1_000) -> list[Change]:
        """The changes after ``position``, in order; at most ``limit``."""
        rows = await self._rows(
            "select position, originator_id, originator_version, topic from ledger.events"
            " where request is not null and position > %s order by position limit %s",
            position,
            limit,
        )
        return [Change(*row) for row in rows]

    async def versions(self, streams: Sequence[UUID]) -> Mapping[UUID, int]:
        """How many events each of these streams has, where it has any."""
        rows = await self._rows(
            "select s.stream, last.version from unnest(%s::uuid[]) as s (stream) cross join lateral ("
            " select e.originator_version as version from ledger.events e where e.originator_id = s.stream"
            " order by e.originator_version desc limit 1) last",
            list(streams),
        )
        return dict(rows)

    async def head(self) -> int:
        """The last position; 0 for an empty ledger."""
        rows = await self._rows("select next_position - 1 from ledger.ledger_head")
        position: int = rows[0][0]
        return position

    async def _rows(self, statement: str, *values: object) -> list[Any]:
        """Again where it fails at once: after a restart of the server every idle connection of the pool is dead, and
        reading twice harms nobody."""
        for _ in range(self._pool.max_size):
            began = time.monotonic()
            try:
                return await self._read(statement, values)
            except ServiceUnavailable:
                if time.monotonic() - began > _AT_ONCE_SECONDS:
                    raise
        return await self._read(statement, values)

    async def _read(self, statement: str, values: Sequence[object]) -> list[Any]:
        async with self.connection() as connection:
            watchdog = asyncio.get_running_loop().call_later(self._read_seconds, hang_up, connection)
            try:
                cursor = await connection.execute(statement, values, prepare=True, binary=True)
                return await cursor.fetchall()
            finally:
                watchdog.cancel()
