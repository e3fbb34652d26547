"""The database that ``up`` serves from: the embedded one, or the one that ``DATABASE_URL`` names.

``DATABASE_URL`` may be an administrator's: then the schema is brought up to date and a service role of this data
folder's own is made, so that the service never runs with an administrator's rights. Or it is the service role's, as
``scripts/migrate`` made it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from adapters.cannot_start import CannotStart, is_about_a_full_disk
from adapters.data_folder import DataFolder
from adapters.embedded import EmbeddedPostgres, find_place
from adapters.migration import MigrationRefused, migrate
from adapters.supervisor import Child, Supervisor
from scripts.up_tell import Tell

DATABASE: Final = "key_ledger"
SERVICE_ROLE: Final = "key_ledger_service"
_START_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class Database:
    """:param remark: a sentence for the operator; may be empty."""

    service_url: str = field(repr=False)
    remark: str = ""


def prepare(url: str | None, folder: DataFolder, supervisor: Supervisor, tell: Tell) -> Database:
    """:raises CannotStart: the database cannot be used; the message says why."""
    return given(url, folder, tell) if url else embedded(folder, supervisor, tell)


def embedded(folder: DataFolder, supervisor: Supervisor, tell: Tell) -> Database:
    """Start the embedded PostgreSQL under ``supervisor`` and migrate. Idempotent; dies and restarts anywhere.

    :raises CannotStart: it does not start; the message says why.
    """
    tell.step("Starting PostgreSQL")
    place = find_place(folder.path)
    server = EmbeddedPostgres(place)
    supervisor.add(
        Child(name="postgresql", command=server.command, before=server.recover, stop_seconds=30.0, ends_last=True)
    )
    supervisor.wait(server.answers, _START_SECONDS, "Starting PostgreSQL", failures=2)
    password = folder.secret("service-password")
    try:
        server.ensure_database(DATABASE)
        tell.step("Bringing the ledger's schema up to date")
        migrate(server.url(DATABASE), service_role=SERVICE_ROLE, service_password=password)
    except psycopg.Error as error:
        raise CannotStart(f"The embedded database cannot be prepared: {_said(error)}") from error
    except MigrationRefused as refusal:
        raise CannotStart(str(refusal)) from refusal
    return Database(server.url(DATABASE, SERVICE_ROLE, password), place.remark)


def given(url: str, folder: DataFolder, tell: Tell) -> Database:
    """Use the database of ``DATABASE_URL``.

    :raises CannotStart: it cannot be reached, or has no schema and its role may not make one.
    """
    tell.step("Asking the database of DATABASE_URL")
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            administrator, migrated = _powers(connection)
        if not administrator:
            if not migrated:
                raise CannotStart(_NOT_MIGRATED)
            return Database(url)
        tell.step("Bringing the ledger's schema up to date")
        role = "key_ledger_" + folder.secret("service-role")[:8].lower().replace("-", "_")
        password = folder.secret("service-password")
        migrate(url, service_role=role, service_password=password)
    except psycopg.Error as error:
        raise CannotStart(f"The database of DATABASE_URL cannot be used: {_said(error)}") from error
    except MigrationRefused as refusal:
        raise CannotStart(str(refusal)) from refusal
    return Database(with_login(url, role, password))


_NOT_MIGRATED: Final = (
    "The database of DATABASE_URL has no Key Ledger schema and its role may not make one. Run scripts/migrate as an "
    "administrator first, or give an administrator's DATABASE_URL to scripts/up."
)


def with_login(url: str, user: str, password: str) -> str:
    """The same database for another role, as a URL."""
    parts = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    database = parts.pop("dbname", parts.get("user", "postgres"))
    rest = {name: value for name, value in parts.items() if name not in {"user", "password"}}
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"postgresql://{login}@/{quote(database, safe='')}" + (
        f"?{urlencode(rest, quote_via=quote)}" if rest else ""
    )


def _powers(connection: psycopg.Connection[tuple[object, ...]]) -> tuple[bool, bool]:
    """Whether the role may make roles, and whether the ledger's schema is there."""
    row = connection.execute(
        "select rolsuper or rolcreaterole, to_regnamespace('ledger') is not null from pg_roles "
        "where rolname = current_user"
    ).fetchone()
    return (bool(row[0]), bool(row[1])) if row else (False, False)


def _said(error: psycopg.Error) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    advice = " Free some space, then run again." if is_about_a_full_disk(text) else ""
    return f"{text}.{advice}" if not text.endswith(".") else text + advice
