"""Promise 5 for the ledger's exact counters: what the append kept is what the events say."""

from __future__ import annotations

import pytest

from adapters.ledger.writer import LedgerWriter
from projections.tallies import counted
from tests.fixtures.histories import Lives
from tests.fixtures.ledger import InMemoryLedger
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import stored_in_database


@pytest.mark.parametrize("seed", range(3))
async def test_the_tallies_that_append_kept_are_those_that_the_events_make(
    ledger_database: LedgerDatabase, seed: int
) -> None:
    writer = LedgerWriter(ledger_database.service_url)
    await writer.start()
    await Lives(writer, seed).go_on(150)
    await writer.close()
    stored = stored_in_database(ledger_database.admin_url)
    recounted = {counter: count for counter, count in counted(stored.history).items() if count}
    assert recounted == stored.tallies
    assert len(recounted) > 4, "keys and their uses are both counted"


async def test_the_fold_needs_no_database() -> None:
    memory = InMemoryLedger()
    await Lives(memory, seed=9).go_on(200)
    kept = {counter: count for counter, count in memory.tallies.items() if count}
    assert {counter: count for counter, count in counted(memory.history).items() if count} == kept
