"""Rebuilding: the same events make the same rows, and what differs is found, shown and mended."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest

from adapters.ledger.mapper import decode
from projections.pages import Pages
from projections.projector import advance
from scripts.projector import PROJECTIONS
from scripts.rebuild_projections import rebuilt
from tests.fixtures.histories import Lives
from tests.fixtures.live_tables import TABLES, follow, identity, leftovers, shape, stands
from tests.fixtures.postgres import LedgerDatabase

Connection = psycopg.AsyncConnection[Any]


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
    await connection.execute("truncate projections.audit_trail, projections.audit_profiles")
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
    "audit_profiles": "update projections.audit_profiles set user_name = 'somebody else'",
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
