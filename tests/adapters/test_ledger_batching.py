"""Random submissions in random batches: the same outcomes and the same rows as one after the other in memory.

The SQL records a batch as a set where it may, and one by one where it must; here both, and the line between them, are
held against the model. Everything happens among few keys, requests, counters and names, so that they get in each
other's way all the time.
"""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.ledger.writer import LedgerWriter, WriterLimits
from domain.call import Call
from domain.events import Event, KeyDisabled, KeyUsed
from domain.guard import Guard, GuardMoved
from domain.ports import SealedMaterial, SealedSecret, Submission, Tally, WrappedKey
from tests.fixtures.ledger import ACCOUNT, NOON, REGION, InMemoryLedger, a_call
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import Stored, stored_in_database, stored_in_memory

KEYS, REQUESTS, COUNTERS, NAMES = range(3), range(4), range(2), range(2)

few_versions = st.integers(0, 3)
guards = st.lists(st.tuples(st.sampled_from([*KEYS]), few_versions), max_size=2)
tallies = st.lists(st.tuples(st.sampled_from([*COUNTERS]), st.integers(-2, 2), st.integers(0, 3)), max_size=2)


@dataclass(frozen=True)
class Wish:
    """A submission in small numbers. ``again`` repeats an earlier one, byte by byte, as after a lost COMMIT."""

    kind: str
    request: int = 0
    key: int = 0
    version: int = 1
    events: int = 1
    guards: list[tuple[int, int]] = field(default_factory=list)
    tallies: list[tuple[int, int, int]] = field(default_factory=list)
    secret: int | None = None
    material: int | None = None
    destroys: bool = False


uses = st.builds(
    Wish,
    st.just("use"),
    request=st.sampled_from([*REQUESTS]),
    key=st.sampled_from([*KEYS]),
    guards=guards,
    tallies=tallies,
)
changes = st.builds(
    Wish,
    st.just("change"),
    request=st.sampled_from([*REQUESTS]),
    key=st.sampled_from([*KEYS]),
    version=st.integers(1, 4),
    events=st.integers(1, 2),
    guards=guards,
    tallies=tallies,
    secret=st.none() | st.sampled_from([*NAMES]),
    material=st.none() | st.sampled_from([*KEYS]),
    destroys=st.booleans(),
)
repeats = st.builds(Wish, st.just("again"), request=st.integers(0, 30))
batches = st.lists(st.lists(uses | uses | changes | repeats, min_size=1, max_size=12), min_size=1, max_size=4)


class Names:
    """What the small numbers mean in this example: the database is shared by all of them."""

    def __init__(self) -> None:
        self._salt = uuid.uuid4()

    def of(self, kind: str, number: int) -> UUID:
        return uuid.uuid5(self._salt, f"{kind}/{number}")

    def submissions(self, wishes: list[list[Wish]]) -> list[list[Submission]]:
        made: list[Submission] = []
        for wish in (wish for batch in wishes for wish in batch):
            made.append(made[wish.request % len(made)] if wish.kind == "again" and made else self._submission(wish))
        remaining = iter(made)
        return [[next(remaining) for _ in batch] for batch in wishes]

    def _submission(self, wish: Wish) -> Submission:
        call = a_call(stream=self.of("request", wish.request))
        events = [self._event(call, wish, wish.version + number) for number in range(wish.events)]
        key_id = self.of("key", wish.key)
        submission = Submission(
            events=tuple(events),
            guards=tuple(Guard(self.of("key", key), version) for key, version in wish.guards),
            tallies=tuple(Tally(self.of("counter", counter), step, limit) for counter, step, limit in wish.tallies),
        )
        if wish.kind != "change":
            return submission
        wrapped = [WrappedKey(self.of("version", wish.material), REGION, b"w")] if wish.material is not None else []
        named = [str(self.of("name", wish.secret))] if wish.secret is not None else []
        return dataclasses.replace(
            submission,
            claim=call.stream,
            material=tuple(SealedMaterial(key_id, material) for material in wrapped),
            secrets=tuple(SealedSecret(name, ACCOUNT, b"sealed") for name in named),
            destroyed=(key_id,) if wish.destroys else (),
        )

    def _event(self, call: Call, wish: Wish, version: int) -> Event:
        key_id = self.of("key", wish.key)
        if wish.kind != "change":
            fields = {"originator_id": call.stream, "originator_version": 1, "timestamp": NOON, "call": call}
            return KeyUsed(**fields, key_id=key_id, key_version_id=key_id)  # type: ignore[arg-type]
        return KeyDisabled(originator_id=key_id, originator_version=version, timestamp=NOON, call=call)


class Shared:
    """One database, writer and event loop for all examples."""

    def __init__(self, database: LedgerDatabase) -> None:
        self.url = database.admin_url
        self.runner = asyncio.Runner()
        self.writer = LedgerWriter(database.service_url, WriterLimits(batch_max=64))
        self.runner.run(self.writer.start())

    def append(self, batch: list[Submission]) -> list[Any]:
        async def together() -> list[Any]:
            return await asyncio.gather(*map(self.writer.append, batch), return_exceptions=True)

        return self.runner.run(together())

    def close(self) -> None:
        self.runner.run(self.writer.close())
        self.runner.close()


@pytest.fixture
def shared(ledger_database: LedgerDatabase) -> Iterator[Shared]:
    made = Shared(ledger_database)
    yield made
    made.close()


def modelled(memory: InMemoryLedger, batch: list[Submission]) -> list[Any]:
    outcomes: list[Any] = []
    for submission in batch:
        try:
            outcomes.append(memory.record(submission))
        except Exception as error:  # noqa: BLE001  whatever it is, it is compared
            outcomes.append(error)
    return outcomes


def assert_same(outcome: Any, expected: Any, base: int) -> None:
    if isinstance(expected, int):
        assert outcome == expected + base
        return
    assert type(outcome) is type(expected)
    if isinstance(expected, GuardMoved):
        assert outcome.streams, "it says what moved"
        assert outcome.streams <= expected.streams


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(wishes=batches)
def test_a_batch_does_what_its_submissions_do_one_after_the_other(shared: Shared, wishes: list[list[Wish]]) -> None:
    names, memory = Names(), InMemoryLedger()
    before = stored_in_database(shared.url)
    for batch in names.submissions(wishes):
        for outcome, expected in zip(shared.append(batch), modelled(memory, batch), strict=True):
            assert_same(outcome, expected, len(before.history))
    assert difference(stored_in_database(shared.url), before) == stored_in_memory(memory)


def difference(later: Stored, earlier: Stored) -> Stored:
    """What this example added."""
    base = len(earlier.history)
    assert later.is_gapless()
    return Stored(
        [position - base for position in later.positions[base:]],
        later.history[base:],
        {counter: count for counter, count in later.tallies.items() if counter not in earlier.tallies},
        {version: row for version, row in later.material.items() if version not in earlier.material},
        {name: row for name, row in later.secrets.items() if name not in earlier.secrets},
    )


def test_recorded_at_never_goes_back(shared: Shared) -> None:
    names = Names()
    created = [[Wish("change", request=number, key=number)] for number in KEYS]
    for batch in names.submissions(created):
        shared.append(batch)
    with psycopg.connect(shared.url) as connection:
        times = [at for (at,) in connection.execute("select recorded_at from ledger.events order by position")]
    assert len(times) == len(KEYS)
    assert times == sorted(times)


def test_the_plainest_history_is_recorded_on_both_sides(shared: Shared) -> None:
    """A guard against comparing two empty ledgers."""
    names, memory = Names(), InMemoryLedger()
    wishes = [[Wish("change", request=0, key=0, material=0)], [Wish("use", request=1, key=0, guards=[(0, 1)])]]
    for batch in names.submissions(wishes):
        assert all(isinstance(outcome, int) for outcome in shared.append(batch))
        assert all(isinstance(outcome, int) for outcome in modelled(memory, batch))
    assert len(stored_in_database(shared.url).history) == len(memory.history) == 2
