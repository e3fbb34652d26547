"""Rebuilding beside a service: what differs is found and mended, nobody is deceived, and nothing can be lost by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import psycopg
import pytest

from adapters.ledger.mapper import decode
from adapters.ledger.writer import LedgerWriter
from projections.pages import Pages
from projections.projector import PoisonEvent, advance, catch_up
from projections.rebuilding import comparison, exchange, place
from projections.rebuilding.place import RebuildRefused
from scripts import rebuild_projections
from scripts.projector import PROJECTIONS
from scripts.rebuild_projections import rebuilt
from tests.fixtures.histories import Lives
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import facts
from tests.fixtures.ram_histories import RamLives

Connection = psycopg.AsyncConnection[Any]
TABLES: Final = [table for projection in PROJECTIONS for table in projection.tables]


@pytest.fixture
async def lives(writer: LedgerWriter, connection: Connection) -> Lives:
    """A ledger of keys and of RAM, with live tables that have taken all of it, in small pages."""
    for submission in facts(RamLives(1).go_on(120)):
        await writer.append(submission)
    made = Lives(writer, seed=1)
    await made.go_on(80)
    await follow(connection)
    return made


@pytest.fixture
async def admin(ledger_database: LedgerDatabase) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(ledger_database.admin_url, autocommit=True) as made:
        yield made


async def follow(connection: Connection) -> None:
    for projection in PROJECTIONS:
        await catch_up(connection, projection, decode, 11)


async def stands(connection: Connection) -> dict[str, Any]:
    """All rows of all live tables, and which tables they are."""
    found: dict[str, Any] = {}
    for table in TABLES:
        cursor = await connection.execute(f"select t::text from projections.{table} t order by 1".encode())
        found[table] = await cursor.fetchall()
    cursor = await connection.execute("select application_name, notification_id from projections.tracking order by 1")
    found["tracking"] = await cursor.fetchall()
    return found


async def identity(connection: Connection) -> list[Any]:
    cursor = await connection.execute(
        "select relname::text, oid from pg_class where relnamespace = 'projections'::regnamespace order by 1"
    )
    return await cursor.fetchall()


async def leftovers(connection: Connection) -> list[Any]:
    cursor = await connection.execute("select nspname::text from pg_namespace where nspname ~ '^projections_'")
    return await cursor.fetchall()


async def shape(connection: Connection) -> list[Any]:
    """Owners, rights, indexes and partitions."""
    cursor = await connection.execute(
        "select c.relname::text, c.relkind::text, c.relowner::regrole::text, c.relacl::text, c.relispartition,"
        " pg_get_indexdef(c.oid), pg_get_expr(c.relpartbound, c.oid), c.reloptions"
        " from pg_class c where c.relnamespace = 'projections'::regnamespace order by 1"
    )
    return await cursor.fetchall()


# --- the same rows ---------------------------------------------------------------------------------------------------


async def test_the_same_tables_are_made_and_take_the_place_of_the_live_ones(
    lives: Lives, connection: Connection, admin: Connection, ledger_database: LedgerDatabase
) -> None:
    before, tables, made = await stands(connection), await identity(admin), await shape(admin)
    report = await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)
    assert not report.differs
    assert [table.table for table in report.tables] == TABLES
    assert all(table.rows == len(before[table.table]) for table in report.tables)
    assert report.reached == dict(before["tracking"])
    assert await stands(connection) == before
    assert await shape(admin) == made
    assert {oid for _, oid in await identity(admin)} & {oid for _, oid in tables} == set(await _kept(admin))
    assert await leftovers(admin) == []


async def _kept(connection: Connection) -> list[int]:
    """What a rebuild leaves where it is."""
    cursor = await connection.execute(
        "select oid from pg_class where relnamespace = 'projections'::regnamespace and relname ~ '^(tracking|stopped)'"
    )
    return [oid for (oid,) in await cursor.fetchall()]


async def test_followers_readers_and_views_go_on_with_the_new_tables(
    lives: Lives, connection: Connection, admin: Connection, ledger_database: LedgerDatabase
) -> None:
    prepared = "select count(*) from projections.key_directory where not destroyed"
    for _ in range(8):  # psycopg prepares what is asked often, and PostgreSQL keeps its plan
        await connection.execute(prepared)
        await follow(connection)
    for _ in range(2):
        await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)
        await lives.go_on(10)
        await connection.execute(prepared)
        await follow(connection)
        cursor = await admin.execute("select (select count(*) from audit.trail), (select count(*) from ledger.events)")
        (trail, events) = await cursor.fetchone() or (0, 1)
        assert trail == events
        cursor = await admin.execute("select bool_and(complete) from audit.coverage")
        assert await cursor.fetchone() == (True,)
    assert not (await rebuilt(ledger_database.admin_url, PROJECTIONS, check=True)).differs


async def test_one_projection_alone_is_rebuilt(
    lives: Lives, admin: Connection, ledger_database: LedgerDatabase
) -> None:
    before = dict(await identity(admin))
    only = [projection for projection in PROJECTIONS if projection.name == "authority"]
    report = await rebuilt(ledger_database.admin_url, only, check=False)
    after = dict(await identity(admin))
    assert [table.table for table in report.tables] == ["authority"]
    assert {name for name in before if before[name] != after[name]} == {
        name for name in before if name.startswith("authority") and not name.startswith("authority_pkey")
    }


async def test_an_empty_ledger_is_rebuilt_as_well(admin: Connection, ledger_database: LedgerDatabase) -> None:
    report = await rebuilt(ledger_database.admin_url, PROJECTIONS, check=False)
    assert not report.differs
    assert set(report.reached.values()) == {0}


async def test_live_tables_that_are_behind_are_compared_where_they_are_and_end_at_the_head(
    lives: Lives, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await connection.execute("truncate projections.audit_trail")
    await connection.execute("delete from projections.tracking where application_name = 'audit_trail'")
    trail = next(projection for projection in PROJECTIONS if projection.name == "audit_trail")
    await advance(connection, trail, Pages(decode, 20))
    report = await rebuilt(ledger_database.admin_url, [trail], check=False)
    assert (report.positions, report.differs) == ({"audit_trail": 20}, False)
    cursor = await connection.execute("select count(*), max(position) from projections.audit_trail")
    assert await cursor.fetchone() == (report.reached["audit_trail"],) * 2
    assert report.reached["audit_trail"] > 20


# --- other rows ------------------------------------------------------------------------------------------------------

TAMPERINGS: Final = {
    "key_directory": "update projections.key_directory set key_state = 'Enabled', state_by = 'nobody'",
    "accounts": "delete from projections.accounts",
    "quotas": "insert into projections.quotas values ('1', 'r', 9, 't', now(), 'nobody')",
    "usage": "update projections.usage set calls = calls + 1",
    "usage_keys": "delete from projections.usage_keys",
    "authority": "update projections.authority set granted_by = 'somebody else' where kind = 'user'",
    "audit_trail": "update projections.audit_trail set principal = 'somebody else' where position = 7",
}


@pytest.mark.parametrize("table", TAMPERINGS)
async def test_rows_that_somebody_tampered_with_are_found_shown_and_mended(
    lives: Lives, connection: Connection, ledger_database: LedgerDatabase, table: str
) -> None:
    before = await stands(connection)
    await connection.execute(TAMPERINGS[table].encode())
    for check in (True, False):
        tampered = await stands(connection)
        assert tampered != before
        report = await rebuilt(ledger_database.admin_url, PROJECTIONS, check=check)
        assert [one.table for one in report.tables if one.differs] == [table]
        (found,) = [one for one in report.tables if one.differs]
        assert found.live_only == len(set(tampered[table]) - set(before[table]))
        assert found.rebuilt_only == len(set(before[table]) - set(tampered[table]))
        assert found.examples
    assert await stands(connection) == before


async def test_a_row_that_stands_twice_is_found(
    lives: Lives, connection: Connection, admin: Connection, ledger_database: LedgerDatabase
) -> None:
    await admin.execute("alter table projections.usage drop constraint usage_counted")
    await admin.execute("insert into projections.usage select * from projections.usage limit 1")
    report = await rebuilt(ledger_database.admin_url, PROJECTIONS, check=True)
    (found,) = [one for one in report.tables if one.differs]
    assert (found.table, found.live_only > 0, found.rebuilt_only) == ("usage", True, 0)


async def test_a_check_leaves_everything_where_it_is(
    lives: Lives, connection: Connection, admin: Connection, ledger_database: LedgerDatabase
) -> None:
    before = await identity(admin)
    report = await rebuilt(ledger_database.admin_url, PROJECTIONS, check=True)
    assert (report.reached, await identity(admin), await leftovers(admin)) == ({}, before, [])


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
