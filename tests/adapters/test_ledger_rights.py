"""Promise 7: append-only by the database. The service role can read and append; the owner cannot change what stands."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from adapters.ledger.arrays import register
from adapters.ledger.batch import APPEND, encoded, parameters
from tests.fixtures.ledger import a_new_key
from tests.fixtures.postgres import LedgerDatabase

TABLES = (
    "events",
    "ledger_head",
    "tallies",
    "sealed_material",
    "sealed_secret",
    "authentication_failures",
    "authentication_minute",
    "authentication_flushes",
)
COLUMNS = {
    "events": "topic = topic",
    "ledger_head": "next_position = 1",
    "tallies": "count = 0",
    "sealed_material": "region_id = region_id",
    "sealed_secret": "owner = owner",
    "authentication_failures": "count = 1",
    "authentication_minute": "minute = 'epoch'",
    "authentication_flushes": "flush = 0",
}

FORBIDDEN = [
    *(f"insert into ledger.{table} select * from ledger.{table}" for table in TABLES),
    *(f"update ledger.{table} set {change}" for table, change in COLUMNS.items()),
    *(f"delete from ledger.{table}" for table in TABLES),
    *(f"truncate ledger.{table}" for table in TABLES),
    *(f"alter table ledger.{table} add column extra text" for table in TABLES),
    *(f"drop table ledger.{table}" for table in TABLES),
    *(f"lock table ledger.{table} in access exclusive mode" for table in TABLES),
    *(f"select from ledger.{table} for update" for table in TABLES),
    "insert into ledger.stored_events select * from ledger.stored_events",
    "update ledger.stored_events set topic = topic",
    "delete from ledger.stored_events",
    "drop view ledger.stored_events",
    "alter table ledger.events disable trigger all",
    "alter table ledger.events disable trigger events_rows_stay",
    "drop trigger events_rows_stay on ledger.events",
    "create trigger mine before insert on ledger.events execute function ledger.refuse_change()",
    "create rule mine as on insert to ledger.events do instead nothing",
    "drop function ledger.append",
    "alter function ledger.append security invoker",
    "create or replace function ledger.refuse_change() returns trigger language plpgsql as 'begin return old; end'",
    "create table ledger.mine (x int)",
    "create function ledger.mine() returns int language sql as 'select 1'",
    "create table public.mine (x int)",
    "drop schema ledger cascade",
    "alter schema ledger owner to current_user",
    "set session_replication_role = replica",
    "set role ledger_owner",
    'select ledger.change_sealed(\'{"kind": "destroyed", "key_id": "00000000-0000-0000-0000-000000000000"}\')',
    "select ledger.remove_told_failures('{}')",
    "select ledger.refuse_change()",
    f"select (ledger.append_set({'null, ' * 15}now(), 1)).outcomes",
    "copy ledger.events from program 'true'",
]


@pytest.fixture
def filled(ledger_database: LedgerDatabase) -> LedgerDatabase:
    """With one key in it: TRUNCATE and statement triggers aside, rights are seen on rows."""
    with psycopg.connect(ledger_database.service_url) as connection:
        register(connection)
        connection.execute(APPEND, parameters([encoded(a_new_key().submission)]))
    return ledger_database


@pytest.fixture
def service(filled: LedgerDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(filled.service_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def admin(filled: LedgerDatabase) -> Iterator[psycopg.Connection]:
    with psycopg.connect(filled.admin_url, autocommit=True) as connection:
        yield connection


def test_the_service_reads_and_appends_and_nothing_else(service: psycopg.Connection) -> None:
    allowed = [statement for statement in FORBIDDEN if not _is_denied(service, statement)]
    assert allowed == []
    for table in (*TABLES, "stored_events"):
        service.execute(f"select * from ledger.{table}".encode()).fetchall()


def _is_denied(connection: psycopg.Connection, statement: str) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except InsufficientPrivilege:
        return True
    except psycopg.Error:
        return False
    return False


def test_the_service_owns_nothing_and_is_nobody(service: psycopg.Connection) -> None:
    roles = service.execute(
        "select rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls from pg_roles"
        " where rolname = current_user"
    ).fetchall()
    assert roles == [(False,) * 5]
    owned = service.execute("select relname from pg_class where relowner = current_user::regrole").fetchall()
    assert owned == []


def test_strangers_may_not_even_look(filled: LedgerDatabase, admin: psycopg.Connection) -> None:
    admin.execute("create role stranger login in role pg_monitor")
    try:
        admin.execute("set role stranger")
        for statement in ("select from ledger.events", "select from projections.tracking"):
            with pytest.raises(InsufficientPrivilege):
                admin.execute(statement.encode())
    finally:
        admin.execute("reset role")
        admin.execute("drop role stranger")


@pytest.mark.parametrize("replication_role", ["origin", "replica", "local"])
@pytest.mark.parametrize(
    "statement",
    [
        "update ledger.events set topic = 'another'",
        "delete from ledger.events",
        "truncate ledger.events",
        "truncate ledger.events cascade",
        "merge into ledger.events e using (select 1) on true when matched then delete",
        "insert into ledger.events select * from ledger.events on conflict (position) do update set topic = 'another'",
    ],
)
def test_even_the_owner_is_refused_by_trigger(admin: psycopg.Connection, statement: str, replication_role: str) -> None:
    admin.execute(f"set session_replication_role = {replication_role}".encode())
    admin.execute("set role ledger_owner")
    with pytest.raises(InsufficientPrivilege, match="append-only"):
        admin.execute(statement.encode())
    admin.execute("reset role")
    with pytest.raises(InsufficientPrivilege, match="append-only"):
        admin.execute(statement.encode())
    assert admin.execute("select topic from ledger.events").fetchall() == [("kms.key.created",)]


def test_the_owner_cannot_log_in(admin: psycopg.Connection) -> None:
    owners = admin.execute("select rolcanlogin, rolsuper from pg_roles where rolname = 'ledger_owner'").fetchall()
    assert owners == [(False, False)]


def test_every_function_of_the_ledger_pins_its_search_path_and_is_closed_to_the_public(
    admin: psycopg.Connection,
) -> None:
    functions = admin.execute(
        "select proname, array_to_string(proconfig, ','), has_function_privilege('public', oid, 'execute'), prosecdef"
        " from pg_proc where pronamespace = 'ledger'::regnamespace"
    ).fetchall()
    called = {"append", "append_uses", "count_authentication_failures", "turn_authentication_minute"}
    internal = {"append_set", "change_sealed", "remove_told_failures", "refuse_change"}
    assert {name for name, *_ in functions} == called | internal
    for name, configured, is_public, runs_as_owner in functions:
        plans = ",plan_cache_mode=force_generic_plan,enable_seqscan=off" if name in {"append", "append_uses"} else ""
        assert configured == f"search_path=pg_catalog, pg_temp{plans}", name
        assert runs_as_owner == (name in called)
        assert not is_public, f"{name} is open to the public"


def test_a_temporary_table_of_the_same_name_deceives_nobody(service: psycopg.Connection) -> None:
    """pg_temp comes last in the pinned path, and tables are named with their schema."""
    try:
        service.execute("create temporary table events (like ledger.events)")
    except InsufficientPrivilege:
        return
    register(service)
    service.execute(APPEND, parameters([encoded(a_new_key().submission)]))
    assert service.execute("select count(*) from ledger.events").fetchall() == [(2,)]
