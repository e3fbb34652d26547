"""Every adapter of a port, one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.ledger.writer import LedgerWriter
from tests.fixtures.ledger import InMemoryLedger
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import stored_in_database, stored_in_memory
from tests.fixtures.subject import Subject


@pytest.fixture(params=["PostgreSQL", "memory"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        memory = InMemoryLedger()
        yield Subject(memory, lambda: stored_in_memory(memory))
        return
    database: LedgerDatabase = request.getfixturevalue("ledger_database")
    writer = LedgerWriter(database.service_url)
    await writer.start()
    yield Subject(writer, lambda: stored_in_database(database.admin_url))
    await writer.close()
