"""The writer when its database is in trouble: every answer is right, every event stands once, nobody restarts it.

What is lost on the way is lost by a proxy; what is killed is a PostgreSQL of the test's own.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from adapters.ledger.writer import LedgerWriter, WriterLimits
from domain.errors import ServiceUnavailable, TooManyRequests
from domain.guard import GuardMoved
from domain.ports import Submission
from tests.fixtures.cutting_proxy import CuttingProxy
from tests.fixtures.ledger import MadeKey, a_disabling, a_new_key, a_use
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import Stored, stored_in_database

QUICK = WriterLimits(commit_seconds=1.0, settle_seconds=1.0)


@pytest.fixture
async def proxy(ledger_database: LedgerDatabase) -> AsyncIterator[CuttingProxy]:
    async with CuttingProxy(ledger_database.service_url) as made:
        yield made


@pytest.fixture
async def writer(proxy: CuttingProxy) -> AsyncIterator[LedgerWriter]:
    made = LedgerWriter(proxy.url, QUICK)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
async def made(writer: LedgerWriter) -> MadeKey:
    """A key that is recorded, so that the writer has a connection to lose."""
    key = a_new_key()
    await writer.append(key.submission)
    return key


async def together(writer: LedgerWriter, submissions: list[Submission]) -> list[int | BaseException]:
    return await asyncio.gather(*map(writer.append, submissions), return_exceptions=True)


async def until_up(writer: LedgerWriter, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not writer.is_up:  # noqa: ASYNC110  the writer has nobody to tell but /readyz, which asks
            await asyncio.sleep(0.05)


def places(stored: Stored) -> dict[UUID, int]:
    """Where each stream's event stands; fails where one stands twice or a position is missing."""
    assert stored.is_gapless()
    assert len(set(stored.streams)) == len(stored.streams)
    return dict(zip(stored.streams, stored.positions, strict=True))


# --- what is lost ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("lost", ["answer", "request"])
async def test_a_lost_acknowledgement_becomes_one_event_and_the_right_answer(
    ledger_database: LedgerDatabase, proxy: CuttingProxy, writer: LedgerWriter, made: MadeKey, lost: str, times: int
) -> None:
    uses = [a_use(made.key, limit=1_000) for _ in range(40)]
    (proxy.lose_answer if lost == "answer" else proxy.lose_request)(times)
    positions = await together(writer, uses)
    stored = stored_in_database(ledger_database.admin_url)
    assert proxy.lost == times
    assert [places(stored)[use.events[0].originator_id] for use in uses] == positions
    assert stored.tallies[made.key.primary_key_version] == len(uses)


async def test_the_lost_acknowledgement_of_a_change_does_not_make_it_collide_with_itself(
    ledger_database: LedgerDatabase, proxy: CuttingProxy, writer: LedgerWriter, made: MadeKey
) -> None:
    proxy.lose_answer()
    disabling, another = a_disabling(made.key), a_new_key()
    outcomes = await together(writer, [disabling, a_use(made.key), another.submission])
    assert outcomes[0] == 2
    assert isinstance(outcomes[1], GuardMoved)
    assert outcomes[2] == 3
    stored = stored_in_database(ledger_database.admin_url)
    assert len(stored.history) == 3
    assert len(stored.material) == 2


async def test_where_it_cannot_be_settled_callers_are_told_and_the_writer_comes_back(
    ledger_database: LedgerDatabase, proxy: CuttingProxy, writer: LedgerWriter, made: MadeKey
) -> None:
    """The event stands, and tells of a result that nobody received."""
    proxy.refuse()
    proxy.lose_answer()
    lost = a_use(made.key)
    begun = time.monotonic()
    outcomes = await together(writer, [lost])
    assert isinstance(outcomes[0], ServiceUnavailable)
    assert time.monotonic() - begun < QUICK.settle_seconds + 5.0
    with pytest.raises(ServiceUnavailable):
        writer.admit()
    assert not writer.is_up
    proxy.refuse(False)
    await until_up(writer)
    assert await writer.append(a_use(made.key)) == 3
    assert places(stored_in_database(ledger_database.admin_url))[lost.events[0].originator_id] == 2


async def test_those_who_wait_when_the_database_goes_away_are_told_as_well(
    proxy: CuttingProxy, ledger_database: LedgerDatabase
) -> None:
    writer = LedgerWriter(proxy.url, WriterLimits(batch_max=2, commit_seconds=1.0, settle_seconds=0.3))
    await writer.start()
    made = a_new_key()
    await writer.append(made.submission)
    proxy.refuse()
    proxy.lose_request()
    outcomes = await together(writer, [a_use(made.key) for _ in range(9)])
    assert [type(outcome) for outcome in outcomes] == [ServiceUnavailable] * 9
    assert len({id(outcome) for outcome in outcomes}) == 9, "each caller raises an exception of its own"
    await writer.close()
    assert len(stored_in_database(ledger_database.admin_url).history) == 1


# --- what hangs ------------------------------------------------------------------------------------------------------


async def test_a_server_that_hangs_is_given_up_in_time(
    ledger_database: LedgerDatabase, proxy: CuttingProxy, writer: LedgerWriter, made: MadeKey
) -> None:
    proxy.hang()
    begun = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        await writer.append(a_use(made.key))
    assert time.monotonic() - begun < QUICK.commit_seconds + QUICK.settle_seconds + 5.0
    proxy.flow()
    await until_up(writer)
    await writer.append(a_use(made.key))
    assert stored_in_database(ledger_database.admin_url).is_gapless()


async def test_a_stopped_backend_is_replaced_and_its_late_commit_makes_no_second_event(
    ledger_database: LedgerDatabase, writer: LedgerWriter, made: MadeKey
) -> None:
    with psycopg.connect(ledger_database.admin_url) as connection:
        (pid,) = connection.execute(
            "select pid from pg_stat_activity where datname = current_database() and application_name like '%writer'"
        ).fetchone() or (0,)
    os.kill(pid, signal.SIGSTOP)
    use = a_use(made.key)
    try:
        assert await writer.append(use) == 2
    finally:
        os.kill(pid, signal.SIGCONT)
    await asyncio.sleep(0.3)
    assert await writer.append(a_use(made.key)) == 3
    assert places(stored_in_database(ledger_database.admin_url))[use.events[0].originator_id] == 2


async def test_a_backend_that_is_told_to_end_takes_no_answer_with_it(
    ledger_database: LedgerDatabase, writer: LedgerWriter, made: MadeKey
) -> None:
    """Its last words are an error; whether its transaction stands is known only by asking."""
    use = a_use(made.key)
    with psycopg.connect(ledger_database.admin_url) as connection:
        connection.execute("select from ledger.ledger_head for update")
        task = asyncio.create_task(writer.append(use))
        await asyncio.sleep(0.2)
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid()"
        )
    assert await task == 2


async def test_a_head_that_somebody_locks_costs_an_error_and_no_connection(
    ledger_database: LedgerDatabase, writer: LedgerWriter, made: MadeKey
) -> None:
    use = a_use(made.key)
    with psycopg.connect(ledger_database.admin_url) as connection:
        connection.execute("select from ledger.ledger_head for update")
        with pytest.raises(ServiceUnavailable):
            await writer.append(use)
        waiting = connection.execute(
            "select count(*) from pg_stat_activity where datname = current_database() and state = 'active'"
            " and pid <> pg_backend_pid()"
        ).fetchone()
    assert waiting == (0,), "the append that was given up does not wait in the server"
    assert writer.is_up
    assert await writer.append(use) == 2


# --- the queue and the end -------------------------------------------------------------------------------------------


async def test_beyond_its_bound_the_queue_takes_nobody(proxy: CuttingProxy) -> None:
    writer = LedgerWriter(proxy.url, WriterLimits(queue_max=5))
    await writer.start()
    made = a_new_key()
    outcomes = await together(writer, [made.submission, *[a_use(made.key) for _ in range(9)]])
    assert [type(outcome) for outcome in outcomes] == [int] * 5 + [TooManyRequests] * 5
    writer.admit()
    await writer.close()


async def test_an_event_that_has_no_bytes_hurts_no_neighbour(writer: LedgerWriter, made: MadeKey) -> None:
    use = a_use(made.key)
    unwritable = replace(use.events[0], encryption_context={"lone": "\ud800"})  # type: ignore[call-arg]
    before, failed, after = await asyncio.gather(
        writer.append(a_use(made.key)),
        writer.append(replace(use, events=(unwritable,))),
        writer.append(a_use(made.key)),
        return_exceptions=True,
    )
    assert isinstance(failed, TypeError)
    assert (before, after) == (2, 3)
    with pytest.raises(TypeError):
        await writer.append(replace(use, events=(unwritable,)))
    assert await writer.append(use) == 4


async def test_half_of_a_batch_cancelled_leaves_the_other_half_answered(
    ledger_database: LedgerDatabase, proxy: CuttingProxy, writer: LedgerWriter, made: MadeKey
) -> None:
    proxy.lose_answer()
    uses = [a_use(made.key) for _ in range(20)]
    tasks = [asyncio.create_task(writer.append(use)) for use in uses]
    await asyncio.sleep(0.01)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await writer.close()
    stand = places(stored_in_database(ledger_database.admin_url))
    assert [stand[use.events[0].originator_id] for use in uses[1::2]] == outcomes[1::2]
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes[::2])
    assert len(stand) == 21, "those who left are recorded all the same"


async def test_close_writes_what_waits(ledger_database: LedgerDatabase, writer: LedgerWriter, made: MadeKey) -> None:
    tasks = [asyncio.create_task(writer.append(a_use(made.key))) for _ in range(600)]
    await asyncio.sleep(0)
    await writer.close()
    assert sorted(await asyncio.gather(*tasks)) == list(range(2, 602))
    assert stored_in_database(ledger_database.admin_url).is_gapless()


async def test_after_close_nobody_waits_for_ever(writer: LedgerWriter, made: MadeKey) -> None:
    await writer.close()
    assert not writer.is_up
    with pytest.raises(ServiceUnavailable):
        await writer.append(a_use(made.key))


async def test_before_start_nobody_waits_for_ever(proxy: CuttingProxy) -> None:
    with pytest.raises(ServiceUnavailable):
        await LedgerWriter(proxy.url).append(a_new_key().submission)


async def test_close_ends_in_time_while_the_server_hangs(
    proxy: CuttingProxy, writer: LedgerWriter, made: MadeKey
) -> None:
    proxy.hang()
    task = asyncio.create_task(writer.append(a_use(made.key)))
    await asyncio.sleep(0)
    begun = time.monotonic()
    await writer.close()
    assert time.monotonic() - begun < QUICK.commit_seconds + QUICK.settle_seconds + 5.0
    with pytest.raises(ServiceUnavailable):
        await task


async def test_a_database_that_takes_no_writes_is_away_until_it_does(
    ledger_database: LedgerDatabase, writer: LedgerWriter, made: MadeKey
) -> None:
    """As after a failover, when the old primary is a standby."""
    name = ledger_database.name
    with psycopg.connect(ledger_database.admin_url, autocommit=True) as connection:
        connection.execute(f"alter database {name} set default_transaction_read_only = on".encode())
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid()"
        )
        with pytest.raises(ServiceUnavailable):
            await writer.append(a_use(made.key))
        assert not writer.is_up
        connection.execute("set transaction_read_only = off")
        connection.execute("set default_transaction_read_only = off")
        connection.execute(f"alter database {name} reset default_transaction_read_only".encode())
    await until_up(writer)
    assert await writer.append(a_use(made.key)) == 2
