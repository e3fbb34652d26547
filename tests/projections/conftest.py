"""A migrated database with a writer, and a connection of the service's role: projections are its own to write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from adapters.ledger.writer import LedgerWriter
from tests.fixtures.postgres import LedgerDatabase


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
