"""Authorities in a process's memory: read once and then followed, one read at a time, no more than there is room."""

from __future__ import annotations

import asyncio

import pytest

from adapters.authorities import PAGE, STALE, AuthorityCache, Holding
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain.account import account_stream
from domain.errors import ServiceUnavailable
from domain.events import Event
from tests.fixtures.ledger import ACCOUNT, InMemoryLedger
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import OTHER_ACCOUNT, LedgerInMemoryReader, Ram, facts


class SlowReader(LedgerInMemoryReader):
    """Every read waits on its way there and back until the test lets it pass."""

    def __init__(self, ledger: InMemoryLedger) -> None:
        super().__init__(ledger)
        self.gate = asyncio.Semaphore(0)

    async def way(self) -> None:
        await self.gate.acquire()
        await super().way()


async def turns() -> None:
    """Everything goes on until it waits for a gate. Nothing here waits for a clock or a thread."""
    for _ in range(1_000):
        await asyncio.sleep(0)


@pytest.fixture
def ledger() -> InMemoryLedger:
    return InMemoryLedger()


@pytest.fixture
def ram(ledger: InMemoryLedger) -> Ram:
    return Ram(ledger)


@pytest.fixture
def reader(ledger: InMemoryLedger) -> LedgerInMemoryReader:
    return LedgerInMemoryReader(ledger)


async def test_only_what_is_new_is_read(ram: Ram, reader: LedgerInMemoryReader) -> None:
    cache = AuthorityCache(reader)
    await cache.of(ACCOUNT)
    await cache.of(ACCOUNT)
    ram.user("alice")
    cache.forget(frozenset((ram.stream,)))
    await cache.of(ACCOUNT)
    assert reader.reads == [(ram.stream, 0), (ram.stream, 2)]


async def test_an_own_change_costs_no_read(ram: Ram, reader: LedgerInMemoryReader) -> None:
    cache = AuthorityCache(reader)
    await cache.of(ACCOUNT)
    cache.recorded(ram.user("alice"))
    await cache.of(ACCOUNT)
    assert len(reader.reads) == 1


async def test_a_long_stream_is_read_by_pages(ram: Ram, reader: LedgerInMemoryReader) -> None:
    for number in range(2 * PAGE):
        ram.user(f"user-{number}")
    authority = await AuthorityCache(reader).of(ACCOUNT)
    assert authority is not None
    assert len(authority.users) == 2 * PAGE
    assert [version for _, version in reader.reads] == [0, PAGE, 2 * PAGE]


async def test_a_stream_that_ends_with_a_page_is_read_to_its_end(ram: Ram, reader: LedgerInMemoryReader) -> None:
    for number in range(PAGE - 2):
        ram.user(f"user-{number}")
    authority = await AuthorityCache(reader).of(ACCOUNT)
    assert authority is not None
    assert authority.version == PAGE


async def test_everybody_who_asks_at_once_waits_for_one_read(ram: Ram, reader: LedgerInMemoryReader) -> None:
    cache = AuthorityCache(reader)
    found = await asyncio.gather(*(cache.of(ACCOUNT) for _ in range(20)))
    assert len({id(authority) for authority in found}) == 1
    assert reader.reads == [(ram.stream, 0)]


async def test_who_hears_of_a_change_while_somebody_reads_does_not_get_what_was_read_before(
    ledger: InMemoryLedger, ram: Ram
) -> None:
    reader = SlowReader(ledger)
    cache = AuthorityCache(reader)
    first = asyncio.create_task(cache.of(ACCOUNT))
    await asyncio.sleep(0)
    reader.gate.release()
    await turns()  # it has read, and is on its way back
    ram.user("alice")
    cache.forget(frozenset((ram.stream,)))
    second = asyncio.create_task(cache.of(ACCOUNT))
    for _ in range(10):
        reader.gate.release()
    found = await asyncio.gather(first, second)
    assert found[1] is not None
    assert "alice" in found[1].users
    assert len(reader.reads) == 2


async def test_an_own_change_during_a_read_is_applied_once(ledger: InMemoryLedger, ram: Ram) -> None:
    reader = SlowReader(ledger)
    cache = AuthorityCache(reader)
    for _ in range(2):
        reader.gate.release()
    await cache.of(ACCOUNT)
    event = ram.user("alice")
    cache.forget(frozenset((ram.stream,)))
    reading = asyncio.create_task(cache.of(ACCOUNT))
    await asyncio.sleep(0)
    reader.gate.release()
    await turns()
    cache.recorded(event)
    cache.recorded(ram.user("bob"))
    for _ in range(10):
        reader.gate.release()
    authority = await reading
    assert authority is not None
    assert authority.version == 4
    assert {user.name for user in authority.users} == {"alice", "bob"}


async def test_what_nobody_can_be_sure_of_stays_stale(ledger: InMemoryLedger, ram: Ram) -> None:
    """A change that was told while a read was on its way is looked for by the next one."""
    reader = SlowReader(ledger)
    cache = AuthorityCache(reader)
    reading = asyncio.create_task(cache.see(ACCOUNT))
    await turns()
    cache.forget(frozenset((ram.stream,)))
    for _ in range(2):
        reader.gate.release()
    seen = await reading
    assert seen is not None
    assert seen.holding.version == STALE
    ram.user("alice")
    for _ in range(2):
        reader.gate.release()
    again = await cache.of(ACCOUNT)
    assert again is not None
    assert "alice" in again.users


async def test_an_impatient_caller_does_not_end_the_read_of_others(ledger: InMemoryLedger, ram: Ram) -> None:
    reader = SlowReader(ledger)
    cache = AuthorityCache(reader)
    impatient, patient = (asyncio.create_task(cache.of(ACCOUNT)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    for _ in range(2):
        reader.gate.release()
    assert await patient is not None
    assert len(reader.reads) == 1


async def test_a_reader_that_fails_is_asked_again_and_what_was_read_stays(
    ram: Ram, reader: LedgerInMemoryReader
) -> None:
    cache = AuthorityCache(reader)
    reader.failing = ServiceUnavailable()
    with pytest.raises(ServiceUnavailable):
        await cache.of(ACCOUNT)
    reader.failing = None
    before = await cache.of(ACCOUNT)
    ram.user("alice")
    cache.forget(frozenset((ram.stream,)))
    reader.failing = ServiceUnavailable()
    with pytest.raises(ServiceUnavailable):
        await cache.of(ACCOUNT)
    reader.failing = None
    assert await cache.of(ACCOUNT) is before
    assert before is not None
    assert "alice" in before.users
    assert [version for _, version in reader.reads] == [0, 0, 2, 2]


async def test_a_read_that_breaks_off_between_pages_goes_on_from_there(
    ram: Ram, reader: LedgerInMemoryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(PAGE):
        ram.user(f"user-{number}")
    cache = AuthorityCache(reader)
    whole, pages = reader.stream_after, iter((None, ServiceUnavailable()))

    async def second_page_fails(*what: object) -> object:
        failure = next(pages, None)
        if failure is not None:
            raise failure
        return await whole(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "stream_after", second_page_fails)
    with pytest.raises(ServiceUnavailable):
        await cache.of(ACCOUNT)
    authority = await cache.of(ACCOUNT)
    assert authority is not None
    assert authority.version == PAGE + 2
    assert reader.reads == [(ram.stream, 0), (ram.stream, PAGE)]


async def test_a_corrupt_stream_is_an_error_each_time_and_nothing_of_it_is_kept(
    ledger: InMemoryLedger, ram: Ram, reader: LedgerInMemoryReader
) -> None:
    ram.user("alice")
    del ledger.history[1]
    cache = AuthorityCache(reader)
    for _ in range(2):
        with pytest.raises(ValueError, match="does not follow"):
            await cache.of(ACCOUNT)
    assert reader.reads == [(ram.stream, 0)] * 2


async def test_accounts_that_nobody_asks_for_make_room(ledger: InMemoryLedger, reader: LedgerInMemoryReader) -> None:
    cache = AuthorityCache(reader, entities_max=10)
    ids = [f"{number:016}" for number in range(1, 21)]
    for account_id in ids:
        Ram(ledger, account_id)
        await cache.of(account_id)
    await cache.of(ids[0])
    await cache.of(ids[-1])
    assert [stream for stream, _ in reader.reads].count(account_stream(ids[0])) == 2
    assert [stream for stream, _ in reader.reads].count(account_stream(ids[-1])) == 1


async def test_accounts_in_use_stay(ledger: InMemoryLedger, reader: LedgerInMemoryReader) -> None:
    """Callers derived from an account touch its holding, and never ask for the account."""
    cache = AuthorityCache(reader, entities_max=10)
    busy = Ram(ledger)
    seen = await cache.see(ACCOUNT)
    assert seen is not None
    for number in range(1, 51):
        seen.holding.touched = True
        Ram(ledger, f"{number:016}")
        await cache.of(f"{number:016}")
    assert seen.holding.version == 2
    assert reader.reads.count((busy.stream, 0)) == 1


async def test_one_account_larger_than_the_room_is_kept_all_the_same(ram: Ram, reader: LedgerInMemoryReader) -> None:
    for number in range(50):
        ram.user(f"user-{number}")
    cache = AuthorityCache(reader, entities_max=10)
    await cache.of(ACCOUNT)
    await cache.of(ACCOUNT)
    assert len(reader.reads) == 1


async def test_what_was_derived_from_a_dropped_account_is_told(ledger: InMemoryLedger, ram: Ram) -> None:
    cache = AuthorityCache(LedgerInMemoryReader(ledger), entities_max=1)
    seen = await cache.see(ACCOUNT)
    assert seen is not None
    seen.holding.touched = False
    Ram(ledger, OTHER_ACCOUNT)
    await cache.of(OTHER_ACCOUNT)
    assert seen.holding.version == STALE
    cache.recorded(ram.user("alice"))
    assert seen.holding.version == STALE
    found = await cache.of(ACCOUNT)
    assert found is not None
    assert found.version == 3


async def test_strangers_do_not_push_accounts_out(ram: Ram, reader: LedgerInMemoryReader) -> None:
    cache = AuthorityCache(reader, entities_max=2)
    await cache.of(ACCOUNT)
    for number in range(100):
        assert await cache.of(f"{number:016}") is None
    await cache.of(ACCOUNT)
    assert reader.reads.count((ram.stream, 0)) == 1


async def test_what_changed_is_read_before_anybody_asks(ram: Ram, reader: LedgerInMemoryReader) -> None:
    cache = AuthorityCache(reader)
    await cache.of(ACCOUNT)
    ram.user("alice")
    cache.changed({ram.stream: 3})
    await turns()
    assert reader.reads == [(ram.stream, 0), (ram.stream, 2)]
    authority = await cache.of(ACCOUNT)
    assert authority is not None
    assert "alice" in authority.users
    assert len(reader.reads) == 2


async def test_an_account_that_grows_while_nobody_asks_for_it_is_followed(
    ram: Ram, reader: LedgerInMemoryReader
) -> None:
    cache = AuthorityCache(reader)
    cache.changed({ram.stream: 2})
    await turns()
    for number in range(3 * PAGE):
        ram.user(f"user-{number}")
    cache.changed({ram.stream: ram.version})
    await turns()
    read = len(reader.reads)
    authority = await cache.of(ACCOUNT)
    assert authority is not None
    assert authority.version == 3 * PAGE + 2
    assert len(reader.reads) == read


async def test_an_own_change_that_is_told_again_costs_nothing(ram: Ram, reader: LedgerInMemoryReader) -> None:
    cache = AuthorityCache(reader)
    await cache.of(ACCOUNT)
    cache.recorded(ram.user("alice"))
    cache.changed({ram.stream: 3})
    await cache.of(ACCOUNT)
    assert len(reader.reads) == 1


async def test_an_account_that_may_not_fit_is_left_until_somebody_asks(
    ledger: InMemoryLedger, ram: Ram, reader: LedgerInMemoryReader
) -> None:
    """Else accounts that change in turn would push each other out, and each change would be a whole read."""
    cache = AuthorityCache(reader, entities_max=10)
    await cache.of(ACCOUNT)
    other = Ram(ledger, OTHER_ACCOUNT)
    for number in range(10):
        other.user(f"user-{number}")
    cache.changed({other.stream: other.version})
    await turns()
    assert reader.reads == [(ram.stream, 0)]
    assert not cache.is_full
    assert await cache.of(OTHER_ACCOUNT) is not None
    assert cache.is_full


async def test_a_change_that_cannot_be_read_now_is_read_when_somebody_asks(
    ram: Ram, reader: LedgerInMemoryReader
) -> None:
    cache = AuthorityCache(reader)
    await cache.of(ACCOUNT)
    ram.user("alice")
    reader.failing = ServiceUnavailable()
    cache.changed({ram.stream: 3})
    await turns()
    reader.failing = None
    authority = await cache.of(ACCOUNT)
    assert authority is not None
    assert "alice" in authority.users


async def test_reading_two_thousand_users_keeps_the_loop_turning(
    ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have a turn between any two pages, however many there are."""
    memory = InMemoryLedger()
    ram = Ram(memory)
    for number in range(2_000):
        ram.user(f"user-{number}")
    writer, reader = LedgerWriter(ledger_database.service_url), LedgerReader(ledger_database.service_url)
    await writer.start()
    await reader.start()
    await asyncio.gather(*(writer.append(submission) for submission in facts(memory.history)[:1]))
    for submission in facts(memory.history)[1:]:
        await writer.append(submission)
    turns = [0]
    apply = Holding.apply

    def counted(holding: Holding, event: Event) -> None:
        turns[-1] += 1
        apply(holding, event)

    async def turn() -> None:
        while True:
            await asyncio.sleep(0)
            turns.append(0)

    monkeypatch.setattr(Holding, "apply", counted)
    turning = asyncio.create_task(turn())
    authority = await AuthorityCache(reader).of(ACCOUNT)
    turning.cancel()
    assert authority is not None
    assert len(authority.users) == 2_000
    assert sum(turns) == len(memory.history)
    assert max(turns) <= PAGE
    await writer.close()
    await reader.close()
