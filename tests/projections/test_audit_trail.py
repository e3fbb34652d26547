"""The audit trail: one event, one row, whoever chose the texts in it, and the same rows however they came to be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ledger.mapper import decode, encode
from adapters.ledger.writer import LedgerWriter
from domain import events
from domain.audit.facts import Outcome
from domain.events import EVENTS, Event
from domain.vocabulary import Operation
from projections.audit_profiles import profile_id
from projections.audit_trail import COLUMNS, AuditRow, AuditTrailRows, audit_row, profile_of
from projections.audit_trail import _line as trail_line
from projections.copying import json_text, line
from projections.pages import Entry
from projections.projector import catch_up
from projections.usage import counted, folded
from tests.fixtures.dying import DiesOnPage
from tests.fixtures.histories import Lives
from tests.fixtures.ledger import ACCOUNT, NOON, a_call, a_caller, a_new_key, a_use
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import stored_in_database

Connection = psycopg.AsyncConnection[Any]
ROWS: Final = AuditTrailRows()
TEXTS: Final = st.text(st.characters(codec="utf-8"))
GOLDEN: Final = Path(__file__).parents[1] / "golden" / "events"


def golden(topic: str) -> Event:
    return decode(uuid4(), 1, topic, (GOLDEN / f"{topic}.json").read_bytes())


async def rows(connection: Connection) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(
        f"select {', '.join(COLUMNS)} from projections.audit_trail order by position".encode()
    )
    return await cursor.fetchall()


async def rebuild(connection: Connection, size: int = 1_000) -> None:
    await connection.execute("truncate projections.audit_trail")
    await connection.execute("delete from projections.tracking where application_name = %s", (ROWS.name,))
    await catch_up(connection, ROWS, decode, size)


# --- the row ---------------------------------------------------------------------------------------------------------


def test_every_kind_of_event_has_an_outcome_and_a_sentence() -> None:
    said = {event.TOPIC: audit_row(1, NOON, golden(event.TOPIC)) for event in EVENTS}
    assert {row.outcome for row in said.values()} == {outcome.value for outcome in Outcome}
    assert all(row.sentence.endswith(".") and row.account_id is not None for row in said.values())


def test_a_use_tells_who_used_which_key_and_how() -> None:
    made = a_new_key()
    event = cast(events.KeyUsed, a_use(made.key, a_call(Operation.DECRYPT, by=a_caller())).events[0])
    row = audit_row(7, NOON, replace(event, encryption_context={"purpose": "tls"}))
    assert (row.position, row.outcome, row.operation, row.key_id) == (7, "used", "Decrypt", made.key.key_id)
    assert json.loads(row.encryption_context or "") == {"purpose": "tls"}
    assert json.loads(row.details or "") == {"key_version_id": str(made.key.primary_key_version)}
    assert (row.account_id, row.other_account_id) == (ACCOUNT, None)


def test_a_question_about_the_trail_tells_what_was_asked_for() -> None:
    event = replace(golden("kms.call.answered"), request_parameters={"user_name": "bob"})  # type: ignore[call-arg]
    assert json.loads(audit_row(1, NOON, event).details or "") == {"user_name": "bob"}
    assert audit_row(1, NOON, golden("kms.call.answered")).details is None


def test_a_change_of_a_key_is_about_that_key() -> None:
    made = a_new_key()
    row = audit_row(1, NOON, made.submission.events[0])
    assert (row.key_id, row.outcome, row.resource) == (made.key.key_id, "changed", None)


def test_a_role_that_another_account_assumed_stands_in_both_trails() -> None:
    event = golden("sts.role.assumed")
    assert isinstance(event, events.RoleAssumed)
    caller = replace(event.call.by, account_id="7777777777777777")
    row = audit_row(1, NOON, replace(event, call=replace(event.call, by=caller)))
    assert (row.account_id, row.other_account_id) == (event.account_id, "7777777777777777")
    assert row.resource == event.role_arn


def test_a_refused_role_of_another_account_is_told_to_its_owner() -> None:
    event = golden("kms.call.refused")
    assert isinstance(event, events.CallRefused)
    call = replace(event.call, operation=Operation.ASSUME_ROLE)
    refused = replace(event, call=call, resource="acs:ram::7777777777777777:role/backup", key_id=None)
    row = audit_row(1, NOON, refused)
    assert (row.account_id, row.other_account_id) == ("7777777777777777", call.by.account_id)


def test_failed_authentications_name_the_access_key_that_was_tried_and_count() -> None:
    event = golden("ram.authentication.failed")
    assert isinstance(event, events.AuthenticationFailed)
    row = audit_row(1, NOON, event)
    assert (row.access_key_id, row.occurrences, row.outcome) == (event.access_key_id, event.count, "unauthenticated")


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::/64", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::1"),
        ("", None),
        ("*other*", None),
    ],
)
def test_a_source_is_an_address_or_nothing(source: str, kept: str | None) -> None:
    event = a_use(a_new_key().key).events[0]
    row = audit_row(1, NOON, replace(event, call=replace(event.call, source_ip=source)))
    assert row.source_ip == kept


@given(
    st.sampled_from(("used", "answered", "refused")),
    st.sampled_from(list(Operation)),
    st.sampled_from(("root-account", "ram-user", "assumed-role", "system")),
    st.lists(TEXTS, min_size=6, max_size=6),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
    st.booleans(),
    st.booleans(),
    st.sampled_from(("", "192.0.2.7", "::1")),
    st.dictionaries(TEXTS, TEXTS, max_size=2),
)
def test_the_line_of_a_call_is_the_same_from_its_fields_as_from_the_event(
    what: str,
    operation: Operation,
    kind: str,
    texts: list[str],
    context: dict[str, str],
    with_key: bool,
    secure: bool,
    ip: str,
    asked: dict[str, str],
) -> None:
    name, agent, region, resource, code, message = texts
    by = replace(
        a_caller(), kind=kind, principal=f"acs:ram::{ACCOUNT}:user/{name}", user_name=name, assumed_by=name[:3]
    )
    call = replace(a_call(operation, by=by), user_agent=agent, region_id=region, secure_transport=secure, source_ip=ip)
    own: dict[str, Any] = {"originator_id": call.stream, "originator_version": 1, "timestamp": call.at, "call": call}
    key_id = uuid4() if with_key or what == "used" else None
    made: dict[str, Event] = {
        "used": events.KeyUsed(**own, key_id=key_id or uuid4(), key_version_id=uuid4(), encryption_context=context),
        "answered": events.CallAnswered(**own, key_id=key_id, resource=resource, request_parameters=asked),
        "refused": events.CallRefused(
            **own,
            key_id=key_id,
            resource=resource,
            code=code,
            message=message,
            encryption_context=context,
            request_parameters=asked,
        ),
    }
    event = made[what]
    stored = Entry((3, NOON, event.originator_id, 1, event.TOPIC, encode(event)), decode)
    row = audit_row(3, NOON, event)
    assert row.profile == profile_id(profile_of(row))
    told = trail_line(stored)
    assert _as_rows_are_written(told.text, row) == line(row)
    assert (told.name, told.profile) == (row.profile, profile_of(row))
    assert counted([stored.counted]) == folded([event]).calls


def _as_rows_are_written(told: str, row: AuditRow) -> str:
    """The database reads either."""
    for one in filter(None, (row.key_id, row.request_id)):
        told = told.replace(f"\t{one}\t", f"\t{one.hex}\t")
    return told.replace("T12:00:00.000000Z", " 12:00:00+00:00").replace("T12:00:00Z", " 12:00:00+00:00")


# --- COPY ------------------------------------------------------------------------------------------------------------

CELLS = st.one_of(st.none(), TEXTS, st.integers(), st.booleans())


@given(st.lists(CELLS, min_size=1))
def test_a_line_has_a_cell_for_each_value_and_ends_once(values: list[object]) -> None:
    written = line(values)
    assert written.endswith("\n")
    assert written.count("\n") == 1
    assert written.count("\t") == len(values) - 1
    cells = written[:-1].split("\t")
    assert [cell == "\x01" for cell in cells] == [value is None for value in values]


def test_json_for_the_database_has_no_nul_and_loses_nothing_else() -> None:
    assert json.loads(json_text({"a": "x\0y", "b": "\\u0000", "c": "\\\0"})) == {
        "a": "x\ufffdy",
        "b": "\\u0000",
        "c": "\\\ufffd",
    }


# --- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
async def test_following_and_rebuilding_make_the_same_rows_one_for_each_event(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase, seed: int
) -> None:
    lives = Lives(writer, seed)
    for steps in (5, 40, 60):
        await lives.go_on(steps)
        await catch_up(connection, ROWS, decode, size=7)
    followed = await rows(connection)
    assert [row[0] for row in followed] == stored_in_database(ledger_database.admin_url).positions
    await rebuild(connection)
    assert await rows(connection) == followed


HOSTILE: Final = "a\0b\tc\nd\\e\\N\x01\x1b[31m\u202e=cmd()|'x'!A1<script>"


async def test_text_that_callers_choose_stops_nothing_and_is_kept(writer: LedgerWriter, connection: Connection) -> None:
    made = a_new_key()
    await writer.append(made.submission)
    call = replace(a_call(Operation.ENCRYPT), user_agent=HOSTILE, region_id=made.key.region_id)
    use = a_use(made.key, call)
    event = replace(cast(events.KeyUsed, use.events[0]), encryption_context={HOSTILE: HOSTILE})
    await writer.append(replace(use, events=(event,)))
    await catch_up(connection, ROWS, decode)
    cursor = await connection.execute(
        "select user_agent, encryption_context, sentence from projections.audit_trail where position = 2"
    )
    (agent, context, said) = await cursor.fetchone() or ("", {}, "")
    kept = HOSTILE.replace("\0", "\ufffd")
    assert (agent, context) == (kept, {kept: kept})
    assert "\x1b" not in said
    assert "\n" not in said


async def test_a_crash_between_pages_leaves_no_row_out_and_makes_none_twice(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await Lives(writer, seed=3).go_on(60)
    for page in (1, 2, 3):
        dying = await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True)
        with pytest.raises(psycopg.OperationalError):
            await catch_up(dying, DiesOnPage(ROWS, page), decode, size=5)
        await dying.close()
    await catch_up(connection, ROWS, decode)
    stored = stored_in_database(ledger_database.admin_url)
    assert [row[0] for row in await rows(connection)] == stored.positions


async def test_each_month_has_a_partition_of_its_own(connection: Connection) -> None:
    made = a_new_key().submission.events[0]
    times = [datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)]
    async with connection.transaction():
        await connection.execute("set local search_path = projections")
        entries = [
            Entry((n, at, made.originator_id, 1, made.TOPIC, encode(made)), decode) for n, at in enumerate(times, 1)
        ]
        await ROWS.store(connection, entries)
    cursor = await connection.execute(
        "select tableoid::regclass::text, position from projections.audit_trail order by position"
    )
    assert await cursor.fetchall() == [("projections.audit_trail_2026_11", 1), ("projections.audit_trail_2026_12", 2)]


async def test_a_partition_is_made_while_somebody_reads_the_trail(
    connection: Connection, ledger_database: LedgerDatabase
) -> None:
    async with await psycopg.AsyncConnection.connect(ledger_database.service_url) as reading:
        await reading.execute("select from projections.audit_trail")
        await connection.execute("set lock_timeout = '2s'")
        await connection.execute("set search_path = projections")
        await connection.execute("select audit_trail_month('2027-01-15')")


@pytest.mark.parametrize("column", ["key_id", "profile"])
async def test_a_page_of_what_names_somebody_is_a_walk_in_an_index(
    writer: LedgerWriter, connection: Connection, column: str
) -> None:
    plan = await planned(writer, connection, f"{column} = '{UUID(int=0)}' order by position desc limit 100")
    assert "Index Cond" in plan
    assert "Bitmap" not in plan


@pytest.mark.parametrize(
    "condition",
    [
        "source_ip = '192.0.2.7'",
        "source_ip between '192.0.2.0/29' and '192.0.2.7'",
        f"request_id = '{UUID(int=0)}' and get_byte(uuid_send(request_id), 6) >> 4 = 7",
        f"request_id = '{UUID(int=0)}' and get_byte(uuid_send(request_id), 6) >> 4 <> 7",
    ],
)
async def test_what_few_rows_name_is_looked_for_where_it_stands(
    writer: LedgerWriter, connection: Connection, condition: str
) -> None:
    plan = await planned(writer, connection, condition)
    assert "Index Cond" in plan


async def planned(writer: LedgerWriter, connection: Connection, condition: str) -> str:
    """How the database would look for positions."""
    await Lives(writer, seed=1).go_on(30)
    await catch_up(connection, ROWS, decode)
    await connection.execute("set enable_seqscan = off")
    cursor = await connection.execute(
        f"explain select position from projections.audit_trail where {condition}".encode()  # our own
    )
    return "\n".join([text for (text,) in await cursor.fetchall()])
