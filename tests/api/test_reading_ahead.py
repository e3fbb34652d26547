"""A worker reads its large accounts before it serves, the longest first, and starts whatever comes of that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.authorities import AuthorityCache
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from api import reading_ahead
from domain.account import account_stream
from domain.ports import Submission
from tests.fixtures.ledger import InMemoryLedger
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import Ram, facts

LONG, LONGER, SHORT = "1000000000000001", "1000000000000002", "1000000000000003"


class WatchedReader(LedgerReader):
    """:ivar accounts: whose streams were begun, in order."""

    accounts: list[str]

    async def stream_after(self, stream, version, limit):  # type: ignore[no-untyped-def]
        if version == 0:
            self.accounts += [account for account in (LONG, LONGER, SHORT) if account_stream(account) == stream]
        return await super().stream_after(stream, version, limit)


@pytest.fixture
async def reader(ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WatchedReader]:
    monkeypatch.setattr(reading_ahead, "EVENTS_MIN", 20)
    memory = InMemoryLedger()
    writer = LedgerWriter(ledger_database.service_url)
    await writer.start()
    for account, users in ((LONG, 30), (LONGER, 60), (SHORT, 3)):
        ram = Ram(memory, account)
        for number in range(users):
            ram.user(f"user-{number}")
        opening, *changes = facts(memory.stream(ram.stream))
        await writer.append(opening)
        events = tuple(event for change in changes for event in change.events)
        await writer.append(Submission(events=events, claim=changes[0].claim))
    await writer.close()
    reader = WatchedReader(ledger_database.service_url)
    reader.accounts = []
    await reader.start()
    yield reader
    await reader.close()


async def test_large_accounts_are_read_the_longest_first_and_small_ones_are_not(reader: WatchedReader) -> None:
    cache = AuthorityCache(reader)
    await reading_ahead.read_large_accounts(cache, reader)
    assert reader.accounts == [LONGER, LONG]
    authority = await cache.of(LONGER)
    assert authority is not None
    assert len(authority.users) == 60
    assert len(reader.accounts) == 2


async def test_no_more_is_read_than_there_is_room_for(reader: WatchedReader) -> None:
    await reading_ahead.read_large_accounts(AuthorityCache(reader, entities_max=40), reader)
    assert reader.accounts == [LONGER]


async def test_a_worker_serves_when_its_time_for_reading_is_over(
    reader: WatchedReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_ahead, "SECONDS_MAX", 0.0)
    await reading_ahead.read_large_accounts(AuthorityCache(reader), reader)
    assert reader.accounts == []


async def test_a_database_that_is_away_stops_no_start(reader: WatchedReader) -> None:
    nowhere = LedgerReader("postgresql://nobody@127.0.0.1:1/none")
    await nowhere.start()
    try:
        async with asyncio.timeout(30):
            await reading_ahead.read_large_accounts(AuthorityCache(nowhere), nowhere)
    finally:
        await nowhere.close()
