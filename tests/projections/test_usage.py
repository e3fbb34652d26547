"""Metering: every call is counted once, and the rows are the same however they came to be."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.ledger.mapper import decode
from adapters.ledger.writer import LedgerWriter
from domain import events
from domain.account import SYSTEM, open_account
from domain.call import Call
from domain.errors import KeyNotFound
from domain.events import Event
from domain.ports import Submission
from domain.vocabulary import Operation
from projections import projector
from projections.pages import PAGE, Pages
from projections.projector import catch_up
from projections.usage import NO_REGION, Counted, UsageRows, folded
from tests.fixtures.dying import DiesOnPage
from tests.fixtures.histories import Lives
from tests.fixtures.ledger import (
    ACCOUNT,
    NOON,
    REGION,
    InMemoryLedger,
    a_call,
    a_caller,
    a_destruction,
    a_new_key,
    a_scheduling,
    a_use,
    after,
)
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import stored_in_database

Connection = psycopg.AsyncConnection[Any]
ROWS = UsageRows()
CALLS = (
    "select day, caller, region_id, key_id, operation, refused, calls from projections.usage order by 1, 2, 3, 4, 5, 6"
)
KEYS = "select key_id, account_id, region_id, created_on, destroyed_on from projections.usage_keys order by 1"


async def rows(connection: Connection) -> list[list[tuple[Any, ...]]]:
    return [await (await connection.execute(question.encode())).fetchall() for question in (CALLS, KEYS)]


async def rebuild(connection: Connection, size: int = PAGE) -> None:
    await connection.execute("truncate projections.usage, projections.usage_keys")
    await connection.execute("delete from projections.tracking where application_name = %s", (ROWS.name,))
    await catch_up(connection, ROWS, decode, size)


def a_refusal(call: Call, key_id: UUID | None = None) -> Submission:
    error = KeyNotFound()
    event = events.CallRefused(
        originator_id=call.stream,
        originator_version=1,
        timestamp=call.at,
        call=call,
        code=error.code,
        message=error.message,
        key_id=key_id,
    )
    return Submission(events=(event,))


def an_answer(call: Call) -> Submission:
    event = events.CallAnswered(originator_id=call.stream, originator_version=1, timestamp=call.at, call=call)
    return Submission(events=(event,))


def recounted(history: Sequence[Event]) -> dict[tuple[Any, ...], int]:
    """Another way to count, event by event and field by field."""
    counts: Counter[tuple[Any, ...]] = Counter()
    for event in history:
        own_stream = isinstance(event, events.KeyUsed | events.CallAnswered | events.CallRefused)
        key_id = event.key_id if own_stream else event.originator_id  # type: ignore[attr-defined]
        refused = event.TOPIC == "kms.call.refused"
        call = event.call
        day = datetime.fromtimestamp(event.timestamp.timestamp(), UTC).date()
        counts[day, call.by.account_id, call.region_id, key_id, str(call.operation), refused] += 1
    return dict(counts)


# --- the fold --------------------------------------------------------------------------------------------------------


async def test_every_call_is_counted_once() -> None:
    memory = InMemoryLedger()
    await Lives(memory, seed=4).go_on(300)
    for _ in range(3):
        memory.record(a_refusal(a_call(Operation.DECRYPT), uuid4()))
    usage = folded(memory.history)
    assert usage.calls == {
        (f"{day}", account, region, str(key_id), *rest): count
        for (day, account, region, key_id, *rest), count in recounted(memory.history).items()
    }
    assert sum(usage.calls.values()) == len(memory.history)
    assert sum(calls for counted, calls in usage.calls.items() if counted.refused) == 3


def test_a_day_ends_at_midnight_utc() -> None:
    key = a_new_key().key
    midnight = datetime(2026, 6, 2, tzinfo=UTC)
    uses = [a_use(key, a_call(at=at)).events[0] for at in (midnight - timedelta(microseconds=1), midnight)]
    assert [counted.day for counted in folded(uses).calls] == ["2026-06-01", "2026-06-02"]


def test_answered_and_refused_calls_are_counted_apart() -> None:
    key = a_new_key().key
    history = [a_use(key).events[0], a_use(key).events[0], a_refusal(a_call(), key.key_id).events[0]]
    same = (f"{NOON:%Y-%m-%d}", ACCOUNT, REGION, str(key.key_id), "Encrypt")
    assert folded(history).calls == {Counted(*same, False): 2, Counted(*same, True): 1}


def test_who_asked_is_counted_and_not_whose_key_it_is() -> None:
    key = a_new_key().key
    guest = a_call(by=a_caller("2222222222222222"))
    (counted,) = folded(a_use(key, guest).events).calls
    assert (counted.caller, counted.key_id) == ("2222222222222222", str(key.key_id))


def test_the_services_own_work_is_nobodys_usage() -> None:
    made = a_new_key()
    pending = after(made.key, a_scheduling(made.key))
    destroyed = a_destruction(pending).events[0]
    by_the_service = type(destroyed)(**{**vars(destroyed), "call": a_call(Operation.DESTROY_KEY, by=SYSTEM)})
    set_up = open_account(a_call(Operation.SET_UP, by=SYSTEM), ACCOUNT, "LTAI")
    usage = folded([*set_up, by_the_service])
    assert usage.calls == {}
    assert usage.destroyed == {made.key.key_id: destroyed.timestamp.date()}


def test_attempts_to_be_somebody_are_nobodys_usage() -> None:
    call = a_call(Operation.UNKNOWN)
    failed = events.AuthenticationFailed(
        originator_id=call.stream,
        originator_version=1,
        timestamp=call.at,
        call=call,
        account_id=ACCOUNT,
        access_key_id="LTAI",
        source_ip="192.0.2.1",
        minute=NOON,
        count=1_000,
        codes={"SignatureDoesNotMatch": 1_000},
    )
    assert folded([failed]).calls == {}


@pytest.mark.parametrize("region_id", ["mars\0", "=1+1", "a" * 65, "", "CN-HANGZHOU", "中国", "cn hangzhou"])
def test_what_is_no_regions_name_is_counted_as_none(region_id: str) -> None:
    """A refused caller sends what it likes; PostgreSQL takes no U+0000, and one event must not stop metering."""
    (counted,) = folded(a_refusal(a_call(region_id=region_id)).events).calls
    assert counted.region_id == NO_REGION


# --- the rows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
async def test_following_catching_up_and_rebuilding_make_the_same_rows(
    writer: LedgerWriter,
    connection: Connection,
    ledger_database: LedgerDatabase,
    seed: int,
) -> None:
    lives = Lives(writer, seed)
    for steps in (5, 40, 1, 60):
        await lives.go_on(steps)
        # Before its key is created, in another page or in the same: it is the same row.
        await writer.append(a_refusal(a_call(Operation.DESCRIBE_KEY), uuid4()))
        await catch_up(connection, ROWS, decode, size=7)
    followed = await rows(connection)
    for size in (1_000, 1, 13):
        await rebuild(connection, size)
        assert await rows(connection) == followed
    counted = {tuple(row[:6]): row[6] for row in followed[0]}
    assert counted == recounted(stored_in_database(ledger_database.admin_url).history)
    lived = {key.key_id: (key.owner, key.region_id, key.destroyed) for key in lives.keys}
    assert {row[0]: (row[1], row[2], row[4] is not None) for row in followed[1]} == lived


async def test_calls_about_no_key_add_up_in_one_row(writer: LedgerWriter, connection: Connection) -> None:
    for _ in range(3):
        await writer.append(an_answer(a_call(Operation.LIST_KEYS)))
        await catch_up(connection, ROWS, decode)
    assert (await rows(connection))[0] == [(NOON.date(), ACCOUNT, REGION, None, "ListKeys", False, 3)]


async def test_a_name_that_no_database_takes_is_stored_all_the_same(
    writer: LedgerWriter, connection: Connection
) -> None:
    await writer.append(a_refusal(a_call(Operation.LIST_KEYS, region_id="mars\0")))
    await catch_up(connection, ROWS, decode)
    assert (await rows(connection))[0] == [(NOON.date(), ACCOUNT, "?", None, "ListKeys", True, 1)]


async def test_two_who_advance_at_once_count_once(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await Lives(writer, seed=5).go_on(60)
    async with await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True) as other:
        await asyncio.gather(*(catch_up(one, ROWS, decode, size=3) for one in (connection, other)))
    counted = {tuple(row[:6]): row[6] for row in (await rows(connection))[0]}
    assert counted == recounted(stored_in_database(ledger_database.admin_url).history)


async def test_a_crash_between_pages_counts_nothing_twice(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await Lives(writer, seed=3).go_on(60)
    for page in (1, 2, 3):
        dying = await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True)
        with pytest.raises(psycopg.OperationalError):
            await catch_up(dying, DiesOnPage(ROWS, page), decode, size=5)
        await dying.close()
    await catch_up(connection, ROWS, decode)
    counted = {tuple(row[:6]): row[6] for row in (await rows(connection))[0]}
    assert counted == recounted(stored_in_database(ledger_database.admin_url).history)


class Counting(psycopg.AsyncConnection[Any]):
    """Counts its statements."""

    executed = 0

    async def execute(self, *arguments: Any, **how: Any) -> Any:
        self.executed += 1
        return await super().execute(*arguments, **how)


async def test_a_page_of_a_thousand_events_is_a_handful_of_statements(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    made = a_new_key()
    await catch_up(connection, ROWS, decode)  # the first time of all asks more
    await writer.append(made.submission)
    await asyncio.gather(*(writer.append(a_use(made.key)) for _ in range(PAGE - 2)))
    await writer.append(a_scheduling(made.key))
    async with await Counting.connect(ledger_database.service_url, autocommit=True) as counting:
        assert isinstance(counting, Counting)
        assert await projector.advance(counting, ROWS, Pages(decode)), "the page is full"
        assert counting.executed <= 6
