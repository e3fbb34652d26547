"""Follows the changes in the ledger, so that memories of what they changed are brought up to date soon after.

NOTIFY wakes it; a poll each second finds what a notification lost (a LISTEN that began too late, a half-open
connection). Nothing depends on its speed: guards refuse what a stale memory decides.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Final

import psycopg
import structlog

from adapters.ledger.connection import connect
from adapters.ledger.reader import Change, LedgerReader
from domain.errors import ServiceUnavailable

_log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 1.0


class ChangeFollower:
    """:param tell: called with the changes that were recorded after :meth:`start`, in order."""

    def __init__(self, database_url: str, reader: LedgerReader, tell: Callable[[Sequence[Change]], None]) -> None:
        self._url = database_url
        self._reader = reader
        self._tell = tell
        self._position: int | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._woken = asyncio.Event()

    async def start(self) -> None:
        """What is remembered of the ledger from now on is followed. A database that is away is waited for."""
        with contextlib.suppress(ServiceUnavailable):
            self._position = await self._reader.head()
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._listen())]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _follow(self) -> None:
        while True:
            try:
                await self._catch_up()
            except ServiceUnavailable:
                await asyncio.sleep(POLL_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
            self._woken.clear()

    async def _catch_up(self) -> None:
        if self._position is None:
            # The database was away until now: nothing was remembered.
            self._position = await self._reader.head()
        while changes := await self._reader.changes_after(self._position):
            self._tell(changes)
            self._position = changes[-1].position

    async def _listen(self) -> None:
        while True:
            try:
                connection = await connect(self._url, "key-ledger follower")
                async with connection:
                    await connection.execute("listen ledger_changes")
                    self._woken.set()
                    async for _ in connection.notifies():
                        self._woken.set()
            except psycopg.Error as error:
                _log.info("follower.reconnects", error=str(error))
            await asyncio.sleep(POLL_SECONDS)
