"""Keeps the projections up to date: ``python -m scripts.projector``. Run by ``up``; any number may run at once.

NOTIFY wakes it, a poll each second finds what a notification lost. An event that a projection cannot take stops that
projection alone, loudly: it is logged with its position, and ``/readyz`` says so.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any, Final

import psycopg
import structlog

from adapters.heartbeat import keep_beating
from adapters.ledger.connection import connect
from adapters.ledger.mapper import decode
from adapters.logging import set_up_logging
from adapters.settings import SettingsError, read_settings
from projections.key_directory import KeyDirectoryRows
from projections.projector import PoisonEvent, Projection, catch_up

_log = structlog.get_logger(__name__)

PROJECTIONS: Final[tuple[Projection, ...]] = (KeyDirectoryRows(),)
POLL_SECONDS: Final = 1.0


async def follow(database_url: str, stop: asyncio.Event) -> None:
    """Until ``stop``: advance all projections whenever something changed; reconnect where the database was away."""
    while not stop.is_set():
        try:
            async with await connect(database_url, "key-ledger projector") as connection:
                await connection.execute("listen ledger_changes")
                while not stop.is_set():
                    await advance_all(connection)
                    async for _ in connection.notifies(timeout=POLL_SECONDS, stop_after=1):
                        pass
        except psycopg.Error as error:
            _log.warning("projector.waits", reason=str(error))
            await asyncio.sleep(POLL_SECONDS)


async def advance_all(connection: psycopg.AsyncConnection[Any]) -> None:
    for projection in PROJECTIONS:
        try:
            await catch_up(connection, projection, decode)
        except PoisonEvent as poison:
            _log.error("projector.poison_event", projection=projection.name, position=poison.position)


async def run(database_url: str) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    beating = asyncio.create_task(keep_beating())
    await follow(database_url, stop)
    beating.cancel()


def main() -> None:
    try:
        settings = read_settings()
    except SettingsError as error:
        sys.exit(str(error))
    set_up_logging(settings.log_level)
    asyncio.run(run(settings.database_url))


if __name__ == "__main__":
    main()
