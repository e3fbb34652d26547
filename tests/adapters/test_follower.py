"""The follower tells every change once, in order, with what stands there; of what was before its start, nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from adapters.follower import ChangeFollower
from adapters.ledger.reader import Change, LedgerReader
from adapters.ledger.writer import LedgerWriter
from tests.fixtures.ledger import InMemoryLedger
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import Ram, facts


async def test_changes_after_the_start_are_told_with_stream_version_and_topic(ledger_database: LedgerDatabase) -> None:
    ram = Ram(InMemoryLedger())
    ram.user("alice")
    ram.user("bob")
    opening, *later = facts(ram.ledger.stream(ram.stream))
    writer, reader = LedgerWriter(ledger_database.service_url), LedgerReader(ledger_database.service_url)
    await writer.start()
    await reader.start()
    await writer.append(opening)
    told: asyncio.Queue[Change] = asyncio.Queue()

    def tell(changes: Sequence[Change]) -> None:
        for change in changes:
            told.put_nowait(change)

    follower = ChangeFollower(ledger_database.service_url, reader, tell)
    await follower.start()
    try:
        for submission in later:
            await writer.append(submission)
        async with asyncio.timeout(30):
            first, second = await told.get(), await told.get()
    finally:
        await follower.close()
        await writer.close()
        await reader.close()
    assert first == Change(3, ram.stream, 3, "ram.user.created")
    assert second == Change(4, ram.stream, 4, "ram.user.created")
