"""Every adapter of a port, one after the other."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adapters.hsm import OpenHsm
from adapters.ledger.writer import LedgerWriter
from tests.fixtures.hsm_site import KINDS, Site
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


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    if request.param == "software":
        file = tmp_path / "software-hsm.json"
        shutil.copy(request.getfixturevalue("software_template"), file)
        site = Site("software", file, {"file": str(file)})
    else:
        place = request.getfixturevalue("token_place")
        site = Site(request.param, place.folder / "tokens", {"uri": place.uri})
    yield site
    for hsm in site.opened:
        hsm.close()


@pytest.fixture
def hsm(site: Site) -> OpenHsm:
    return site.open()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """For hypothesis: many examples in one loop."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()
