"""When a minute is over each access key and source has one event, with the exact count, whoever tells it how often."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.authentication_failures import AuthenticationFailures
from adapters.authentication_minutes import AuthenticationMinutes
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain.authentication_failures import FailuresOfMinute
from domain.errors import InternalFailure
from domain.events import AuthenticationFailed
from domain.ports import Submission
from tests.fixtures.ledger import ACCOUNT, NOON
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import stored_in_database

KEYS = ("LTAI1", "LTAI2", "LTAI3")
HERE, THERE = "192.0.2.7", "192.0.2.8"
WRONG, LATE = "SignatureDoesNotMatch", "InvalidTimeStamp.Expired"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def database(ledger_database: LedgerDatabase) -> LedgerDatabase:
    with psycopg.connect(ledger_database.admin_url) as connection:
        for key_id in KEYS:
            connection.execute("insert into ledger.sealed_secret values (%s, %s, '')", (key_id, ACCOUNT))
    return ledger_database


@pytest.fixture
async def reader(database: LedgerDatabase) -> AsyncIterator[LedgerReader]:
    reader = LedgerReader(database.service_url)
    await reader.start()
    yield reader
    await reader.close()


@pytest.fixture
async def writer(database: LedgerDatabase) -> AsyncIterator[LedgerWriter]:
    writer = LedgerWriter(database.service_url)
    await writer.start()
    yield writer
    await writer.close()


@pytest.fixture
async def failures(database: LedgerDatabase) -> AsyncIterator[AuthenticationFailures]:
    failures = AuthenticationFailures(database.service_url)
    await failures.start()
    yield failures
    await failures.close()


@pytest.fixture
def minutes(reader: LedgerReader, writer: LedgerWriter) -> AuthenticationMinutes:
    return AuthenticationMinutes(reader, writer)


def _a_minute_passes(database: LedgerDatabase) -> None:
    """What was counted becomes older, which no right of the service's would allow."""
    with psycopg.connect(database.admin_url) as connection:
        for earlier in ("100 days", "1 minute -100 days"):  # rows of neighbouring minutes must not meet
            connection.execute(
                f"update ledger.authentication_failures set minute = minute - '{earlier}'::interval".encode()
            )


def _told(database: LedgerDatabase) -> list[AuthenticationFailed]:
    history = stored_in_database(database.admin_url).history
    return [event for event in history if isinstance(event, AuthenticationFailed)]


def _left(database: LedgerDatabase) -> int:
    with psycopg.connect(database.admin_url) as connection:
        (left,) = connection.execute("select count(*) from ledger.authentication_failures").fetchone() or ()
    return int(left)


async def _fail(failures: AuthenticationFailures, *given: tuple[str, str, str]) -> None:
    await asyncio.gather(*[failures.count(*failure) for failure in given])


async def test_a_minute_that_is_over_has_one_event_for_each_key_and_source(
    database: LedgerDatabase, failures: AuthenticationFailures, minutes: AuthenticationMinutes
) -> None:
    given = (
        [(KEYS[0], HERE, WRONG)] * 5 + [(KEYS[0], HERE, LATE)] * 2 + [(KEYS[0], THERE, WRONG), (KEYS[1], HERE, LATE)]
    )
    await _fail(failures, *given)
    _a_minute_passes(database)
    assert await minutes.tell() == 3
    told = {(event.access_key_id, event.source_ip): event for event in _told(database)}
    assert {place: dict(event.codes) for place, event in told.items()} == {
        (KEYS[0], HERE): {LATE: 2, WRONG: 5},
        (KEYS[0], THERE): {WRONG: 1},
        (KEYS[1], HERE): {LATE: 1},
    }
    event = told[KEYS[0], HERE]
    assert (event.count, event.account_id, event.call.by.kind) == (7, ACCOUNT, "system")
    assert event.minute == event.minute.replace(second=0, microsecond=0)
    assert event.timestamp == event.minute + MINUTE
    assert datetime.now(UTC) - 3 * MINUTE < event.minute < datetime.now(UTC)
    assert _left(database) == 0


async def test_a_minute_that_runs_is_not_told(
    database: LedgerDatabase, failures: AuthenticationFailures, minutes: AuthenticationMinutes
) -> None:
    with psycopg.connect(database.admin_url) as connection:  # so that it does not end while this runs
        connection.execute("update ledger.authentication_minute set minute = date_trunc('minute', now()) + '1 hour'")
    await failures.count(KEYS[0], HERE, WRONG)
    assert await minutes.tell() == 0
    assert (_told(database), _left(database)) == ([], 1)


async def test_each_minute_has_its_own_event(
    database: LedgerDatabase, failures: AuthenticationFailures, minutes: AuthenticationMinutes
) -> None:
    for _ in range(3):
        await failures.count(KEYS[0], HERE, WRONG)
        _a_minute_passes(database)
    assert await minutes.tell() >= 2  # a real minute may have begun in between
    told = _told(database)
    assert len({event.minute for event in told}) == len(told)
    assert sum(event.count for event in told) == 3


async def test_several_tellers_make_one_event(
    database: LedgerDatabase, failures: AuthenticationFailures, reader: LedgerReader, writer: LedgerWriter
) -> None:
    await _fail(failures, *[(key_id, f"198.51.100.{number}", WRONG) for key_id in KEYS for number in range(10)])
    _a_minute_passes(database)
    other = LedgerWriter(database.service_url)
    await other.start()
    tellers = [AuthenticationMinutes(reader, ledger) for ledger in (writer, other) * 4]
    await asyncio.gather(*[teller.tell() for teller in tellers])
    await other.close()
    assert Counter(event.originator_id for event in _told(database)).most_common(1)[0][1] == 1
    assert len(_told(database)) == 30
    assert stored_in_database(database.admin_url).is_gapless()
    assert _left(database) == 0


async def test_more_than_a_page_is_told(
    database: LedgerDatabase, failures: AuthenticationFailures, minutes: AuthenticationMinutes
) -> None:
    for _ in range(10):
        await _fail(failures, *[(key_id, f"198.51.100.{number}", WRONG) for key_id in KEYS for number in range(10)])
        _a_minute_passes(database)
    assert await minutes.tell() >= 240
    assert sum(event.count for event in _told(database)) == 300
    assert _left(database) == 0


async def test_counting_and_telling_at_once_loses_and_doubles_nothing(
    database: LedgerDatabase, failures: AuthenticationFailures, reader: LedgerReader, writer: LedgerWriter
) -> None:
    """A minute ends every few milliseconds, while two processes count and two tell."""
    other = AuthenticationFailures(database.service_url)
    await other.start()
    counting = asyncio.gather(
        *[_keep_failing(process, key_id) for process in (failures, other) for key_id in KEYS for _ in range(3)]
    )
    tellers = [AuthenticationMinutes(reader, writer) for _ in range(2)]
    while not counting.done():
        with psycopg.connect(database.admin_url) as connection:
            connection.execute("update ledger.authentication_minute set minute = minute + interval '1 minute'")
        await asyncio.gather(*[teller.tell() for teller in tellers])
    await counting
    await other.close()
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("update ledger.authentication_minute set minute = minute + interval '1 minute'")
    await tellers[0].tell()
    told = _told(database)
    assert sum(event.count for event in told) == 2 * 3 * 3 * 40
    places = [(event.access_key_id, event.source_ip, event.minute) for event in told]
    assert len(places) == len(set(places)) > 3
    assert _left(database) == 0


async def _keep_failing(failures: AuthenticationFailures, key_id: str) -> None:
    for _ in range(40):
        await failures.count(key_id, HERE, WRONG)


async def test_a_clock_that_is_set_back_opens_no_minute_again(
    database: LedgerDatabase, failures: AuthenticationFailures, minutes: AuthenticationMinutes
) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("update ledger.authentication_minute set minute = date_trunc('minute', now()) + '1 hour'")
    await failures.count(KEYS[0], HERE, WRONG)
    await minutes.tell()
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute("select f.minute = m.minute from ledger.authentication_failures f, "
                                  "ledger.authentication_minute m").fetchall()  # fmt: skip
    assert rows == [(True,)]


@pytest.mark.parametrize("wrong", ["too few", "too many", "another source", "a minute that runs"])
async def test_an_event_that_does_not_tell_what_was_counted_is_refused(
    database: LedgerDatabase, failures: AuthenticationFailures, writer: LedgerWriter, wrong: str
) -> None:
    with psycopg.connect(database.admin_url) as connection:
        connection.execute("update ledger.authentication_minute set minute = date_trunc('minute', now()) + '1 hour'")
    await _fail(failures, *[(KEYS[0], HERE, WRONG)] * 3)
    if wrong != "a minute that runs":
        _a_minute_passes(database)
    with psycopg.connect(database.admin_url) as connection:
        (minute,) = connection.execute("select minute from ledger.authentication_failures").fetchone() or ()
    counted = FailuresOfMinute(
        account_id=ACCOUNT,
        access_key_id=KEYS[0],
        source=THERE if wrong == "another source" else HERE,
        minute=minute,
        codes={WRONG: {"too few": 2, "too many": 4}.get(wrong, 3)},
    )
    with pytest.raises(InternalFailure):
        await writer.append(Submission(events=(counted.told(),), failures=(counted,)))
    assert (_told(database), _left(database)) == ([], 1)


def test_the_same_failures_are_told_in_the_same_bytes() -> None:
    def failed(**codes: int) -> FailuresOfMinute:
        return FailuresOfMinute(account_id=ACCOUNT, access_key_id=KEYS[0], source=HERE, minute=NOON, codes=codes)

    assert list(failed(b=1, a=2).told().codes) == list(failed(a=2, b=1).told().codes) == ["a", "b"]
    assert failed(a=1).told() == failed(a=1).told()
    assert failed(a=1).told().originator_id == failed(a=2).told().originator_id


@pytest.mark.parametrize(
    "other",
    [{"access_key_id": KEYS[1]}, {"source": THERE}, {"minute": NOON + MINUTE}, {"account_id": "9999999999999999"}],
)
def test_each_key_source_and_minute_has_its_own_stream(other: dict[str, object]) -> None:
    given: dict[str, object] = {
        "account_id": ACCOUNT, "access_key_id": KEYS[0], "source": HERE, "minute": NOON, "codes": {WRONG: 1},
    }  # fmt: skip
    one, another = FailuresOfMinute(**given), FailuresOfMinute(**{**given, **other})  # type: ignore[arg-type]
    assert one.told().originator_id != another.told().originator_id
