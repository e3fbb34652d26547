"""The key directory: the same rows whether it follows, catches up late or is rebuilt; listed as soon as recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from adapters.ledger.mapper import decode
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain.errors import ServiceUnavailable
from domain.key import Key
from domain.vocabulary import KeyState, Operation
from projections.key_directory import DueKey, KeyDirectory, KeyDirectoryRows
from projections.pages import PAGE, Pages
from projections.projector import PoisonEvent, advance, catch_up, lag
from tests.fixtures.dying import DiesOnPage
from tests.fixtures.future import from_the_future
from tests.fixtures.histories import ACCOUNTS, LATER, REGIONS, Lives
from tests.fixtures.ledger import NOON, a_call, a_caller, a_change, a_destruction, a_new_key, a_scheduling, after
from tests.fixtures.postgres import LedgerDatabase

Connection = psycopg.AsyncConnection[Any]
ROWS = KeyDirectoryRows()


@pytest.fixture
async def directory(ledger_database: LedgerDatabase) -> AsyncIterator[KeyDirectory]:
    reader = LedgerReader(ledger_database.service_url)
    await reader.start()
    yield KeyDirectory(reader.connection, decode)
    await reader.close()


async def rows(connection: Connection) -> list[tuple[Any, ...]]:
    cursor = await connection.execute("select * from projections.key_directory order by created_position")
    return await cursor.fetchall()


async def rebuild(connection: Connection, size: int = PAGE) -> None:
    await connection.execute("truncate projections.key_directory")
    await connection.execute("delete from projections.tracking where application_name = %s", (ROWS.name,))
    await catch_up(connection, ROWS, decode, size)


def row_of(key: Key) -> dict[str, object]:
    return {
        "key_version_id": key.primary_key_version,
        "account_id": key.owner,
        "region_id": key.region_id,
        "key_state": key.state.value,
        "delete_at": key.delete_at,
        "destroyed": key.destroyed,
        "description": key.description,
        "origin": key.origin.value,
        "created_at": key.created_at,
        "tags": dict(key.tags) or None,
    }


async def audited(connection: Connection, *columns: str) -> tuple[Any, ...]:
    """Of the one key."""
    cursor = await connection.execute(f"select {', '.join(columns)} from projections.key_directory".encode())
    (row,) = await cursor.fetchall()
    return tuple(row)


# --- the fold --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
async def test_following_catching_up_and_rebuilding_make_the_same_rows(
    writer: LedgerWriter, connection: Connection, seed: int
) -> None:
    lives = Lives(writer, seed)
    for steps in (5, 40, 1, 60):
        await lives.go_on(steps)
        await catch_up(connection, ROWS, decode, size=7)
    followed = await rows(connection)
    assert await lag(connection, ROWS) == 0
    await rebuild(connection, size=7)
    assert await rows(connection) == followed
    await rebuild(connection)
    assert await rows(connection) == followed
    assert len(followed) == len(lives.keys)


async def test_rows_say_what_the_streams_say(writer: LedgerWriter, connection: Connection) -> None:
    lives = Lives(writer, seed=11)
    await lives.go_on(150)
    await catch_up(connection, ROWS, decode)
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute("select * from projections.key_directory")
    found = {row["key_id"]: row for row in await cursor.fetchall()}
    assert {KeyState.ENABLED, KeyState.PENDING_DELETION} <= {key.state for key in lives.keys}
    assert any(key.destroyed for key in lives.keys)
    for key in lives.keys:
        assert row_of(key).items() <= found[key.key_id].items()


async def test_two_who_advance_at_once_do_the_work_once(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await Lives(writer, seed=5).go_on(60)
    async with await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True) as other:
        await asyncio.gather(*(catch_up(one, ROWS, decode, size=3) for one in (connection, other)))
    followed = await rows(connection)
    await rebuild(connection)
    assert await rows(connection) == followed


async def test_a_row_tells_who_made_a_key_what_it_is_and_since_when(
    writer: LedgerWriter, connection: Connection
) -> None:
    columns = ("state_since", "state_by", "state_position", "deletion_scheduled_by", "destroyed_at", "destroyed_by")
    root, alice = a_caller().principal, replace(a_caller(), principal="acs:ram::1:user/alice")
    made = a_new_key()
    await writer.append(made.submission)
    await catch_up(connection, ROWS, decode)
    assert await audited(connection, *columns, "created_by") == (NOON, root, 1, None, None, None, root)

    later = NOON + timedelta(days=1)
    enabled = a_change(made.key, made.key.enable(a_call(Operation.ENABLE_KEY, at=later)))
    await writer.append(enabled)
    await catch_up(connection, ROWS, decode)
    assert (await audited(connection, *columns))[:3] == (NOON, root, 1), "it was enabled already"

    key = after(made.key, enabled)
    scheduled = a_change(key, key.schedule_deletion(a_call(Operation.SCHEDULE_KEY_DELETION, by=alice, at=later), 7))
    await writer.append(scheduled)
    await catch_up(connection, ROWS, decode)
    assert await audited(connection, *columns) == (later, alice.principal, 3, alice.principal, None, None)

    key = after(key, scheduled)
    cancelled = a_change(key, key.cancel_deletion(a_call(Operation.CANCEL_KEY_DELETION, at=later)))
    await writer.append(cancelled)
    await catch_up(connection, ROWS, decode)
    assert await audited(connection, *columns) == (later, root, 4, None, None, None)

    key = after(key, cancelled)
    scheduled = a_change(key, key.schedule_deletion(a_call(Operation.SCHEDULE_KEY_DELETION, by=alice, at=later), 7))
    await writer.append(scheduled)
    destroyed = a_destruction(after(key, scheduled))
    await writer.append(destroyed)
    await catch_up(connection, ROWS, decode)
    at = destroyed.events[0].timestamp
    assert await audited(connection, *columns) == (at, root, 6, alice.principal, at, root)


# --- crashes and poison ----------------------------------------------------------------------------------------------


async def test_a_crash_between_pages_leaves_nothing_out_and_nothing_twice(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await Lives(writer, seed=3).go_on(80)
    for page in (1, 2, 3):
        dying = await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True)
        with pytest.raises(psycopg.OperationalError):
            await catch_up(dying, DiesOnPage(ROWS, page), decode, size=5)
        await dying.close()
    await catch_up(connection, ROWS, decode)
    followed = await rows(connection)
    await rebuild(connection)
    assert await rows(connection) == followed


async def _position(connection: Connection) -> int:
    cursor = await connection.execute("select notification_id from projections.tracking")
    (position,) = await cursor.fetchone() or (0,)
    return int(position)


async def test_an_event_that_cannot_be_read_is_named_and_stops_the_projection_before_it(
    writer: LedgerWriter, connection: Connection
) -> None:
    for _ in range(3):
        await writer.append(a_new_key().submission)
    await catch_up(connection, ROWS, decode)
    for _ in range(3):
        await writer.append(a_new_key().submission)

    def choking(stream: Any, version: int, topic: str, state: bytes) -> Any:
        read = decode(stream, version, topic, state)
        if read.originator_id == poisoned:
            raise ValueError("from the future")
        return read

    cursor = await connection.execute("select originator_id from ledger.events where position = 5")
    (poisoned,) = await cursor.fetchone() or (None,)
    with pytest.raises(PoisonEvent, match="key_directory cannot take the event at position 5"):
        await advance(connection, ROWS, Pages(choking))
    assert await _position(connection) == 3
    assert len(await rows(connection)) == 3
    await catch_up(connection, ROWS, decode)
    assert len(await rows(connection)) == 6


async def test_an_event_that_cannot_be_stored_is_named(writer: LedgerWriter, connection: Connection) -> None:
    await writer.append(a_new_key().submission)
    await catch_up(connection, ROWS, decode)
    for _ in range(3):
        await writer.append(a_new_key().submission)
    await connection.execute(
        "insert into projections.key_directory"
        " select (jsonb_populate_record(d, jsonb_build_object('key_id', e.originator_id))).*"
        " from projections.key_directory d, ledger.events e where e.position = 3 and d.created_position = 1"
    )
    with pytest.raises(PoisonEvent) as poison:
        await catch_up(connection, ROWS, decode)
    assert poison.value.position == 3
    assert await _position(connection) == 1
    await rebuild(connection)
    assert len(await rows(connection)) == 4


async def test_a_database_that_is_away_is_no_poison(ledger_database: LedgerDatabase, writer: LedgerWriter) -> None:
    await writer.append(a_new_key().submission)
    dying = await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True)
    with pytest.raises(psycopg.OperationalError):
        await catch_up(dying, DiesOnPage(ROWS, 1), decode)
    await dying.close()


async def a_pending_key(writer: LedgerWriter, days: int = 7) -> Key:
    made = a_new_key()
    scheduling = a_scheduling(made.key, days)
    await writer.append(made.submission)
    await writer.append(scheduling)
    return after(made.key, scheduling)


def due(key: Key) -> DueKey:
    assert key.delete_at is not None
    return DueKey(key.delete_at, key.key_id, key.owner, key.region_id)


# --- questions -------------------------------------------------------------------------------------------------------


async def test_a_key_is_listed_as_soon_as_it_is_recorded(writer: LedgerWriter, directory: KeyDirectory) -> None:
    for count in range(1, 6):
        made = a_new_key()
        await writer.append(made.submission)
        listed = await directory.page(made.key.owner, made.key.region_id, {}, 0, 100)
        assert listed.total == count
        assert listed.keys[-1] == made.key.key_id


async def test_pages_and_filters_agree_with_the_keys(writer: LedgerWriter, directory: KeyDirectory) -> None:
    lives = Lives(writer, seed=21)
    await lives.go_on(120)
    for account in ACCOUNTS:
        for region in REGIONS:
            there = [key for key in lives.keys if (key.owner, key.region_id) == (account, region) and not key.destroyed]
            whole = await directory.page(account, region, {}, 0, 100)
            assert whole.total == len(there)
            assert whole.keys == tuple(key.key_id for key in there)
            paged = [await directory.page(account, region, {}, offset, 2) for offset in range(0, len(there), 2)]
            assert tuple(key_id for page in paged for key_id in page.keys) == whole.keys
            for state in KeyState:
                filtered = await directory.page(account, region, {"KeyState": frozenset((state.value,))}, 0, 100)
                assert filtered.keys == tuple(key.key_id for key in there if key.state is state)


async def test_filters_that_nothing_meets_list_nothing(writer: LedgerWriter, directory: KeyDirectory) -> None:
    made = a_new_key()
    await writer.append(made.submission)
    owner, region = made.key.owner, made.key.region_id
    for filters, total in (
        ({"CreatorType": frozenset(("User",))}, 1),
        ({"CreatorType": frozenset(("Service",))}, 0),
        ({"KeySpec": frozenset(("Aliyun_SM4",))}, 0),
        ({"KeyState": frozenset(("Enabled", "Disabled")), "ProtectionLevel": frozenset(("SOFTWARE",))}, 1),
        ({"KeyUsage": frozenset(("'; drop table projections.key_directory; --",))}, 0),
    ):
        assert (await directory.page(owner, region, filters, 0, 10)).total == total
    assert (await directory.page(owner, "cn-beijing", {}, 0, 10)).total == 0


async def test_due_keys_are_found_on_their_day_and_until_they_are_destroyed(
    writer: LedgerWriter, directory: KeyDirectory
) -> None:
    made, kept = a_new_key(), a_new_key()
    scheduling = a_scheduling(made.key, days=7)
    for submission in (made.submission, kept.submission, scheduling):
        await writer.append(submission)
    pending = after(made.key, scheduling)
    assert pending.delete_at is not None
    await directory.follow()
    assert await directory.due(a_call().at, 10) == []
    assert await directory.due(pending.delete_at, 10) == [due(pending)]
    await writer.append(a_destruction(pending))
    await directory.follow()
    assert await directory.due(LATER, 10) == []
    assert await directory.key_of_version(made.key.primary_key_version) == made.key.key_id
    assert await directory.key_of_version(a_call().stream) is None


async def test_a_cancelled_deletion_is_not_due(writer: LedgerWriter, directory: KeyDirectory) -> None:
    made = a_new_key()
    scheduling = a_scheduling(made.key)
    pending = after(made.key, scheduling)
    cancelling = a_change(pending, pending.cancel_deletion(a_call(Operation.CANCEL_KEY_DELETION, by=a_caller())))
    for submission in (made.submission, scheduling, cancelling):
        await writer.append(submission)
    await directory.follow()
    assert await directory.due(LATER, 10) == []


async def test_due_keys_come_in_pages_the_longest_due_first(writer: LedgerWriter, directory: KeyDirectory) -> None:
    pending = [await a_pending_key(writer, days) for days in (9, 7, 7, 8, 7)]
    await directory.follow()
    found: list[DueKey] = []
    while page := await directory.due(LATER, 2, found[-1] if found else None):
        assert len(page) <= 2
        found += page
    assert found == sorted(map(due, pending))


# --- questions to a directory that an event has stopped --------------------------------------------------------------


async def test_what_was_recorded_before_the_event_that_stops_it_is_in(
    writer: LedgerWriter, directory: KeyDirectory, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    pending = await a_pending_key(writer)
    position = from_the_future(ledger_database.admin_url)
    await writer.append(a_new_key().submission)
    with pytest.raises(PoisonEvent) as poison:
        await directory.follow()
    assert (poison.value.position, await _position(connection)) == (position, position - 1)
    assert await directory.due(LATER, 10) == [due(pending)]


async def test_a_stopped_directory_lists_no_keys_rather_than_some(
    writer: LedgerWriter, directory: KeyDirectory, ledger_database: LedgerDatabase
) -> None:
    key = await a_pending_key(writer)
    from_the_future(ledger_database.admin_url)
    for _ in range(2):
        with pytest.raises(ServiceUnavailable, match="which keys there are"):
            await directory.page(key.owner, key.region_id, {}, 0, 10)


async def test_a_stopped_directory_tells_the_key_of_a_version_that_it_has_and_no_more(
    writer: LedgerWriter, directory: KeyDirectory, ledger_database: LedgerDatabase
) -> None:
    before, after_it = await a_pending_key(writer), a_new_key()
    from_the_future(ledger_database.admin_url)
    await writer.append(after_it.submission)
    with pytest.raises(ServiceUnavailable):
        await directory.key_of_version(after_it.key.primary_key_version)
    assert await directory.key_of_version(before.primary_key_version) == before.key_id
