"""The schema, made by a command and never as a side effect.

Every file of ``adapters/sql`` and ``projections/sql`` is written so that running it again changes nothing. They run in
the order of their names in one transaction, so a database is migrated or it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

import psycopg
from psycopg import sql

PACKAGES: Final = ("adapters", "projections")

AUDITOR_SETTINGS: Final = {
    "default_transaction_read_only": "on",
    "search_path": "audit",
    "statement_timeout": "10min",
    # What a forgotten session has looked at cannot be replaced by a rebuild.
    "idle_in_transaction_session_timeout": "10min",
}
AUDITOR_CONNECTIONS: Final = 10
"""A tool that opens many must not take the service's."""


class MigrationRefused(Exception):
    """A sentence that says why and what to do. Nothing was changed."""


_LOCK: Final = 0x6B6C6D69  # "klmi": one migration at a time per database
WAIT_SECONDS: Final = 60
"""For another one to end: each takes a few."""


@dataclass(frozen=True, slots=True)
class Login:
    """:param password: None where the role logs in by other means (peer, certificate)."""

    role: str
    password: str | None = field(default=None, repr=False)


def migrate(
    admin_url: str, *, service_role: str, service_password: str | None = None, auditor: Login | None = None
) -> None:
    """Bring the database of ``admin_url`` to this version's schema and make ``service_role`` a login for the service.

    ``admin_url`` needs the rights to create roles and schemas. ``service_password`` may be None where the role logs in
    by other means (peer, certificate). Idempotent.

    :param auditor: who may read the views of the schema ``audit`` and nothing else.
    :raises psycopg.Error: not reachable, or a right is missing; nothing was changed.
    :raises MigrationRefused: another one does not end, or ``auditor`` is a role that may do more than one may.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection, connection.transaction():
        _take_turn(connection)
        connection.execute("set local client_min_messages = warning")
        # The files of ``projections`` name tables without a schema: a rebuild runs them in another one.
        connection.execute("set local search_path = projections, pg_temp")
        for _, text in statements():
            connection.execute(text.encode())
        _ensure_login(connection, Login(service_role, service_password), "ledger_service")
        if auditor is not None:
            _ensure_auditor(connection, auditor)


def _take_turn(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    connection.execute(f"set local lock_timeout = '{WAIT_SECONDS}s'".encode())
    try:
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
    except psycopg.errors.LockNotAvailable:
        raise MigrationRefused(
            f"Another migration has been under way for {WAIT_SECONDS} seconds, or somebody holds its lock. Run this "
            "again when it has ended; pg_locks of the database names the process that holds it (locktype advisory)."
        ) from None
    connection.execute("set local lock_timeout = 0")


def statements(packages: Sequence[str] = PACKAGES) -> Iterator[tuple[str, str]]:
    """File names and texts, in order."""
    for package in packages:
        folder = files(package) / "sql"
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".sql"):
                yield file.name, file.read_text(encoding="utf-8")


def _ensure_login(connection: psycopg.Connection[tuple[object, ...]], login: Login, group: str) -> None:
    name = sql.Identifier(login.role)
    exists = connection.execute("select from pg_roles where rolname = %s", (login.role,)).fetchone() is not None
    if not exists:
        connection.execute(sql.SQL("create role {} login").format(name))
    if login.password is not None:
        verifier = sql.Literal(_verifier(connection, login.role, login.password))
        connection.execute(sql.SQL("alter role {} login password {}").format(name, verifier))
    connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), name))


def _ensure_auditor(connection: psycopg.Connection[tuple[object, ...]], login: Login) -> None:
    """Rights are what keeps an auditor from writing; the settings keep a tool from its own mistakes."""
    _refuse_powers(connection, login.role)
    _ensure_login(connection, login, "ledger_auditor")
    name = sql.Identifier(login.role)
    for setting, value in AUDITOR_SETTINGS.items():
        statement = sql.SQL("alter role {} set {} = {}")
        connection.execute(statement.format(name, sql.Identifier(setting), sql.Literal(value)))
    connection.execute(sql.SQL("alter role {} connection limit {}").format(name, sql.Literal(AUDITOR_CONNECTIONS)))


def _refuse_powers(connection: psycopg.Connection[tuple[object, ...]], role: str) -> None:
    found = connection.execute(
        "select rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls"
        " or pg_has_role(rolname, 'ledger_service', 'member') or pg_has_role(rolname, 'ledger_owner', 'member')"
        " from pg_roles where rolname = %s",
        (role,),
    ).fetchone()
    if found is not None and found[0]:
        raise MigrationRefused(f"The role {role} may do more than an auditor may. Name another one.")


def _verifier(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> str:
    """The SCRAM verifier: the password itself never reaches the server or its log."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
