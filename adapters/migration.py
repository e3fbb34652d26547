"""The schema, made by a command and never as a side effect.

Every file of ``adapters/sql`` and ``projections/sql`` is written so that running it again changes nothing. They run in
the order of their names in one transaction, so a database is migrated or it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Final

import psycopg
from psycopg import sql

PACKAGES: Final = ("adapters", "projections")

_LOCK: Final = 0x6B6C6D69  # "klmi": one migration at a time per database


def migrate(admin_url: str, *, service_role: str, service_password: str | None = None) -> None:
    """Bring the database of ``admin_url`` to this version's schema and make ``service_role`` a login for the service.

    ``admin_url`` needs the rights to create roles and schemas. ``service_password`` may be None where the role logs in
    by other means (peer, certificate). Idempotent.

    :raises psycopg.Error: not reachable, or a right is missing; nothing was changed.
    """
    with psycopg.connect(admin_url, autocommit=True) as connection, connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        connection.execute("set local client_min_messages = warning")
        # The files of ``projections`` name tables without a schema: a rebuild runs them in another one.
        connection.execute("set local search_path = projections, pg_temp")
        for _, text in statements():
            connection.execute(text.encode())
        _ensure_login(connection, service_role, service_password)


def statements(packages: Sequence[str] = PACKAGES) -> Iterator[tuple[str, str]]:
    """File names and texts, in order."""
    for package in packages:
        folder = files(package) / "sql"
        for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if file.name.endswith(".sql"):
                yield file.name, file.read_text(encoding="utf-8")


def _ensure_login(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str | None) -> None:
    name = sql.Identifier(role)
    exists = connection.execute("select from pg_roles where rolname = %s", (role,)).fetchone() is not None
    if not exists:
        connection.execute(sql.SQL("create role {} login").format(name))
    if password is not None:
        connection.execute(
            sql.SQL("alter role {} login password {}").format(name, sql.Literal(_verifier(connection, role, password)))
        )
    connection.execute(sql.SQL("grant ledger_service to {}").format(name))


def _verifier(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str) -> str:
    """The SCRAM verifier: the password itself never reaches the server or its log."""
    return connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
