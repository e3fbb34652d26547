"""Projections run side by side: one that was stopped by an event, or that lags, holds up no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from adapters.ledger.connection import connect
from adapters.ledger.mapper import decode
from adapters.ledger.writer import LedgerWriter
from api.audit.trail import Trail
from projections import projector, runner
from projections.audit_trail import AuditTrailRows
from projections.key_directory import KeyDirectoryRows
from projections.pages import PAGE, Entry, Pages
from projections.projector import PoisonEvent, Projection
from projections.runner import Runner, stopped
from projections.usage import UsageRows
from tests.fixtures.ledger import a_new_key, a_use
from tests.fixtures.postgres import LedgerDatabase

Connection = psycopg.AsyncConnection[Any]


class Heard:
    """What an observer was told."""

    def __init__(self) -> None:
        self.places: dict[str, tuple[int, int]] = {}
        self.behind: list[int] = []
        self.poison: list[tuple[str, int]] = []
        self.waited: list[str] = []

    def advanced(self, projection: str, position: int, behind: int) -> None:
        self.places[projection] = (position, behind)
        self.behind.append(behind)

    def stopped(self, poison: PoisonEvent, behind: int) -> None:
        self.poison.append((poison.projection, poison.position))
        self.behind.append(behind)

    def waits(self, projection: str, _: str) -> None:
        self.waited.append(projection)

    async def at(self, projection: str, position: int) -> None:
        await until(lambda: self.places.get(projection) == (position, 0))


class Choosy(UsageRows):
    """Does not take the event at ``position``, for a reason that nobody foresaw."""

    def __init__(self, position: int) -> None:
        self.position = position

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        if any(entry.position == self.position for entry in page):
            raise AttributeError("from the future")
        await super().store(connection, page)


async def until(true: Any, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110  # nobody tells us
            await asyncio.sleep(0.01)


@asynccontextmanager
async def following(database: LedgerDatabase, *projections: Projection, size: int = PAGE) -> AsyncIterator[Heard]:
    heard, stop = Heard(), asyncio.Event()

    async def connected() -> Connection:
        return await connect(database.service_url, "a runner")

    tasks = [asyncio.create_task(Runner(one, connected, Pages(decode, size), heard).run(stop)) for one in projections]
    try:
        yield heard
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 5)


def trail_of(database: LedgerDatabase) -> Trail:
    @asynccontextmanager
    async def for_questions() -> AsyncIterator[Connection]:
        async with await connect(database.service_url, "a question") as asking:
            yield asking

    return Trail(for_questions, for_questions)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(runner, "UNHEARD_SECONDS", 0.05)
    monkeypatch.setattr(runner, "STOPPED_SECONDS", 0.05)


async def used_keys(writer: LedgerWriter, count: int) -> int:
    """Two events each; returns how many events."""
    for _ in range(count):
        made = a_new_key()
        await writer.append(made.submission)
        await writer.append(a_use(made.key))
    return 2 * count


async def test_every_projection_follows(writer: LedgerWriter, ledger_database: LedgerDatabase) -> None:
    async with following(ledger_database, KeyDirectoryRows(), UsageRows()) as heard:
        for rounds in (1, 2, 3):
            await used_keys(writer, 2)
            await heard.at("usage", 4 * rounds)
            await heard.at("key_directory", 4 * rounds - 1)
    assert (heard.poison, heard.waited) == ([], [])


async def test_a_projection_of_changes_is_woken_by_them(
    writer: LedgerWriter, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "UNHEARD_SECONDS", 60.0)
    async with following(ledger_database, KeyDirectoryRows()) as heard:
        await until(lambda: heard.places)
        await writer.append(a_new_key().submission)
        await heard.at("key_directory", 1)


async def test_whoever_waits_for_a_projection_of_all_events_wakes_it(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 60.0)
    async with following(ledger_database, UsageRows()) as heard:
        await until(lambda: heard.places)
        await used_keys(writer, 1)
        await connection.execute(f"notify {runner.WANTED}".encode())
        await heard.at("usage", 2)


async def test_pages_of_a_server_that_went_away_are_read_again(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A standby that took over may have lost the newest events: others stand in their places then."""
    forgotten: list[Pages] = []

    def forget(pages: Pages) -> None:
        forgotten.append(pages)

    monkeypatch.setattr(Pages, "forget", forget)
    async with following(ledger_database, UsageRows()) as heard:
        await until(lambda: heard.places)
        assert len(forgotten) == 1
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'a runner' and datname = current_database()"
        )
        await until(lambda: len(forgotten) == 2)
        await used_keys(writer, 1)
        await heard.at("usage", 2)


async def test_what_was_read_is_kept_until_it_is_forgotten(writer: LedgerWriter, connection: Connection) -> None:
    await used_keys(writer, 1)
    pages = Pages(decode)
    first = await pages.after(connection, 0, changes_only=False)
    assert (await pages.after(connection, 0, changes_only=False)).entries is first.entries
    pages.forget()
    assert (await pages.after(connection, 0, changes_only=False)).entries is not first.entries


async def test_an_auditor_who_waits_wakes_the_trail(
    writer: LedgerWriter, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 60.0)

    async with following(ledger_database, AuditTrailRows()) as heard:
        await until(lambda: heard.places)
        await used_keys(writer, 1)
        head = await trail_of(ledger_database).awaited(seconds=30.0)
        assert head.position == 2
        await heard.at("audit_trail", 2)


async def test_nobody_waits_for_a_trail_that_an_event_has_stopped(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await used_keys(writer, 1)
    await connection.execute("insert into projections.stopped (application_name, position) values ('audit_trail', 1)")
    async with asyncio.timeout(60):
        head = await trail_of(ledger_database).awaited(seconds=3_600.0)
    assert head.position == 2


async def test_one_that_lags_says_how_far_and_goes_on_without_a_pause(
    writer: LedgerWriter, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 60.0)
    await used_keys(writer, 5)
    async with following(ledger_database, UsageRows(), size=3) as heard:
        await heard.at("usage", 10)
    assert heard.behind == [7, 4, 1, 0]


async def test_a_poison_event_stops_its_own_projection_alone_and_is_told_again_and_again(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await used_keys(writer, 3)
    async with following(ledger_database, Choosy(4), KeyDirectoryRows()) as heard:
        await until(lambda: len(heard.poison) >= 3)
        await used_keys(writer, 1)
        await heard.at("key_directory", 7)
        assert set(heard.poison) == {("usage", 4)}
        assert heard.behind.count(3) >= 3, "so far is the head from it"
        (told,) = await stopped(connection)
        assert str(told) == "projection usage cannot take the event at position 4"
    assert await projector.tracked(connection, "usage") == 3, "what stands before it on its page is taken"
    assert "usage" not in heard.places


async def test_a_version_that_takes_the_event_goes_on_where_it_stood_and_nothing_is_stopped_any_more(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    events = await used_keys(writer, 3)
    async with following(ledger_database, Choosy(4), size=2) as heard:
        await until(lambda: heard.poison)
    assert await projector.tracked(connection, "usage") == 3
    async with following(ledger_database, UsageRows()) as heard:
        await heard.at("usage", events)
    assert await stopped(connection) == []


async def test_a_lost_connection_is_made_again(writer: LedgerWriter, ledger_database: LedgerDatabase) -> None:
    await used_keys(writer, 1)
    async with following(ledger_database, KeyDirectoryRows(), UsageRows()) as heard:
        await heard.at("usage", 2)
        await heard.at("key_directory", 1)
        with psycopg.connect(ledger_database.admin_url, autocommit=True) as admin:
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'a runner'")
        await until(lambda: set(heard.waited) == {"usage", "key_directory"})
        await used_keys(writer, 1)
        await heard.at("usage", 4)
        await heard.at("key_directory", 3)
    assert heard.poison == []


async def test_it_stops_when_told_though_the_database_is_away() -> None:
    stop, heard = asyncio.Event(), Heard()

    async def away() -> Connection:
        raise psycopg.OperationalError("gone fishing")

    task = asyncio.create_task(Runner(UsageRows(), away, Pages(decode), heard).run(stop))
    await until(lambda: len(heard.waited) >= 2)
    stop.set()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, 2)
    assert heard.poison == []
