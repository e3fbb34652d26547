"""The parts of a deployment that every process of it opens: the HSM, the ledger's writer and its reader."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from adapters.hsm.opening import OpenHsm
from adapters.hsm_opening import open_from_settings
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter, WriterLimits
from adapters.set_up import check_root_key
from adapters.settings import Settings
from domain.account import region_stream
from domain.errors import ServiceUnavailable

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Deployment:
    hsm: OpenHsm
    writer: LedgerWriter
    reader: LedgerReader


@dataclass(frozen=True, slots=True)
class OpenLedger:
    """For what needs no HSM."""

    writer: LedgerWriter
    reader: LedgerReader


@asynccontextmanager
async def ledger_opened(settings: Settings) -> AsyncIterator[OpenLedger]:
    """The ledger alone; the writer closes after what still waits is written. A database that is away is waited for."""
    async with AsyncExitStack() as stack:
        reader = LedgerReader(settings.database_url, settings.database_connections)
        await reader.start()
        stack.push_async_callback(reader.close)
        writer = LedgerWriter(settings.database_url, _limits(settings))
        await writer.start()
        stack.push_async_callback(writer.close)
        yield OpenLedger(writer, reader)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Deployment]:
    """Open all of it; closes in the reverse order, the writer after what still waits is written.

    A database that is away is waited for in the background; a token that is not this ledger's stops the start.

    :raises adapters.set_up.SetUpRefused: the token's root keys are not those that the ledger recorded.
    """
    async with AsyncExitStack() as stack:
        hsm = open_from_settings(settings)
        stack.callback(hsm.close)
        ledger = await stack.enter_async_context(ledger_opened(settings))
        await _check_token(hsm, ledger.reader, settings.regions)
        yield Deployment(hsm, ledger.writer, ledger.reader)


def _limits(settings: Settings) -> WriterLimits:
    return WriterLimits(
        queue_max=settings.queue_submissions,
        batch_max=settings.batch_submissions,
        commit_seconds=settings.commit_timeout_seconds,
    )


async def _check_token(hsm: OpenHsm, reader: LedgerReader, regions: tuple[str, ...]) -> None:
    """Another token would make keys that the right one cannot unwrap: find out before anything is made."""
    try:
        for region_id in regions:
            await check_root_key(hsm, await reader.stream(region_stream(region_id)))
    except ServiceUnavailable as error:
        # Not the wrong token, but none at the moment: serve 503 until it is back rather than not start at all.
        _log.warning("start.token_not_checked", reason=str(error))
