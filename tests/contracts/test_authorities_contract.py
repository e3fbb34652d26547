"""The port ``Authorities``: what every memory of authorities must do, whatever it reads from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from adapters.authorities import AuthorityCache
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain.events import Event
from domain.ports import Authorities, Ledger, Submission
from tests.fixtures.ledger import ACCOUNT, InMemoryLedger
from tests.fixtures.ports import AuthoritiesInMemory
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import OTHER_ACCOUNT, LedgerInMemoryReader, Ram, allowing, facts


@dataclass(frozen=True, slots=True)
class World:
    """Two accounts that are recorded, and a memory of them."""

    authorities: Authorities
    ledger: Ledger
    here: Ram
    there: Ram

    async def record(self, event: Event) -> Event:
        """Somewhere else: this memory is not told."""
        if not isinstance(self.ledger, InMemoryLedger):
            await self.ledger.append(Submission(events=(event,), claim=event.call.stream))
        return event


@pytest.fixture(params=["cache, PostgreSQL", "cache, memory", "memory"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    memory = InMemoryLedger()
    here, there = Ram(memory), Ram(memory, OTHER_ACCOUNT)
    if request.param == "memory":
        yield World(AuthoritiesInMemory(memory), memory, here, there)
    elif request.param == "cache, memory":
        yield World(AuthorityCache(LedgerInMemoryReader(memory)), memory, here, there)
    else:
        database: LedgerDatabase = request.getfixturevalue("ledger_database")
        writer, reader = LedgerWriter(database.service_url), LedgerReader(database.service_url)
        await writer.start()
        await reader.start()
        for ram in (here, there):
            for submission in facts(memory.stream(ram.stream)):
                await writer.append(submission)
        yield World(AuthorityCache(reader), writer, here, there)
        await writer.close()
        await reader.close()


async def test_an_account_is_as_its_events_made_it(world: World) -> None:
    await world.record(world.here.user("alice"))
    authority = await world.authorities.of(ACCOUNT)
    assert authority is not None
    assert (authority.account_id, authority.guard.stream, authority.version) == (ACCOUNT, world.here.stream, 3)
    assert "alice" in authority.users


async def test_there_is_none_where_nothing_was_recorded(world: World) -> None:
    assert await world.authorities.of("9999999999999999") is None


async def test_an_account_that_is_opened_later_is_found(world: World) -> None:
    assert await world.authorities.of("3333333333333333") is None
    memory = InMemoryLedger() if not isinstance(world.ledger, InMemoryLedger) else world.ledger
    opened = Ram(memory, "3333333333333333")
    if memory is not world.ledger:
        for submission in facts(memory.stream(opened.stream)):
            await world.ledger.append(submission)
    assert (await world.authorities.of("3333333333333333")) is not None


async def test_what_is_forgotten_is_brought_up_to_date(world: World) -> None:
    await world.authorities.of(ACCOUNT)
    await world.record(world.here.user("alice"))
    await world.record(world.here.user("bob"))
    world.authorities.forget(frozenset((world.here.stream,)))
    authority = await world.authorities.of(ACCOUNT)
    assert authority is not None
    assert {user.name for user in authority.users} == {"alice", "bob"}


async def test_an_own_change_is_seen_at_once(world: World) -> None:
    await world.authorities.of(ACCOUNT)
    world.authorities.recorded(await world.record(world.here.user("alice")))
    authority = await world.authorities.of(ACCOUNT)
    assert authority is not None
    assert authority.version == 3


async def test_an_event_that_is_told_twice_counts_once(world: World) -> None:
    event = await world.record(world.here.user("alice"))
    await world.authorities.of(ACCOUNT)
    world.authorities.recorded(event)
    world.authorities.forget(frozenset((world.here.stream,)))
    world.authorities.recorded(event)
    authority = await world.authorities.of(ACCOUNT)
    assert authority is not None
    assert authority.version == 3


async def test_an_own_change_after_one_that_is_not_known_brings_both(world: World) -> None:
    await world.authorities.of(ACCOUNT)
    await world.record(world.here.user("alice"))
    world.authorities.recorded(await world.record(world.here.user("bob")))
    authority = await world.authorities.of(ACCOUNT)
    assert authority is not None
    assert authority.version == 4


async def test_what_is_told_of_an_account_that_nobody_asked_for_changes_nothing(world: World) -> None:
    world.authorities.recorded(await world.record(world.here.user("alice")))
    world.authorities.forget(frozenset((world.here.stream,)))
    authority = await world.authorities.of(ACCOUNT)
    assert authority is not None
    assert authority.version == 3


async def test_a_change_of_one_account_is_none_of_another(world: World) -> None:
    there = await world.authorities.of(OTHER_ACCOUNT)
    await world.record(world.here.policy("use", allowing("kms:*")))
    world.authorities.forget(frozenset((world.here.stream,)))
    await world.authorities.of(ACCOUNT)
    assert await world.authorities.of(OTHER_ACCOUNT) is there
