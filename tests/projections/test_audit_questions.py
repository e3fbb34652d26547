"""Questions about the audit trail: what SQL finds is what a look at every row would find, whatever is asked."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.audit.filters import CONTEXT, DETAILS, FILTERS, read_filters
from domain.errors import InvalidParameter
from projections import audit_pages, audit_where
from projections import audit_questions as questions
from projections.audit_export import Form, exported
from projections.audit_pages import Slice
from projections.audit_profiles import Profiles
from projections.audit_questions import Dimension
from projections.audit_trail import COLUMNS, STORED, AuditRow, profile_of, profiled
from projections.copying import copy_lines, line
from tests.fixtures.postgres import LedgerDatabase

MINE, THEIRS, OTHERS = "1000000000000001", "1000000000000002", "1000000000000003"
START: Final = datetime(2026, 10, 30, tzinfo=UTC)
ROWS: Final = 240
KEYS: Final = [f"00000000-0000-4000-8000-{number:012d}" for number in range(4)]
VERSIONS: Final = [f"20000000-0000-4000-8000-{number:012d}" for number in range(4)]
HOSTILE: Final = "=cmd|'/c calc'!A1\x1b[31m\u202e\u009b\x7f\r\n\"',;\\"


def _at(position: int) -> datetime:
    return START + position * timedelta(minutes=37)


def row(position: int) -> AuditRow:
    """Every value of every column meets every other one sooner or later."""
    account = (MINE, MINE, MINE, THEIRS, OTHERS)[position % 5]
    other = (None, None, THEIRS, MINE)[position % 4] if account != (None, None, THEIRS, MINE)[position % 4] else None
    name = ("alice", "alina", "bob")[position % 3]
    operation = ("Encrypt", "Decrypt", "DescribeKey", "CreateUser", "ListUsers", "Decrypt", "Encrypt")[position % 7]
    refused = position % 11 == 0
    outcome = {"CreateUser": "changed", "DescribeKey": "read", "ListUsers": "read"}.get(operation, "used")
    return profiled(
        (
            position,
            _at(position),
            _at(position) - timedelta(seconds=1),
            "kms.call.refused"
            if refused
            else {"changed": "ram.user.created", "used": "kms.key.used"}.get(outcome, "kms.call.answered"),
            operation,
            "refused" if refused else outcome,
            ("Rejected.Disabled", "Forbidden.NoPermission")[position % 2] if refused else None,
            HOSTILE if refused else None,
            account,
            other,
            f"acs:ram::{account}:user/{name}",
            ("ram-user", "root-account", "assumed-role")[position % 3],
            f"2{position % 3}",
            name,
            f"LTAI{name}",
            f"acs:ram::{account}:user/carol" if position % 3 == 2 else None,
            ("cn-hangzhou", "cn-shanghai")[position % 2],
            UUID(KEYS[position % 4]) if operation not in {"CreateUser", "ListUsers"} else None,
            f"acs:ram:*:{account}:user/{name}" if operation == "ListUsers" else None,
            json.dumps({"purpose": ("tls", "it's")[position % 2], "n\"'": str(position % 6)})
            if outcome == "used"
            else None,
            ("192.0.2.7", "192.0.2.8", "2001:db8::7", None, "198.51.100.0/24")[position % 5],
            (HOSTILE, "curl/8.1", "curl/8.2", "Python", "")[position % 5],
            position % 10 != 3,
            UUID(f"10000000-0000-4000-8000-{position:012d}"),
            position % 3 + 1,
            f"Sentence {position}, 中文\u202e.",
            _details(operation, name, position),
        )
    )


def _details(operation: str, name: str, position: int) -> str | None:
    """A description of a key stands for the event that made its version: uses are found by way of that."""
    if operation == "CreateUser":
        return json.dumps({"user_name": name, "note": "\u0085\u2028", "count": position % 4})
    return None if operation == "ListUsers" else json.dumps({"key_version_id": VERSIONS[position % 4]})


TABLE: Final = [row(position) for position in range(1, ROWS + 1)]


def admitted(one: AuditRow, account_id: str | None, asked: Mapping[str, str]) -> bool:
    """The filters again, plainly, on one row."""
    return (account_id is None or account_id in (one.account_id, one.other_account_id)) and all(
        _holds(one, name, value) for name, value in asked.items()
    )


def _holds(one: AuditRow, name: str, value: str) -> bool:
    if name in _ONE:
        return _ONE[name](one, value)
    if name.startswith(CONTEXT):
        return bool(json.loads(one.encryption_context or "{}").get(name.removeprefix(CONTEXT)) == value)
    if name.startswith(DETAILS):
        said = json.loads(one.details or "{}").get(name.removeprefix(DETAILS))
        return said is not None and value in (said, json.dumps(said))
    column = str(getattr(one, name) or "")
    return getattr(one, name) is not None and any(
        column.startswith(part[:-1]) if part.endswith("*") else column == part
        for part in (value.split(",") if name in _SEVERAL else [value])
    )


def _day(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


_SEVERAL: Final = {"principal_kind", "operation", "outcome", "error_code", "region_id", "topic"}
_ONE: Final[dict[str, Callable[[AuditRow, str], bool]]] = {
    "from": lambda one, value: _at(one.position) >= _day(value),
    "to": lambda one, value: _at(one.position) < _day(value) + timedelta(days=1),
    "called_from": lambda one, value: one.called_at >= _day(value),
    "called_to": lambda one, value: one.called_at < _day(value) + timedelta(days=1),
    "from_position": lambda one, value: one.position >= int(value),
    "to_position": lambda one, value: one.position <= int(value),
    "account_id": lambda one, value: value in (one.account_id, one.other_account_id, *_assumed_by_one_of(one)),
    "source_ip": lambda one, value: _within(one.source_ip, value),
    "secure_transport": lambda one, value: one.secure_transport is (value == "true"),
}


def _assumed_by_one_of(row: AuditRow) -> list[str]:
    return [row.assumed_by.split(":")[3]] if row.assumed_by else []


def _within(source: str | None, value: str) -> bool:
    if source is None:
        return False
    ours, theirs = ip_network(source), ip_network(value)
    return ours.version == theirs.version and ours.subnet_of(theirs)  # type: ignore[arg-type]  # of one version


_VALUES: Final[dict[str, list[str]]] = {
    "key_id": [*KEYS, "00000000-0000-4000-8000-00000000ffff"],
    "principal": [f"acs:ram::{MINE}:user/alice", f"acs:ram::{MINE}:user/al*", "acs:ram::*", "acs:' or true --"],
    "principal_id": ["21", "2*"],
    "access_key_id": ["LTAIbob", "LTAI*", "x' or 'a'='a"],
    "user_name": ["alice", "al*", "' union select 1 --", "%"],
    "assumed_by": [f"acs:ram::{MINE}:user/carol", "acs:ram::1*"],
    "principal_kind": ["ram-user", "root-account,assumed-role"],
    "operation": ["Encrypt", "Encrypt,ListUsers", "De*", "Dec*,CreateUser"],
    "outcome": ["refused", "used,read"],
    "error_code": ["Rejected.Disabled", "Rejected.*,Forbidden.NoPermission", "%(x)s"],
    "region_id": ["cn-hangzhou", "cn-hangzhou,cn-shanghai", "cn-*"],
    "resource": [f"acs:ram:*:{MINE}:user/alice", "acs:ram:*"],
    "source_ip": ["192.0.2.7", "192.0.2.0/29", "2001:db8::/32", "198.51.100.0/24", "0.0.0.0/0"],
    "user_agent": ["curl/*", "curl/8.1", HOSTILE, "=cmd*"],
    "request_id": ["10000000-0000-4000-8000-000000000007"],
    "topic": ["kms.key.used", "ram.*,kms.call.answered"],
    "secure_transport": ["true", "false"],
    "account_id": [MINE, THEIRS, OTHERS],
    "from": ["2026-10-31", "2026-11-02"],
    "to": ["2026-11-01", "2026-11-04"],
    "called_from": ["2026-10-31", "2026-11-02"],
    "called_to": ["2026-11-01", "2026-11-04"],
    "from_position": ["1", "40", "200"],
    "to_position": ["200", "239", "9000"],
    "context.purpose": ["tls", "it's", "none"],
    "context.n\"'": ["1", "5"],
    "details.user_name": ["alice", "nobody"],
    "details.count": ["3", "true"],
    "details.key_version_id": [VERSIONS[1], "20000000-0000-4000-8000-00000000ffff"],
}
ASKED: Final = st.lists(st.sampled_from(sorted(_VALUES)), max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(_VALUES[name]) for name in names})
)
SCOPES: Final = st.sampled_from([MINE, THEIRS, OTHERS, None])


def test_every_filter_is_compared() -> None:
    assert {name for name in _VALUES if not name.startswith((CONTEXT, DETAILS))} == FILTERS.keys()


@pytest.fixture
async def trail(
    ledger_database: LedgerDatabase, connection: psycopg.AsyncConnection[Any]
) -> psycopg.AsyncConnection[Any]:
    recorded_in(ledger_database)
    async with connection.transaction():
        await connection.execute("set local search_path = projections")
        for month in ("2026-10-01", "2026-11-01"):
            await connection.execute("select audit_trail_month(%s)", (month,))
        await copy_lines(connection, "audit_trail", STORED, map(line, TABLE))
        await Profiles().store(connection, 1, ROWS, {one.profile: profile_of(one) for one in TABLE})
        await connection.execute("insert into tracking values ('audit_trail', %s)", (ROWS,))
    return connection


def recorded_in(database: LedgerDatabase) -> None:
    """The ledger says when each was recorded."""
    with psycopg.connect(database.admin_url) as admin:
        for one in TABLE:
            admin.execute(
                "insert into ledger.events values (%s, gen_random_uuid(), 1, %s, '', %s)",
                (one.position, one.topic, one.recorded_at),
            )
        admin.execute("update ledger.ledger_head set next_position = %s, recorded_at = %s", (ROWS + 1, _at(ROWS)))


async def positions(
    connection: psycopg.AsyncConnection[Any],
    account_id: str | None,
    asked: Mapping[str, str],
    size: int,
    *,
    descending: bool,
) -> list[int]:
    """Page after page."""
    found: list[int] = []
    filters, after = read_filters(asked), None
    while True:
        async with questions.snapshot(connection):
            part = Slice(ROWS, size, descending, after)
            page = await audit_pages.page(connection, account_id, filters, part)
        found += [one["position"] for one in page]
        if len(page) < size:
            return found
        after = found[-1]


@pytest.mark.parametrize(("near", "profiles"), [(1, 2), (20, 1_000), (10**6, 0)])
async def test_what_is_found_is_what_a_look_at_every_row_finds(
    trail: psycopg.AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch, near: int, profiles: int
) -> None:
    monkeypatch.setattr(audit_pages, "NEAR", near)
    monkeypatch.setattr(audit_where, "PROFILES_MAX", profiles)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), database=None)
    @given(SCOPES, ASKED, st.booleans(), st.sampled_from([7, 300]))
    def ask(account_id: str | None, asked: dict[str, str], descending: bool, size: int) -> None:
        questions_asked.append((account_id, asked, descending, size))

    questions_asked: list[tuple[str | None, dict[str, str], bool, int]] = []
    ask()
    for account_id, asked, descending, size in questions_asked:
        try:
            read_filters(asked)
        except InvalidParameter:  # a period that ends before it begins
            continue
        expected = [one.position for one in TABLE if admitted(one, account_id, asked)]
        found = await positions(trail, account_id, asked, size, descending=descending)
        assert found == (expected[::-1] if descending else expected), asked
        async with questions.snapshot(trail):
            assert await questions.total(trail, account_id, read_filters(asked), ROWS) == len(expected)


async def test_a_row_is_told_with_all_that_it_has_and_nothing_that_it_has_not(
    trail: psycopg.AsyncConnection[Any],
) -> None:
    async with questions.snapshot(trail):
        page = await audit_pages.page(trail, None, read_filters({}), Slice(ROWS, ROWS, descending=False))
    for told, one in zip(page, TABLE, strict=True):
        expected = {name: value for name, value in one._asdict().items() if value is not None and name in COLUMNS}
        for name in ("recorded_at", "called_at"):
            expected[name] = expected[name].strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for name in ("key_id", "request_id"):
            expected |= {name: str(expected[name])} if name in expected else {}
        for name in ("encryption_context", "details"):
            if name in expected:
                expected[name] = json.loads(expected[name])
        assert told == expected


@pytest.mark.parametrize("by", [*([one] for one in Dimension), [Dimension.PRINCIPAL, Dimension.OPERATION], []])
async def test_groups_add_up_to_all_events(trail: psycopg.AsyncConnection[Any], by: list[Dimension]) -> None:
    async with questions.snapshot(trail):
        groups = await questions.counts(trail, MINE, read_filters({}), by, ROWS, 1_000)
    mine = [one for one in TABLE if admitted(one, MINE, {})]
    assert sum(group["count"] for group in groups) == len(mine)
    assert sum(group["requests"] for group in groups) == sum(one.occurrences for one in mine)
    assert [group["count"] for group in groups] == sorted((group["count"] for group in groups), reverse=True)
    assert {group["first"]["position"] for group in groups} <= {one.position for one in mine}
    if by == [Dimension.OPERATION]:
        assert {group["operation"]: group["count"] for group in groups} == Counter(one.operation for one in mine)
    if by == [Dimension.PRINCIPAL_ID]:
        assert {group["principal_id"]: group["count"] for group in groups} == Counter(one.principal_id for one in mine)
    if by == [Dimension.DAY]:
        days = Counter(f"{one.recorded_at:%Y-%m-%d}" for one in mine)
        assert {group["day"]: group["count"] for group in groups} == days


async def test_a_snapshot_does_not_see_what_arrives(
    trail: psycopg.AsyncConnection[Any], ledger_database: LedgerDatabase
) -> None:
    async with await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True) as arriving:
        async with questions.snapshot(trail):
            before = await questions.currency(trail)
            await arriving.execute("set search_path = projections")
            await copy_lines(arriving, "audit_trail", STORED, [line(row(ROWS + 1))])
            await arriving.execute("update tracking set notification_id = %s", (ROWS + 1,))
            assert await questions.currency(trail) == before
            assert await questions.total(trail, None, read_filters({}), ROWS + 1) == ROWS
        assert (await questions.currency(trail)).as_of.position == ROWS + 1


async def all_of(database: LedgerDatabase, form: Form, account_id: str | None, **how: Any) -> bytes:
    @asynccontextmanager
    async def connect() -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        async with await psycopg.AsyncConnection.connect(database.service_url, autocommit=True) as made:
            yield made

    asked = read_filters(how.pop("asked", {}))
    return b"".join([chunk async for chunk in exported(connect, account_id, asked, ROWS, form, **how)])


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("account_id", [MINE, None])
async def test_an_export_has_the_rows_that_pages_have(
    trail: psycopg.AsyncConnection[Any], ledger_database: LedgerDatabase, account_id: str | None, descending: bool
) -> None:
    asked = {"operation": "Encrypt,CreateUser"}
    lines = (await all_of(ledger_database, Form.NDJSON, account_id, asked=asked, descending=descending)).splitlines()
    async with questions.snapshot(trail):
        page = await audit_pages.page(trail, account_id, read_filters(asked), Slice(ROWS, ROWS, descending))
    assert [json.loads(line) for line in lines] == page
    text = (await all_of(ledger_database, Form.CSV, account_id, asked=asked, descending=descending)).decode()
    cells = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [int(one["position"]) for one in cells] == [one["position"] for one in page]
    assert list(cells[0]) == list(COLUMNS)


async def test_an_export_gives_a_terminal_nothing_to_obey_and_a_spreadsheet_nothing_to_compute(
    trail: psycopg.AsyncConnection[Any], ledger_database: LedgerDatabase
) -> None:
    for form in Form:
        told = (await all_of(ledger_database, form, None)).decode()
        assert all(line.isprintable() for line in told.split("\n"))
        assert "中文" in told
    rows_told = list(csv.DictReader(io.StringIO(told, newline="")))
    assert len(rows_told) == ROWS
    for one in rows_told:
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in one.values())
    hostile = [one["user_agent"] for one in rows_told if one["user_agent"].startswith("'=")]
    assert hostile[0] == "'=cmd|'/c calc'!A1\\x1b[31m\\u202e\\x9b\\x7f\\r\\n\"',;\\"
    notes = [json.loads(one["details"])["note"] for one in rows_told if "note" in one["details"]]
    assert set(notes) == {"\u0085\u2028"}


async def test_an_export_that_nobody_takes_ends_its_statement(
    trail: psycopg.AsyncConnection[Any], ledger_database: LedgerDatabase
) -> None:
    made: list[psycopg.AsyncConnection[Any]] = []

    @asynccontextmanager
    async def connect() -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        async with await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True) as one:
            made.append(one)
            yield one

    chunks = exported(connect, None, read_filters({}), ROWS, Form.NDJSON)
    assert await anext(chunks) == b""
    assert await anext(chunks)
    await chunks.aclose()
    assert made[0].closed


async def test_an_empty_trail_answers_everything_with_nothing(
    connection: psycopg.AsyncConnection[Any], ledger_database: LedgerDatabase
) -> None:
    async with questions.snapshot(connection):
        assert await audit_pages.page(connection, MINE, read_filters({}), Slice(0, 10)) == []
        assert await questions.total(connection, MINE, read_filters({}), 0) == 0
        assert await questions.counts(connection, MINE, read_filters({}), [], 0, 10) == []
        assert (await questions.currency(connection)).as_of == (0, None)
    assert await all_of(ledger_database, Form.NDJSON, MINE) == b""
