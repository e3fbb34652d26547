"""An operator's own PostgreSQL: an administrator's URL, the service role's, one that is of no use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from adapters.cannot_start import CannotStart
from adapters.data_folder import DataFolder, opened
from adapters.embedded import EmbeddedPostgres
from scripts.up_database import given, with_login
from scripts.up_tell import Tell

TELL = Tell()


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[DataFolder]:
    with opened(tmp_path / "data") as found:
        yield found


def drop_role(admin_url: str, role: str) -> None:
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(sql.Identifier(role)))


def test_an_administrator_s_url_gives_the_service_a_role_of_its_own(database_url: str, folder: DataFolder) -> None:
    service_url = given(database_url, folder, TELL).service_url
    assert given(database_url, folder, TELL).service_url == service_url, "the second start finds the same"
    with psycopg.connect(service_url) as connection:
        role, powerful = connection.execute("select current_user, current_setting('is_superuser')").fetchone() or (
            "",
            "",
        )
        assert role.startswith("key_ledger_")
        assert powerful == "off"
    assert given(service_url, folder, TELL).service_url == service_url, "the service role's own URL is used as it is"
    drop_role(database_url, role)


def test_a_database_without_schema_and_without_rights_says_who_must_do_what(
    database_url: str, folder: DataFolder
) -> None:
    role = "somebody_" + folder.secret("name")[:6].lower().replace("-", "_")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'swordfish'").format(sql.Identifier(role)))
    with pytest.raises(CannotStart, match="Run scripts/migrate as an administrator"):
        given(with_login(database_url, role, "swordfish"), folder, TELL)
    drop_role(database_url, role)


def test_a_database_that_is_not_there_is_told_without_its_password(
    postgres: EmbeddedPostgres, folder: DataFolder
) -> None:
    with pytest.raises(CannotStart, match="cannot be used") as caught:
        given(postgres.url("nowhere"), folder, TELL)
    assert postgres._password not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://a:b@db.example:5433/ledger?sslmode=verify-full",
            ("db.example", "5433", "ledger", "verify-full"),
        ),
        (
            "host=db.example port=5433 dbname=ledger sslmode=verify-full user=a",
            ("db.example", "5433", "ledger", "verify-full"),
        ),
    ],
)
def test_another_login_changes_nothing_else(url: str, expected: tuple[str, ...]) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(with_login(url, "x y", "p@/:?"))
    assert (parts["user"], parts["password"]) == ("x y", "p@/:?")
    assert (parts["host"], parts["port"], parts["dbname"], parts["sslmode"]) == expected
