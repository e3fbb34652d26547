"""Failures are counted exactly, by several processes, over lost acknowledgements; no stranger moves the bounds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from adapters import authentication_failures
from adapters.authentication_failures import AuthenticationFailures, source_of
from domain.authentication_failures import OTHER_SOURCES, SOURCES_MAX
from domain.errors import ServiceUnavailable
from tests.fixtures.cutting_proxy import CuttingProxy
from tests.fixtures.ledger import ACCOUNT
from tests.fixtures.postgres import LedgerDatabase

KEY = "LTAIknown"
OTHER_KEY = "LTAIother"
WRONG = "SignatureDoesNotMatch"
LATE = "InvalidTimeStamp.Expired"
HERE = "192.0.2.7"


@pytest.fixture
def database(ledger_database: LedgerDatabase) -> LedgerDatabase:
    """With two known access keys."""
    with psycopg.connect(ledger_database.admin_url) as connection:
        for key_id in (KEY, OTHER_KEY):
            connection.execute("insert into ledger.sealed_secret values (%s, %s, '')", (key_id, ACCOUNT))
    return ledger_database


@asynccontextmanager
async def _counting(url: str, **limits: float) -> AsyncIterator[AuthenticationFailures]:
    failures = AuthenticationFailures(url, **limits)  # type: ignore[arg-type]
    await failures.start()
    try:
        yield failures
    finally:
        await failures.close()


@pytest.fixture
async def failures(database: LedgerDatabase) -> AsyncIterator[AuthenticationFailures]:
    async with _counting(database.service_url) as counting:
        yield counting


def _counted(database: LedgerDatabase) -> Counter[tuple[str, str, str]]:
    """Over all minutes: a test may run while one ends."""
    counted: Counter[tuple[str, str, str]] = Counter()
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute(
            "select access_key_id, source, code, count, account_id from ledger.authentication_failures"
        )
        for key_id, source, code, count, account_id in rows:
            assert account_id == ACCOUNT
            counted[key_id, source, code] += count
    return counted


def _told_apart(database: LedgerDatabase) -> Counter[object]:
    """How many sources of the access key have a count of their own, by minute."""
    with psycopg.connect(database.admin_url) as connection:
        rows = connection.execute(
            "select distinct minute, source from ledger.authentication_failures"
            " where access_key_id = %s and source <> %s",
            (KEY, OTHER_SOURCES),
        )
        return Counter(minute for minute, _ in rows)


async def test_a_failure_is_counted_when_it_is_answered(
    database: LedgerDatabase, failures: AuthenticationFailures
) -> None:
    await failures.count(KEY, HERE, WRONG)
    assert _counted(database) == {(KEY, HERE, WRONG): 1}


async def test_what_is_alike_is_counted_together(database: LedgerDatabase, failures: AuthenticationFailures) -> None:
    given = (
        [(KEY, HERE, WRONG)] * 5 + [(KEY, HERE, LATE)] * 2 + [(KEY, "192.0.2.8", WRONG)] + [(OTHER_KEY, HERE, WRONG)]
    )
    await asyncio.gather(*[failures.count(*failure) for failure in given])
    await failures.count(KEY, HERE, WRONG)
    assert _counted(database) == Counter([*given, (KEY, HERE, WRONG)])


async def test_processes_count_into_one_number(database: LedgerDatabase) -> None:
    async with _counting(database.service_url) as one, _counting(database.service_url) as other:
        await asyncio.gather(*[process.count(KEY, HERE, WRONG) for process in (one, other) * 500])
    assert _counted(database) == {(KEY, HERE, WRONG): 1_000}


async def test_an_access_key_that_nobody_has_is_not_counted(
    database: LedgerDatabase, failures: AuthenticationFailures
) -> None:
    """Else whoever invents identifiers would fill the table."""
    await asyncio.gather(*[failures.count(f"LTAI{number}", HERE, WRONG) for number in range(100)])
    await failures.count("LTAI\0", HERE, WRONG)
    await failures.count("", HERE, WRONG)
    assert not _counted(database)


async def test_a_session_is_counted_for_the_account_that_its_token_names(
    database: LedgerDatabase, failures: AuthenticationFailures
) -> None:
    await failures.count("STS.1", HERE, "InvalidSecurityToken.Expired", ACCOUNT)
    assert _counted(database) == {("STS.1", HERE, "InvalidSecurityToken.Expired"): 1}


async def test_beyond_some_sources_the_others_are_counted_together(database: LedgerDatabase) -> None:
    """Exactly so many, though two processes meet new ones at the same time; who was told apart before still is."""
    sources = [f"198.51.100.{number}" for number in range(100)]
    async with _counting(database.service_url) as one, _counting(database.service_url) as other:
        await asyncio.gather(*[one.count(KEY, HERE, WRONG), other.count(OTHER_KEY, HERE, WRONG)])
        for first in range(0, 100, 5):
            here, there = sources[first : first + 5], sources[95 - first : 100 - first]
            await asyncio.gather(
                *[one.count(KEY, source, WRONG) for source in here],
                *[other.count(KEY, source, WRONG) for source in there],
                one.count(KEY, HERE, LATE),
            )
    counted = _counted(database)
    told_apart = _told_apart(database)
    assert set(told_apart.values()) == {SOURCES_MAX} or len(told_apart) == 2, "a minute may end in between"
    assert max(told_apart.values()) == SOURCES_MAX
    assert counted[KEY, HERE, LATE] == 20
    assert sum(count for (key_id, _, code), count in counted.items() if (key_id, code) == (KEY, WRONG)) == 201
    assert counted[OTHER_KEY, HERE, WRONG] == 1


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
        ("testclient", ""),
    ],
)
def test_a_source_is_an_ipv4_address_or_an_ipv6_64(address: str, source: str) -> None:
    assert source_of(address) == source


# --- the database, away -----------------------------------------------------------------------------------------------


async def test_a_lost_acknowledgement_counts_once(database: LedgerDatabase) -> None:
    async with CuttingProxy(database.service_url) as proxy, _counting(proxy.url) as failures:
        await failures.count(KEY, HERE, WRONG)
        proxy.lose_answer()
        await asyncio.gather(*[failures.count(KEY, HERE, WRONG) for _ in range(10)])
        assert proxy.lost == 1
        await failures.count(KEY, HERE, WRONG)
    assert _counted(database) == {(KEY, HERE, WRONG): 12}


async def test_a_request_that_never_arrived_counts_once(database: LedgerDatabase) -> None:
    async with CuttingProxy(database.service_url) as proxy, _counting(proxy.url) as failures:
        await failures.count(KEY, HERE, WRONG)
        proxy.lose_request()
        await failures.count(KEY, HERE, WRONG)
        assert proxy.lost == 1
    assert _counted(database) == {(KEY, HERE, WRONG): 2}


async def test_a_commit_that_comes_late_counts_once(database: LedgerDatabase) -> None:
    """A backend that was given up goes on after its flush was counted by another: it has the number of that flush."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        async with _counting(database.service_url) as failures:
            await failures.count(KEY, HERE, WRONG)
            (flush,) = admin.execute("select flush from ledger.authentication_flushes").fetchone() or ()
            again = "select ledger.count_authentication_failures(process, %s, 16, %s, %s, %s, %s, %s)"
            for number in (flush, flush - 1):
                values = (number, [KEY], [""], [HERE], [WRONG], [7])
                admin.execute(f"{again} from ledger.authentication_flushes".encode(), values)
            assert _counted(database) == {(KEY, HERE, WRONG): 1}
            await failures.count(KEY, HERE, WRONG)
    assert _counted(database) == {(KEY, HERE, WRONG): 2}


async def test_where_it_cannot_be_counted_the_caller_is_told_503_and_later_counted_again(
    database: LedgerDatabase,
) -> None:
    async with CuttingProxy(database.service_url) as proxy, _counting(proxy.url) as failures:
        proxy.refuse()
        with pytest.raises(ServiceUnavailable):
            await failures.count(KEY, HERE, WRONG)
        proxy.refuse(False)
        await failures.count(KEY, HERE, WRONG)
    assert _counted(database) == {(KEY, HERE, WRONG): 1}


async def test_a_server_that_hangs_is_given_up_in_time(database: LedgerDatabase) -> None:
    async with CuttingProxy(database.service_url) as proxy, _counting(proxy.url, commit_seconds=1.0) as failures:
        await failures.count(KEY, HERE, WRONG)
        proxy.hang()
        async with asyncio.timeout(30):
            with pytest.raises(ServiceUnavailable):
                await failures.count(KEY, HERE, WRONG)
        proxy.flow()
        await failures.count(KEY, HERE, LATE)
    assert _counted(database)[KEY, HERE, LATE] == 1


async def test_beyond_its_bound_the_queue_takes_nobody(database: LedgerDatabase) -> None:
    async with _counting(database.service_url, waiting_max=3) as failures:
        outcomes = await asyncio.gather(*[failures.count(KEY, HERE, WRONG) for _ in range(10)], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 3 + [ServiceUnavailable] * 7
    assert _counted(database) == {(KEY, HERE, WRONG): 3}


async def test_a_client_that_leaves_takes_nobody_along(
    database: LedgerDatabase, failures: AuthenticationFailures
) -> None:
    waiting = [asyncio.create_task(failures.count(KEY, HERE, WRONG)) for _ in range(4)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome is not None] == [outcomes[1]]
    assert _counted(database) == {(KEY, HERE, WRONG): 4}


async def test_close_counts_what_waits_and_takes_no_more(database: LedgerDatabase) -> None:
    failures = AuthenticationFailures(database.service_url)
    await failures.start()
    waiting = [asyncio.create_task(failures.count(KEY, HERE, WRONG)) for _ in range(4)]
    await asyncio.sleep(0)
    await failures.close()
    await asyncio.gather(*waiting)
    with pytest.raises(ServiceUnavailable):
        await failures.count(KEY, HERE, WRONG)
    assert _counted(database) == {(KEY, HERE, WRONG): 4}


async def test_what_goes_wrong_once_does_not_end_the_counting(
    database: LedgerDatabase, failures: AuthenticationFailures, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(authentication_failures, "_COUNT", "select nonsense")
        with pytest.raises(ServiceUnavailable):
            await failures.count(KEY, HERE, WRONG)
    await failures.count(KEY, HERE, WRONG)
    assert _counted(database) == {(KEY, HERE, WRONG): 1}
