"""The schema by command: again changes nothing, half never stands, several at once are one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from adapters import migration
from adapters.ledger.arrays import register
from adapters.ledger.batch import APPEND, encoded, parameters
from adapters.migration import migrate, statements
from tests.fixtures.ledger import a_new_key
from tests.fixtures.postgres import LedgerDatabase

ROLE = "key_ledger_migration_test"
OURS = "in ('ledger'::regnamespace, 'projections'::regnamespace, 'audit'::regnamespace) order by 1, 2"
QUESTIONS = (
    f"select oid::regclass::text, relkind::text, relowner::text, relacl::text from pg_class where relnamespace {OURS}",
    f"select oid::regprocedure::text, md5(prosrc), proacl::text, proconfig from pg_proc where pronamespace {OURS}",
    "select tgrelid::regclass::text, tgname::text, tgenabled::text from pg_trigger where not tgisinternal order by 1",
    f"select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint where connamespace {OURS}",
    f"select nspname::text, nspowner::regrole::text, nspacl::text from pg_namespace where oid {OURS}",
)


def shape(url: str) -> list[Any]:
    """Every object of ours with its definition, owner and rights."""
    with psycopg.connect(url) as connection:
        return [connection.execute(question.encode()).fetchall() for question in QUESTIONS]


def test_migrating_again_changes_nothing_and_keeps_what_stands(ledger_database: LedgerDatabase) -> None:
    with psycopg.connect(ledger_database.service_url) as connection:
        register(connection)
        connection.execute(APPEND, parameters([encoded(a_new_key().submission)]))
    before = shape(ledger_database.admin_url)
    for _ in range(2):
        migrate(ledger_database.admin_url, service_role="key_ledger_service")
    assert shape(ledger_database.admin_url) == before
    with psycopg.connect(ledger_database.admin_url) as connection:
        assert connection.execute("select count(*), max(position) from ledger.events").fetchall() == [(1, 1)]
        assert connection.execute("select next_position from ledger.ledger_head").fetchall() == [(2,)]


OLD_DIRECTORY = """
    drop schema audit cascade;
    alter table projections.key_directory
        drop column description, drop column tags, drop column origin, drop column created_at, drop column created_by,
        drop column state_since, drop column state_by, drop column state_position, drop column deletion_scheduled_at,
        drop column deletion_scheduled_by, drop column destroyed_at, drop column destroyed_by;
    insert into projections.key_directory values
        (gen_random_uuid(), gen_random_uuid(), '1', 'r', 'Enabled', 's', 'u', 'p', 1);
    insert into projections.tracking values ('key_directory', 9), ('usage', 9)
"""


OLD_TRAIL = """
    set search_path = projections;
    alter table audit_trail drop column profile;
    select audit_trail_month('2026-06-01');
    insert into audit_trail (position, recorded_at, called_at, topic, operation, outcome, account_id, principal,
            principal_kind, principal_id, user_name, access_key_id, region_id, user_agent, secure_transport, request_id,
            occurrences, sentence)
        values (1, '2026-06-01', '2026-06-01', 't', 'o', 'used', 'a', 'p', 'k', 'i', 'u', 'x', 'r', 'g', true,
            gen_random_uuid(), 1, 's');
    insert into projections.tracking values ('audit_trail', 9), ('usage', 9)
"""


@pytest.mark.parametrize(("table", "old"), [("key_directory", OLD_DIRECTORY), ("audit_trail", OLD_TRAIL)])
def test_a_table_that_gets_columns_for_which_its_rows_have_no_values_is_filled_again_once(
    ledger_database: LedgerDatabase, table: str, old: str
) -> None:
    tracked = "select application_name, notification_id from projections.tracking order by 1"
    with psycopg.connect(ledger_database.admin_url, autocommit=True) as connection:
        connection.execute(old.encode())
        migrate(ledger_database.admin_url, service_role="key_ledger_service")
        assert connection.execute(f"select count(*) from projections.{table}".encode()).fetchall() == [(0,)]
        assert connection.execute(tracked).fetchall() == [("usage", 9)]
        connection.execute("insert into projections.tracking values (%s, 9)", (table,))
        migrate(ledger_database.admin_url, service_role="key_ledger_service")
        assert connection.execute(tracked).fetchall() == [(table, 9), ("usage", 9)]


def test_several_migrations_at_once_make_one_schema(database_url: str, ledger_database: LedgerDatabase) -> None:
    with ThreadPoolExecutor(4) as executor:
        for done in [executor.submit(migrate, database_url, service_role="key_ledger_service") for _ in range(4)]:
            done.result()
    assert shape(database_url) == shape(ledger_database.admin_url)


def test_a_migration_that_fails_leaves_nothing(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [*statements(), ("999_broken.sql", "create table ledger.half (x int); select 1 / 0")]
    monkeypatch.setattr(migration, "statements", lambda: iter(broken))
    with pytest.raises(psycopg.DataError):
        migrate(database_url, service_role="key_ledger_service")
    with psycopg.connect(database_url) as connection:
        found = connection.execute("select nspname from pg_namespace where nspname in ('ledger', 'projections')")
        assert found.fetchall() == []


def test_the_service_role_logs_in_with_its_new_password_and_no_other(database_url: str) -> None:
    try:
        for password in ("first \u00e9 'quoted'", "second"):
            migrate(database_url, service_role=ROLE, service_password=password)
            with psycopg.connect(database_url, user=ROLE, password=password) as connection:
                assert connection.execute("select count(*) from ledger.events").fetchall() == [(0,)]
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(database_url, user=ROLE, password="first \u00e9 'quoted'")
        _assert_stored_as_verifier(database_url)
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(f"drop role if exists {ROLE}".encode())


def _assert_stored_as_verifier(url: str) -> None:
    with psycopg.connect(url) as connection:
        (stored,) = connection.execute("select rolpassword from pg_authid where rolname = %s", (ROLE,)).fetchone() or (
            "",
        )
    assert stored.startswith("SCRAM-SHA-256$")


def test_without_the_right_to_make_roles_it_says_so_and_changes_nothing(ledger_database: LedgerDatabase) -> None:
    before = shape(ledger_database.admin_url)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        migrate(ledger_database.service_url, service_role="another_role")
    assert shape(ledger_database.admin_url) == before


def test_files_run_in_the_order_of_their_names_and_hold_one_object_each() -> None:
    names = [name for name, _ in statements()]
    ledgers = [name for name in names if name[0].isdigit()]
    assert ledgers == sorted(ledgers)
    assert len(set(names)) == len(names)
