"""PostgreSQL killed, stopped, and out of disk, under load: gapless, every answered append once, back on its own."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from adapters.ledger.writer import LedgerWriter, WriterLimits
from domain.errors import ServiceUnavailable
from domain.ports import Submission
from tests.fixtures.ledger import MadeKey, a_new_key, a_use
from tests.fixtures.own_postgres import Disk, OwnPostgres
from tests.fixtures.stored import stored_in_database

LIMITS = WriterLimits(commit_seconds=5.0, settle_seconds=1.0)
CLIENTS = 8


class Load:
    """Clients that use a key until they are told to stop, and remember what they were told."""

    def __init__(self, writer: LedgerWriter, made: MadeKey) -> None:
        self._writer = writer
        self._key = made.key
        self.answered: list[tuple[int, Submission]] = []
        self.refused: Counter[type] = Counter()
        self._stopped = False
        self._clients = [asyncio.create_task(self._use()) for _ in range(CLIENTS)]

    async def _use(self) -> None:
        while not self._stopped:
            use = a_use(self._key, limit=10**9)
            try:
                self.answered.append((await self._writer.append(use), use))
            except ServiceUnavailable as refusal:
                self.refused[type(refusal)] += 1
                await asyncio.sleep(0.02)

    async def until_more(self, answers: int = 50) -> None:
        wanted = len(self.answered) + answers
        await until(lambda: len(self.answered) >= wanted)

    async def stop(self) -> None:
        self._stopped = True
        await asyncio.gather(*self._clients)


async def until_up(writer: LedgerWriter) -> None:
    await until(lambda: writer.is_up)


async def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110  what is waited for happens in another process
            await asyncio.sleep(0.01)


def assert_all_is_well(postgres: OwnPostgres, load: Load, made: MadeKey) -> None:
    stored = stored_in_database(postgres.admin_url)
    assert stored.is_gapless()
    assert len(set(stored.streams)) == len(stored.streams), "no event twice"
    for position, use in load.answered:
        assert stored.streams[position - 1] == use.events[0].originator_id
    assert stored.tallies[made.key.primary_key_version] == len(stored.history) - 1
    unheard = len(stored.history) - 1 - len(load.answered)
    assert 0 <= unheard <= sum(load.refused.values()), "an event without its answer is one whose caller got an error"


@asynccontextmanager
async def loaded(postgres: OwnPostgres) -> AsyncIterator[tuple[LedgerWriter, MadeKey, Load]]:
    writer = LedgerWriter(postgres.service_url, LIMITS)
    await writer.start()
    made = a_new_key()
    await writer.append(made.submission)
    load = Load(writer, made)
    try:
        yield writer, made, load
    finally:
        await load.stop()
        await writer.close()


async def test_kill_dash_nine_of_postgresql_under_load(own_postgres: OwnPostgres) -> None:
    async with loaded(own_postgres) as (_, made, load):
        for _ in range(3):
            await load.until_more()
            own_postgres.kill()
            await asyncio.sleep(0.2)
            await asyncio.to_thread(own_postgres.server.start)
        await load.until_more()
        await load.stop()
        assert_all_is_well(own_postgres, load, made)


async def test_a_restart_that_is_quick_enough_is_not_noticed_by_callers(own_postgres: OwnPostgres) -> None:
    async with loaded(own_postgres) as (_, made, load):
        await load.until_more()
        await asyncio.to_thread(own_postgres.server.stop)
        await asyncio.to_thread(own_postgres.server.start)
        await load.until_more()
        await load.stop()
        assert_all_is_well(own_postgres, load, made)


async def test_a_stopped_postgresql_is_told_promptly_and_found_again(own_postgres: OwnPostgres) -> None:
    async with loaded(own_postgres) as (writer, made, load):
        await load.until_more()
        await load.stop()
        await asyncio.to_thread(own_postgres.server.stop)
        begun = time.monotonic()
        with pytest.raises(ServiceUnavailable):
            await writer.append(a_use(made.key))
        assert time.monotonic() - begun < LIMITS.settle_seconds + 5.0
        with pytest.raises(ServiceUnavailable, match="cannot be written now"):
            await writer.append(a_use(made.key))
        await asyncio.to_thread(own_postgres.server.start)
        await until_up(writer)
        await writer.append(a_use(made.key))


async def test_a_database_that_is_away_at_the_start_is_found_later(own_postgres: OwnPostgres) -> None:
    await asyncio.to_thread(own_postgres.server.stop)
    writer = LedgerWriter(own_postgres.service_url, LIMITS)
    await writer.start()
    with pytest.raises(ServiceUnavailable):
        await writer.append(a_new_key().submission)
    await asyncio.to_thread(own_postgres.server.start)
    await until_up(writer)
    assert await writer.append(a_new_key().submission) == 1
    await writer.close()


async def test_a_full_disk_is_an_error_that_passes(disk: Disk) -> None:
    async with loaded(disk.postgres) as (writer, made, load):
        await load.until_more()
        disk.fill()
        await until(lambda: load.refused)
        await asyncio.sleep(0.5)
        disk.free()
        await until_up(writer)
        await load.until_more()
        await load.stop()
        assert_all_is_well(disk.postgres, load, made)
