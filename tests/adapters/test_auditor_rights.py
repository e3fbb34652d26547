"""Who audits with a tool of their own reads the views of the schema ``audit``, every column of which is described, and
nothing else: statement by statement."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import errors

from adapters import migration
from adapters.ledger.arrays import register
from adapters.ledger.batch import APPEND, encoded, parameters
from adapters.migration import Login, MigrationRefused, migrate
from projections.projector import LIVE
from scripts.projector import PROJECTIONS
from tests.fixtures.ledger import a_new_key

ROOT = Path(__file__).parents[2]
AUDITOR, SERVICE = "key_ledger_test_auditor", "key_ledger_service"
PASSWORD = "an auditor's \u00e9"
VIEWS = ("trail", "keys", "usage", "authority", "coverage")
LEDGER = ("events", "ledger_head", "tallies", "sealed_material", "sealed_secret", "stored_events")
TABLES = (
    "audit_trail",
    "audit_profiles",
    "key_directory",
    "accounts",
    "quotas",
    "usage",
    "usage_keys",
    "authority",
    "tracking",
    "stopped",
)

FORBIDDEN = [
    *(f"select * from ledger.{table}" for table in LEDGER),
    *(f"select * from {LIVE}.{table}" for table in TABLES),
    *(f"select count(*) from ledger.{table}" for table in LEDGER),
    *(f"copy ledger.{table} to stdout" for table in LEDGER),
    *(f"delete from audit.{view}" for view in VIEWS),
    *(f"drop view audit.{view}" for view in VIEWS),
    *(f"alter view audit.{view} rename to mine" for view in VIEWS),
    *(f"comment on view audit.{view} is 'mine'" for view in VIEWS),
    *(f"select from audit.{view} for update" for view in VIEWS),
    *(f"lock table audit.{view} in exclusive mode" for view in VIEWS),
    "update audit.trail set principal = 'somebody else'",
    "update audit.keys set description = 'mine'",
    "update audit.authority set granted_by = 'somebody else'",
    "insert into audit.authority select * from audit.authority",
    "insert into audit.trail select * from audit.trail",
    "create view audit.mine as select 1",
    "create table audit.mine (x int)",
    "create table public.mine (x int)",
    f"create table {LIVE}.mine (x int)",
    "create table ledger.mine (x int)",
    "create temporary table mine (x int)",
    "create schema mine",
    "create role mine",
    "create function audit.mine() returns int language sql as 'select 1'",
    f"select * from {LIVE}.usage_items('2026-01-01', '2026-01-02')",
    f"select {LIVE}.audit_trail_month('2030-01-01')",
    f"select ledger.append({', '.join(['null'] * 15)})",
    "select ledger.turn_authentication_minute(now())",
    "select ledger.remove_told_failures('{}')",
    "drop schema audit cascade",
    "alter schema audit owner to current_user",
    "set role ledger_owner",
    "set role ledger_service",
    "set session_replication_role = replica",
    "grant ledger_service to current_user",
    "copy audit.trail to program 'true'",
    "copy audit.trail to '/tmp/trail'",
    "select pg_read_file('postgresql.conf')",
    "select rolpassword from pg_authid",
    "select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user limit 1",
    *(
        f"select pg_{kind}advisory_{what}lock{shared}({0x6B6C6D69})"
        for kind in ("", "try_")
        for what in ("", "xact_")
        for shared in ("", "_shared")
    ),
    "select pg_advisory_lock(1, 2)",
    "select lo_creat(-1)",
    "select lo_create(0)",
    "select lo_from_bytea(0, 'x')",
]


@pytest.fixture
def migrated(database_url: str) -> Iterator[str]:
    """With one key and one auditor. A database of its own: what may be done in a database is not copied with it."""
    migrate(database_url, service_role=SERVICE, auditor=Login(AUDITOR, PASSWORD))
    with psycopg.connect(database_url, autocommit=True) as connection:
        register(connection)
        connection.execute(APPEND, parameters([encoded(a_new_key().submission)]))
        yield database_url
        connection.execute(f"drop owned by {AUDITOR}".encode())
        connection.execute(f"drop role {AUDITOR}".encode())


@pytest.fixture
def auditor(migrated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(migrated, user=AUDITOR, password=PASSWORD, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("access", ["read only", "read write"])
def test_an_auditor_reads_the_views_and_nothing_else(auditor: psycopg.Connection, access: str) -> None:
    """Also one that takes back the read-only mode which its login begins with: rights do not come from settings."""
    auditor.execute(f"set session characteristics as transaction {access}".encode())
    allowed = [statement for statement in FORBIDDEN if not _is_denied(auditor, statement)]
    assert allowed == []
    for view in VIEWS:
        auditor.execute(f"select * from audit.{view}".encode()).fetchall()


def _is_denied(connection: psycopg.Connection, statement: str) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction, errors.ObjectNotInPrerequisiteState):
        return True
    except psycopg.Error:
        return False
    return False


def test_an_auditors_login_begins_read_only_bounded_and_in_the_schema_that_it_reads(
    auditor: psycopg.Connection,
) -> None:
    def shown(setting: str) -> str:
        ((value,),) = auditor.execute(f"show {setting}".encode()).fetchall()
        return str(value)

    assert shown("default_transaction_read_only") == "on"
    assert (shown("statement_timeout"), shown("idle_in_transaction_session_timeout")) == ("10min", "10min")
    assert auditor.execute("select count(*) from coverage").fetchall() == [(len(PROJECTIONS),)]


def test_every_view_and_every_column_says_what_it_is(auditor: psycopg.Connection) -> None:
    described = auditor.execute(
        "select c.relname::text, a.attname::text, col_description(c.oid, a.attnum), obj_description(c.oid)"
        " from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
        " where c.relnamespace = 'audit'::regnamespace"
    ).fetchall()
    assert {view for view, *_ in described} == set(VIEWS)
    for view, column, says, of_view in described:
        assert says, f"{view}.{column}"
        assert says.endswith("."), f"{view}.{column}"
        assert of_view.endswith("."), view


def test_coverage_tells_of_every_projection_how_far_it_is(migrated: str, auditor: psycopg.Connection) -> None:
    asked = "select projection, position, head, complete, stopped from audit.coverage order by 1"
    names = sorted(projection.name for projection in PROJECTIONS)
    assert auditor.execute(asked.encode()).fetchall() == [(name, 0, 1, False, False) for name in names]
    with psycopg.connect(migrated, autocommit=True) as admin:
        admin.execute("insert into projections.tracking select projection, 1 from audit.coverage")
        admin.execute("insert into projections.stopped values ('audit_trail', 2)")
    assert auditor.execute(asked.encode()).fetchall() == [(name, 1, 1, True, name == "audit_trail") for name in names]
    times = auditor.execute("select count(*) from coverage where recorded_at = head_recorded_at").fetchall()
    assert times == [(len(names),)]


def test_a_table_of_changes_is_complete_when_no_change_is_left(migrated: str, auditor: psycopg.Connection) -> None:
    with psycopg.connect(migrated, autocommit=True) as admin:
        admin.execute("insert into projections.tracking select projection, 1 from audit.coverage")
        admin.execute("update ledger.ledger_head set next_position = 3")
    complete = auditor.execute("select projection, complete from audit.coverage").fetchall()
    assert dict(complete) == {projection.name: projection.changes_only for projection in PROJECTIONS}


@pytest.mark.parametrize("role", ["service", "administrator"])
def test_a_role_that_may_do_more_is_no_auditor(database_url: str, role: str) -> None:
    migrate(database_url, service_role=SERVICE)
    with psycopg.connect(database_url) as connection:
        ((administrator,),) = connection.execute("select current_user").fetchall()
    name = SERVICE if role == "service" else administrator
    with pytest.raises(MigrationRefused, match="may do more than an auditor may"):
        migrate(database_url, service_role=SERVICE, auditor=Login(name, PASSWORD))


def test_the_command_makes_the_login_with_the_password_of_the_environment(database_url: str) -> None:
    command = [sys.executable, "-m", "scripts.migrate", "--auditor", AUDITOR]
    given = {"KEY_LEDGER_ADMIN_URL": database_url, "KEY_LEDGER_AUDITOR_PASSWORD": PASSWORD}
    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **given}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"{AUDITOR} may read the views of the schema audit." in ran.stdout
    assert PASSWORD not in ran.stdout
    with psycopg.connect(database_url, user=AUDITOR, password=PASSWORD) as connection:
        assert connection.execute("select count(*) from trail").fetchall() == [(0,)]
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(f"drop owned by {AUDITOR}".encode())
        admin.execute(f"drop role {AUDITOR}".encode())


def test_a_migration_that_cannot_have_its_turn_says_so(migrated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration, "WAIT_SECONDS", 1)
    with psycopg.connect(migrated) as holding:
        holding.execute("select pg_advisory_xact_lock(%s)", (0x6B6C6D69,))
        with pytest.raises(MigrationRefused, match="Another migration"):
            migrate(migrated, service_role=SERVICE)
    migrate(migrated, service_role=SERVICE)
