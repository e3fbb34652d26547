"""A migrated database with a writer, and a connection of the service's role: projections are its own to write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from adapters.ledger.writer import LedgerWriter
from tests.fixtures.histories import Lives
from tests.fixtures.live_tables import follow
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import facts
from tests.fixtures.ram_histories import RamLives


@pytest.fixture
async def writer(ledger_database: LedgerDatabase) -> AsyncIterator[LedgerWriter]:
    made = LedgerWriter(ledger_database.service_url)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def connection(ledger_database: LedgerDatabase) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True) as made:
        yield made


@pytest.fixture
async def admin(ledger_database: LedgerDatabase) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await psycopg.AsyncConnection.connect(ledger_database.admin_url, autocommit=True) as made:
        yield made


@pytest.fixture
async def lives(writer: LedgerWriter, connection: psycopg.AsyncConnection[Any]) -> Lives:
    """A ledger of keys and of RAM, with live tables that have taken all of it, in small pages."""
    for submission in facts(RamLives(1).go_on(120)):
        await writer.append(submission)
    made = Lives(writer, seed=1)
    await made.go_on(80)
    await follow(connection)
    return made
