"""Keeps the projections up to date: ``python -m scripts.projector``. Run by ``up``; any number may run at once.

Each projection follows by itself (:mod:`projections.runner`). An event that one of them cannot take stops that one
alone, loudly: it is logged with its position, ``key_ledger_projection_stopped`` says so, and so does ``/readyz``.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from typing import Any, Final

import psycopg
import structlog
import uvloop

from adapters.heartbeat import keep_beating
from adapters.ledger.connection import connect
from adapters.ledger.mapper import decode
from adapters.logging import set_up_logging
from adapters.metrics import PROJECTION_BEHIND, PROJECTION_POSITION, PROJECTION_STOPPED
from adapters.settings import SettingsError, read_settings
from projections.accounts import AccountRows
from projections.audit_trail import AuditTrailRows
from projections.authority import AuthorityRows
from projections.key_directory import KeyDirectoryRows
from projections.pages import Pages
from projections.projector import PoisonEvent, Projection
from projections.runner import Runner
from projections.usage import UsageRows

_log = structlog.get_logger(__name__)

PROJECTIONS: Final[tuple[Projection, ...]] = (
    KeyDirectoryRows(),
    AccountRows(),
    UsageRows(),
    AuthorityRows(),
    AuditTrailRows(),
)


GIVES_WAY: Final = 5
"""Niceness: a third of the weight of those who answer, where processors are short."""


class LogAndMetrics:
    """Tells operators of every projection."""

    def advanced(self, projection: str, position: int, behind: int) -> None:
        PROJECTION_POSITION.labels(projection).set(position)
        PROJECTION_BEHIND.labels(projection).set(behind)
        PROJECTION_STOPPED.labels(projection).set(0)

    def stopped(self, poison: PoisonEvent, behind: int) -> None:
        PROJECTION_BEHIND.labels(poison.projection).set(behind)
        PROJECTION_STOPPED.labels(poison.projection).set(1)
        _log.error(
            "projector.poison_event",
            projection=poison.projection,
            position=poison.position,
            reason=repr(poison.__cause__),
        )

    def waits(self, projection: str, reason: str) -> None:
        _log.warning("projector.waits", projection=projection, reason=reason)


async def follow(database_url: str, stop: asyncio.Event) -> None:
    """Until ``stop``: all projections, side by side."""

    async def connected() -> psycopg.AsyncConnection[Any]:
        return await connect(database_url, "key-ledger projector")

    pages = Pages(decode)
    runners = [Runner(projection, connected, pages, LogAndMetrics()) for projection in PROJECTIONS]
    await asyncio.gather(*(runner.run(stop) for runner in runners))


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
    # A page makes some ten thousand values and no cycles: the collector would look at all of them again and again.
    gc.set_threshold(100_000, 20, 20)
    gc.collect()
    gc.freeze()
    # Whoever uses a key goes first: tables for questions can wait the part of a second.
    os.nice(GIVES_WAY)
    uvloop.run(run(settings.database_url))


if __name__ == "__main__":
    main()
