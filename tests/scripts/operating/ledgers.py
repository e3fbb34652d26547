"""What tests of replays and reports share: a ledger of some months, and reading past the commands under test."""

from __future__ import annotations

import hashlib
import struct
from datetime import UTC, datetime
from typing import Any

import psycopg
from typer.testing import CliRunner

from adapters.ledger.mapper import decode
from domain.events import Event
from tests.fixtures.months import Months, recorded
from tests.scripts.operating.conftest import Operated, Outcome

FROM, TO = "2026-03-01", "2026-06-28"


def with_months(operated: Operated, calls: int = 400, seed: int = 1) -> Months:
    months = Months(seed)
    recorded(operated.database.service_url, months.submissions(calls))
    return months


def history(operated: Operated) -> list[Event]:
    rows = operated.rows("select originator_id, originator_version, topic, state from ledger.events order by position")
    return [decode(*row) for row in rows]


def digest(operated: Operated, first: int, last: int) -> str:
    """As adapters/ledger/digest.py describes it, written again from the description."""
    rows = operated.rows(
        "select position, originator_id, originator_version, recorded_at, topic, state from ledger.events"
        " where position between %s and %s order by position",
        first,
        last,
    )
    whole = b""
    for position, stream, version, at, topic, state in rows:
        since = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        microseconds = (since.days * 86_400 + since.seconds) * 10**6 + since.microseconds
        whole += struct.pack(">q", position) + stream.bytes + struct.pack(">qq", version, microseconds)
        whole += struct.pack(">I", len(topic)) + topic.encode() + struct.pack(">I", len(state)) + bytes(state)
    return hashlib.sha256(whole).hexdigest()


def ran(application: Any, operated: Operated, *words: object) -> Outcome:
    result = CliRunner().invoke(application, [*map(str, words), "--data", str(operated.data)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Outcome(result.exit_code, result.stdout, " ".join(result.stderr.split()))


def forge(operated: Operated, statement: str) -> None:
    """As an administrator of the database who switches off what refuses it."""
    with psycopg.connect(operated.database.admin_url, autocommit=True) as connection:
        connection.execute("alter table ledger.events disable trigger all")
        connection.execute(statement.encode())
