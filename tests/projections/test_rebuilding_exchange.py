"""Rebuilding beside a service: nobody is deceived, nothing that is recorded meanwhile is left out, and nothing can be
lost by it."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from projections.projector import PoisonEvent
from projections.rebuilding import comparison, exchange, place
from projections.rebuilding.place import RebuildRefused
from scripts import rebuild_projections
from scripts.projector import PROJECTIONS
from scripts.rebuild_projections import rebuilt
from tests.fixtures.histories import Lives
from tests.fixtures.live_tables import follow, identity, leftovers, stands
from tests.fixtures.postgres import LedgerDatabase

Connection = psycopg.AsyncConnection[Any]


# --- meanwhile -------------------------------------------------------------------------------------------------------


async def test_what_is_recorded_meanwhile_is_in_the_new_tables(
    lives: Lives, connection: Connection, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the comparison, before the exchange, and while the live rows are held; live tables follow or do not."""

    async def recorded_first(*given: Any, step: Any) -> Any:
        await lives.go_on(7)
        if step is compared:
            await follow(connection)
        return await step(*given)

    compared, exchanged = comparison.compared, exchange.exchange
    older = exchange._older_snapshots_end

    async def held(*given: Any) -> None:
        await lives.go_on(3)
        await older(*given)

    monkeypatch.setattr(rebuild_projections, "compared", lambda *given: recorded_first(*given, step=compared))
    monkeypatch.setattr(rebuild_projections, "exchange", lambda *given: recorded_first(*given, step=exchanged))
    monkeypatch.setattr(exchange, "_older_snapshots_end", held)
    assert not (await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)).differs
    monkeypatch.undo()
    await follow(connection)
    assert not (await rebuilt(ledger_database.admin_url, PROJECTIONS, check=True)).differs


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "ATTEMPTS", 2)
    monkeypatch.setattr(exchange, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(exchange, "WAIT_SECONDS", 0.2)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("looked_at", ["audit.usage", "projections.tracking", "projections.audit_trail"])
async def test_a_reader_that_looked_before_is_not_deceived_but_waited_for(
    lives: Lives, connection: Connection, admin: Connection, ledger_database: LedgerDatabase, looked_at: str
) -> None:
    """Its snapshot knows none of the rebuilt rows: the table would be empty for it."""
    before = await identity(admin)
    async with await psycopg.AsyncConnection.connect(ledger_database.admin_url, application_name="slow") as reader:
        await reader.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await reader.execute(f"select from {looked_at}".encode())
        with pytest.raises(RebuildRefused, match="slow"):
            await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)
        cursor = await reader.execute("select count(*) > 0 from projections.key_directory")
        assert await cursor.fetchone() == (True,)
    assert (await identity(admin), await leftovers(admin)) == (before, [])
    assert (await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)).reached


async def test_whoever_waits_for_the_exchange_itself_is_not_waited_for(
    lives: Lives, connection: Connection, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who must bring a projection up to date stand in line for its row, with the snapshots of their statements."""
    older, waiting = exchange._older_snapshots_end, []

    async def two_arrive(its: Connection) -> None:
        for _ in range(2):
            waiting.append(asyncio.create_task(a_listing(ledger_database)))
            await asyncio.sleep(0.3)
        await older(its)

    monkeypatch.setattr(exchange, "_older_snapshots_end", two_arrive)
    monkeypatch.setattr(exchange, "ATTEMPTS", 1)
    assert (await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)).reached
    await asyncio.gather(*waiting)


async def a_listing(database: LedgerDatabase) -> None:
    async with await psycopg.AsyncConnection.connect(database.service_url, autocommit=True) as connection:
        await follow(connection)


async def test_a_reader_that_ends_is_waited_for(
    lives: Lives, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "WAIT_SECONDS", 0.2)
    async with await psycopg.AsyncConnection.connect(ledger_database.admin_url) as reader:
        await reader.execute("select from projections.audit_trail")
        task = asyncio.create_task(rebuilt(ledger_database.admin_url, PROJECTIONS, check=False))
        await asyncio.sleep(2)
        assert not task.done()
    assert (await task).reached


@pytest.mark.usefixtures("_impatient")
async def test_what_somebody_made_of_the_tables_is_not_dropped(
    lives: Lives, admin: Connection, ledger_database: LedgerDatabase
) -> None:
    await admin.execute("create view public.mine as select * from projections.usage")
    before = await identity(admin)
    with pytest.raises(RebuildRefused, match="view mine depends on"):
        await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)
    assert (await identity(admin), await leftovers(admin)) == (before, [])


# --- ends in between -------------------------------------------------------------------------------------------------


async def test_one_that_is_just_ending_is_waited_for(
    lives: Lives, admin: Connection, ledger_database: LedgerDatabase
) -> None:
    """A client that has closed its connection is gone before its server process is."""
    await place.begin(admin, PROJECTIONS)
    next_one = asyncio.create_task(rebuilt(ledger_database.admin_url, PROJECTIONS, check=True))
    await asyncio.sleep(0.3)
    assert not next_one.done()
    await admin.close()
    assert (await next_one).reached == {}


async def test_two_at_once_are_one(lives: Lives, admin: Connection, ledger_database: LedgerDatabase) -> None:
    await place.begin(admin, PROJECTIONS)
    with pytest.raises(RebuildRefused, match="Another rebuild is running"):
        await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)
    assert await leftovers(admin) == [(place.REBUILT,)]
    await admin.execute("select pg_advisory_unlock_all()")
    assert not (await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)).differs


@pytest.mark.parametrize(
    "moment", ["begin", "_make", "finish_indexes", "_lock_tables", "_move", "run_views", "_drop_replaced"]
)
async def test_one_that_dies_anywhere_leaves_the_live_tables_and_the_next_one_starts_clean(
    lives: Lives,
    connection: Connection,
    admin: Connection,
    ledger_database: LedgerDatabase,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """The process is gone after the step: its connections end without a word, and nothing more is said by it."""
    before, rows = await identity(admin), await stands(connection)
    module = exchange if hasattr(exchange, moment) else place
    step = getattr(module, moment)

    async def last(its: Connection, *given: Any) -> Any:
        done = await step(its, *given)
        its.pgconn.finish()
        return done

    monkeypatch.setattr(module, moment, last)
    with pytest.raises(psycopg.OperationalError):
        await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)
    monkeypatch.undo()
    assert (await identity(admin), await stands(connection)) == (before, rows)
    await lives.go_on(5)
    await follow(connection)
    assert not (await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)).differs
    assert await leftovers(admin) == []


async def test_the_services_role_may_not_rebuild(ledger_database: LedgerDatabase) -> None:
    with pytest.raises(RebuildRefused, match="administrator"):
        await rebuilt(ledger_database.service_url, PROJECTIONS, check=True)


async def test_a_database_of_another_version_is_told_to_be_migrated_first(
    admin: Connection, ledger_database: LedgerDatabase
) -> None:
    await admin.execute("alter table projections.accounts add column more text")
    with pytest.raises(RebuildRefused, match="accounts has other columns"):
        await rebuilt(ledger_database.admin_url, PROJECTIONS, check=True)


async def test_an_event_that_no_fold_takes_ends_it_and_harms_nothing(
    lives: Lives, admin: Connection, ledger_database: LedgerDatabase
) -> None:
    await admin.execute("alter table ledger.events disable trigger all")
    await admin.execute("update ledger.events set topic = 'ram.of.tomorrow' where position = 20")
    before = await identity(admin)
    for projection in PROJECTIONS:
        with pytest.raises(PoisonEvent, match="cannot take the event at position 20"):
            await rebuilt(ledger_database.admin_url, [projection], check=False)
    assert (await identity(admin), await leftovers(admin)) == (before, [])
