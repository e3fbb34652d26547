"""What every Ledger promises: one suite for the ledger in PostgreSQL and the one in memory.

Submissions appended together meet in one batch of the writer: whether a batch is recorded as a set or one by one must
not be seen from outside.
"""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import pytest

from adapters.ledger.writer import LedgerWriter
from domain import account as accounts
from domain.errors import InternalFailure
from domain.guard import Guard, GuardMoved
from domain.ports import AlreadyRecorded, Ledger, SealedMaterial, SealedSecret, Submission, Tally, TallyFull, WrappedKey
from domain.recording import Case
from domain.vocabulary import Operation
from tests.fixtures.ledger import (
    ACCOUNT,
    InMemoryLedger,
    MadeKey,
    a_call,
    a_destruction,
    a_disabling,
    a_new_key,
    a_scheduling,
    a_use,
    after,
    an_enabling,
    holding,
)
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import Stored, stored_in_database, stored_in_memory


@dataclass(frozen=True, slots=True)
class Subject:
    ledger: Ledger
    stored: Callable[[], Stored]

    async def append(self, submission: Submission) -> int:
        return await self.ledger.append(submission)

    async def together(self, *submissions: Submission) -> list[int | BaseException]:
        return await asyncio.gather(*map(self.append, submissions), return_exceptions=True)

    async def a_key(self) -> MadeKey:
        made = a_new_key()
        await self.append(made.submission)
        return made


@pytest.fixture(params=["PostgreSQL", "memory"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    if request.param == "memory":
        memory = InMemoryLedger()
        yield Subject(memory, lambda: stored_in_memory(memory))
        return
    database: LedgerDatabase = request.getfixturevalue("ledger_database")
    writer = LedgerWriter(database.service_url)
    await writer.start()
    yield Subject(writer, lambda: stored_in_database(database.admin_url))
    await writer.close()


def kinds(outcomes: list[int | BaseException]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


# --- one order -------------------------------------------------------------------------------------------------------


async def test_positions_are_gapless_and_in_order(subject: Subject) -> None:
    made = await subject.a_key()
    first = [await subject.append(a_use(made.key)) for _ in range(3)]
    rest = await subject.together(*[a_use(made.key) for _ in range(20)])
    assert first == [2, 3, 4]
    assert sorted(position for position in rest if isinstance(position, int)) == list(range(5, 25))
    assert subject.stored().is_gapless()


async def test_refused_submissions_leave_no_hole_between_recorded_ones(subject: Subject) -> None:
    made = await subject.a_key()
    uses = [a_use(made.key) for _ in range(10)]
    stale = dataclasses.replace(uses[3], guards=(Guard(made.key.key_id, 7),))
    outcomes = await subject.together(*uses[:3], stale, *uses[4:])
    assert kinds(outcomes) == [int] * 3 + [GuardMoved] + [int] * 6
    assert subject.stored().is_gapless()
    assert len(subject.stored().history) == 10


async def test_append_returns_the_position_of_the_first_event(subject: Subject) -> None:
    call = a_call(Operation.SET_UP)
    opened = Submission(events=accounts.open_account(call, ACCOUNT, "LTAI1"), claim=call.stream)
    assert await subject.append(opened) == 1
    assert await subject.append(a_new_key().submission) == 3


async def test_events_are_stored_as_they_were_given(subject: Subject) -> None:
    made = await subject.a_key()
    use = a_use(made.key)
    await subject.append(use)
    assert subject.stored().history == [*made.submission.events, *use.events]


async def test_admit_lets_a_working_ledger_be_used(subject: Subject) -> None:
    subject.ledger.admit()


# --- guards ----------------------------------------------------------------------------------------------------------


async def test_a_use_decided_before_a_disable_is_refused_after_it(subject: Subject) -> None:
    made = await subject.a_key()
    await subject.append(a_disabling(made.key))
    with pytest.raises(GuardMoved) as moved:
        await subject.append(a_use(made.key))
    assert moved.value.streams == {made.key.key_id}
    assert len(subject.stored().history) == 2


async def test_a_guard_on_version_zero_holds_until_the_stream_begins(subject: Subject) -> None:
    key_id = uuid.uuid4()
    case = Case(a_call(Operation.DESCRIBE_KEY))
    await subject.append(dataclasses.replace(case.answered(), guards=(Guard(key_id, 0),)))
    made = a_new_key()
    await subject.append(made.submission)
    late = dataclasses.replace(Case(a_call()).answered(), guards=(Guard(made.key.key_id, 0),))
    with pytest.raises(GuardMoved):
        await subject.append(late)


async def test_a_guard_on_a_version_that_is_not_there_yet_has_moved(subject: Subject) -> None:
    made = await subject.a_key()
    ahead = dataclasses.replace(a_use(made.key), guards=(Guard(made.key.key_id, 2),))
    with pytest.raises(GuardMoved):
        await subject.append(ahead)


async def test_each_of_several_guards_must_hold(subject: Subject) -> None:
    one, other = await subject.a_key(), await subject.a_key()
    await subject.append(a_disabling(other.key))
    both = dataclasses.replace(a_use(one.key), guards=(one.held.guard, other.held.guard))
    with pytest.raises(GuardMoved) as moved:
        await subject.append(both)
    assert moved.value.streams == {other.key.key_id}


async def test_two_changes_of_one_version_leave_one(subject: Subject) -> None:
    made = await subject.a_key()
    await subject.append(a_disabling(made.key))
    with pytest.raises(GuardMoved):
        await subject.append(an_enabling(made.key))


async def test_a_change_without_guards_is_still_checked_by_its_version(subject: Subject) -> None:
    made = await subject.a_key()
    await subject.append(a_disabling(made.key))
    with pytest.raises(GuardMoved):
        await subject.append(dataclasses.replace(an_enabling(made.key), guards=()))


async def test_a_stream_gets_no_hole(subject: Subject) -> None:
    made = await subject.a_key()
    disabling = a_disabling(made.key)
    third = an_enabling(after(made.key, disabling))
    with pytest.raises(GuardMoved):
        await subject.append(dataclasses.replace(third, guards=()))
    await subject.append(disabling)
    await subject.append(third)


# --- one batch -------------------------------------------------------------------------------------------------------


async def test_a_use_behind_a_disable_in_the_same_batch_is_refused(subject: Subject) -> None:
    made = await subject.a_key()
    outcomes = await subject.together(a_disabling(made.key), a_use(made.key))
    assert kinds(outcomes) == [int, GuardMoved]


async def test_a_use_ahead_of_a_disable_in_the_same_batch_stands_before_it(subject: Subject) -> None:
    made = await subject.a_key()
    outcomes = await subject.together(a_use(made.key), a_disabling(made.key))
    assert outcomes == [2, 3]


async def test_two_disables_in_one_batch_leave_one(subject: Subject) -> None:
    made = await subject.a_key()
    outcomes = await subject.together(a_disabling(made.key), a_disabling(made.key))
    assert kinds(outcomes) == [int, GuardMoved]


async def test_a_use_follows_the_enabling_it_was_decided_on_in_the_same_batch(subject: Subject) -> None:
    made = await subject.a_key()
    disabling = a_disabling(made.key)
    enabling = an_enabling(after(made.key, disabling))
    enabled = after(made.key, disabling, enabling)
    outcomes = await subject.together(disabling, enabling, a_use(enabled), a_use(made.key))
    assert kinds(outcomes) == [int, int, int, GuardMoved]


async def test_a_key_is_created_and_used_in_one_batch(subject: Subject) -> None:
    made = a_new_key()
    outcomes = await subject.together(made.submission, a_use(made.key))
    assert outcomes == [1, 2]


async def test_many_keys_change_and_are_used_in_one_batch(subject: Subject) -> None:
    keys = [await subject.a_key() for _ in range(6)]
    pairs = [(a_use(made.key), a_disabling(made.key), a_use(made.key)) for made in keys]
    outcomes = await subject.together(*[submission for pair in pairs for submission in pair])
    assert kinds(outcomes) == [int, int, GuardMoved] * 6
    assert subject.stored().is_gapless()


# --- once ------------------------------------------------------------------------------------------------------------


async def test_the_same_submission_again_is_the_same_event(subject: Subject) -> None:
    made = await subject.a_key()
    use = a_use(made.key)
    assert await subject.append(use) == await subject.append(use) == 2
    assert len(subject.stored().history) == 2


async def test_the_same_submission_twice_in_one_batch_is_one_event(subject: Subject) -> None:
    made = await subject.a_key()
    use = a_use(made.key, limit=5)
    assert await subject.together(use, use) == [2, 2]
    assert subject.stored().tallies[made.key.primary_key_version] == 1


async def test_the_same_change_again_is_the_same_event_although_its_guard_moved(subject: Subject) -> None:
    made = a_new_key()
    disabling = a_disabling(made.key)
    await subject.append(made.submission)
    assert await subject.append(disabling) == await subject.append(disabling) == 2
    assert await subject.append(made.submission) == 1
    assert len(subject.stored().material) == 1


async def test_a_replayed_request_is_refused(subject: Subject) -> None:
    made = await subject.a_key()
    call = a_call()
    await subject.append(a_use(made.key, call))
    with pytest.raises(AlreadyRecorded):
        await subject.append(a_use(made.key, a_call(stream=call.stream)))


async def test_a_replayed_change_is_refused_as_a_replay_and_not_as_overtaken(subject: Subject) -> None:
    made = await subject.a_key()
    disabling = a_disabling(made.key)
    await subject.append(disabling)
    again = made.key.disable(a_call(Operation.DISABLE_KEY, stream=disabling.claim))
    with pytest.raises(AlreadyRecorded):
        await subject.append(_claiming(made, again))


async def test_a_request_that_changed_something_cannot_be_replayed_as_a_use(subject: Subject) -> None:
    made = await subject.a_key()
    with pytest.raises(AlreadyRecorded):
        await subject.append(a_use(made.key, a_call(stream=made.submission.claim)))


async def test_a_request_that_used_a_key_cannot_be_replayed_as_a_change(subject: Subject) -> None:
    made = await subject.a_key()
    call = a_call()
    await subject.append(a_use(made.key, call))
    change = made.key.disable(a_call(Operation.DISABLE_KEY, stream=call.stream))
    with pytest.raises(AlreadyRecorded):
        await subject.append(_claiming(made, change))


async def test_of_replays_in_one_batch_the_first_wins(subject: Subject) -> None:
    one, other = await subject.a_key(), await subject.a_key()
    stream = uuid.uuid4()
    use = a_use(one.key, a_call(stream=stream))
    used_again = a_use(one.key, a_call(stream=stream))
    change = _claiming(other, other.key.disable(a_call(Operation.DISABLE_KEY, stream=stream)))
    assert kinds(await subject.together(use, used_again, change)) == [int, AlreadyRecorded, AlreadyRecorded]


async def test_of_two_changes_that_claim_one_request_in_one_batch_the_first_wins(subject: Subject) -> None:
    one, other = await subject.a_key(), await subject.a_key()
    stream = uuid.uuid4()
    changes = [_claiming(made, made.key.disable(a_call(Operation.DISABLE_KEY, stream=stream))) for made in (one, other)]
    use = a_use(one.key, a_call(stream=stream))
    assert kinds(await subject.together(*changes, use)) == [int, AlreadyRecorded, AlreadyRecorded]


async def test_a_submission_of_which_only_a_part_stands_is_not_recorded(subject: Subject) -> None:
    """It cannot come from a retry: a submission stands as a whole or not at all."""
    call = a_call(Operation.SET_UP)
    opened = accounts.open_account(call, ACCOUNT, "LTAI1")
    await subject.append(Submission(events=opened[:1], claim=call.stream))
    with pytest.raises(AlreadyRecorded):
        await subject.append(Submission(events=opened, claim=call.stream))
    assert len(subject.stored().history) == 1


def _claiming(made: MadeKey, event: object) -> Submission:
    from domain.events import Event

    assert isinstance(event, Event)
    return Submission(events=(event,), claim=event.call.stream, guards=(holding(made.key).guard,))


# --- tallies ---------------------------------------------------------------------------------------------------------


async def test_a_tally_takes_exactly_its_limit(subject: Subject) -> None:
    made = await subject.a_key()
    for _ in range(3):
        await subject.append(a_use(made.key, limit=3))
    with pytest.raises(TallyFull) as full:
        await subject.append(a_use(made.key, limit=3))
    assert full.value.tally == made.key.primary_key_version
    assert subject.stored().tallies[made.key.primary_key_version] == 3


@pytest.mark.parametrize("racing", [30, 300])
async def test_many_that_race_to_the_limit_fill_it_exactly(subject: Subject, racing: int) -> None:
    made = await subject.a_key()
    outcomes = await subject.together(*[a_use(made.key, limit=25) for _ in range(racing)])
    assert kinds(outcomes).count(int) == 25
    assert kinds(outcomes).count(TallyFull) == racing - 25
    assert subject.stored().tallies[made.key.primary_key_version] == 25
    assert subject.stored().is_gapless()


async def test_the_first_of_a_batch_get_the_room_that_is_left(subject: Subject) -> None:
    made = await subject.a_key()
    outcomes = await subject.together(*[a_use(made.key, limit=2) for _ in range(4)])
    assert kinds(outcomes) == [int, int, TallyFull, TallyFull]


async def test_a_full_tally_stops_no_submission_that_does_not_count(subject: Subject) -> None:
    made = await subject.a_key()
    outcomes = await subject.together(a_use(made.key, limit=1), a_use(made.key, limit=1), a_use(made.key))
    assert kinds(outcomes) == [int, TallyFull, int]


async def test_a_refused_submission_counts_nothing(subject: Subject) -> None:
    made = await subject.a_key()
    stale = dataclasses.replace(a_use(made.key, limit=9), guards=(Guard(made.key.key_id, 9),))
    await subject.together(stale, a_use(made.key, limit=9))
    assert subject.stored().tallies[made.key.primary_key_version] == 1


async def test_of_two_tallies_one_full_refuses_both(subject: Subject) -> None:
    made = await subject.a_key()
    counter = uuid.uuid4()
    both = dataclasses.replace(a_use(made.key), tallies=(Tally(counter, 1, 9), Tally(uuid.uuid4(), 1, 0)))
    with pytest.raises(TallyFull):
        await subject.append(both)
    assert counter not in subject.stored().tallies


async def test_a_step_down_makes_room_for_what_comes_after_it_only(subject: Subject) -> None:
    made = await subject.a_key()
    counter = uuid.uuid4()
    up, up_again, down, up_at_last = (
        dataclasses.replace(a_use(made.key), tallies=(Tally(counter, step, 1),)) for step in (1, 1, -1, 1)
    )
    assert kinds(await subject.together(up, up_again, down, up_at_last)) == [int, TallyFull, int, int]
    assert subject.stored().tallies[counter] == 1


async def test_destroying_a_key_makes_room_for_another(subject: Subject) -> None:
    made = a_new_key(limit=1)
    await subject.append(made.submission)
    with pytest.raises(TallyFull):
        await subject.append(a_new_key(limit=1).submission)
    scheduling = a_scheduling(made.key)
    await subject.append(scheduling)
    await subject.append(a_destruction(after(made.key, scheduling)))
    await subject.append(a_new_key(limit=1).submission)


# --- sealed rows -----------------------------------------------------------------------------------------------------


async def test_material_comes_with_its_key_and_goes_with_it(subject: Subject) -> None:
    made, other = await subject.a_key(), await subject.a_key()
    assert subject.stored().material[made.key.primary_key_version] == made.submission.material[0]
    scheduling = a_scheduling(made.key)
    await subject.append(scheduling)
    await subject.append(a_destruction(after(made.key, scheduling)))
    assert set(subject.stored().material) == {other.key.primary_key_version}


async def test_a_key_that_is_destroyed_and_cancelled_at_once_is_wholly_one_of_both(subject: Subject) -> None:
    made = await subject.a_key()
    scheduling = a_scheduling(made.key)
    await subject.append(scheduling)
    pending = after(made.key, scheduling)
    cancelling = pending.cancel_deletion(a_call(Operation.CANCEL_KEY_DELETION))
    cancel = Submission(events=(cancelling,), claim=cancelling.call.stream, guards=(holding(pending).guard,))
    assert kinds(await subject.together(cancel, a_destruction(pending))) == [int, GuardMoved]
    assert made.key.primary_key_version in subject.stored().material


async def test_a_refused_submission_leaves_nothing(subject: Subject) -> None:
    made = a_new_key()
    stale = dataclasses.replace(
        made.submission, guards=(Guard(uuid.uuid4(), 1),), secrets=(SealedSecret("LTAI", ACCOUNT, b"sealed"),)
    )
    with pytest.raises(GuardMoved):
        await subject.append(stale)
    assert subject.stored() == Stored([], [], {}, {}, {})


async def test_a_refused_destruction_deletes_nothing(subject: Subject) -> None:
    made = await subject.a_key()
    scheduling = a_scheduling(made.key)
    await subject.append(scheduling)
    stale = dataclasses.replace(a_destruction(after(made.key, scheduling)), guards=(made.held.guard,))
    with pytest.raises(GuardMoved):
        await subject.append(stale)
    assert made.key.primary_key_version in subject.stored().material


async def test_a_secret_is_stored_with_the_event_that_names_it(subject: Subject) -> None:
    await subject.append(_with_secret("LTAI1"))
    assert subject.stored().secrets == {"LTAI1": SealedSecret("LTAI1", ACCOUNT, bytes(range(256)))}


def _with_secret(name: str, account_id: str = ACCOUNT) -> Submission:
    call = a_call(Operation.SET_UP)
    events = accounts.open_account(call, account_id, name)
    secret = SealedSecret(name, account_id, bytes(range(256)))
    return Submission(events=events, claim=call.stream, secrets=(secret,))


# --- poison ----------------------------------------------------------------------------------------------------------


async def test_a_poisoned_submission_hurts_no_neighbour(subject: Subject) -> None:
    await subject.append(_with_secret("LTAI1"))
    made = await subject.a_key()
    poison = _with_secret("LTAI1", "1000000000000002")
    outcomes = await subject.together(a_use(made.key), poison, a_use(made.key), a_disabling(made.key))
    assert kinds(outcomes) == [int, InternalFailure, int, int]
    assert subject.stored().is_gapless()
    assert len(subject.stored().history) == 6


async def test_material_of_one_version_is_never_replaced(subject: Subject) -> None:
    made, other = await subject.a_key(), a_new_key()
    thief = WrappedKey(made.key.primary_key_version, "cn-hangzhou", b"another")
    with pytest.raises(InternalFailure):
        await subject.append(dataclasses.replace(other.submission, material=(SealedMaterial(other.key.key_id, thief),)))
    assert subject.stored().material == {made.key.primary_key_version: made.submission.material[0]}


# --- callers that go away --------------------------------------------------------------------------------------------


async def test_a_cancelled_caller_cancels_neither_its_append_nor_its_neighbours(subject: Subject) -> None:
    made = await subject.a_key()
    uses = [a_use(made.key) for _ in range(10)]
    tasks = [asyncio.create_task(_appending(subject, use)) for use in uses]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await subject.append(a_use(made.key))
    assert all(isinstance(outcome, int) for outcome in outcomes[1::2])
    assert set(subject.stored().streams) >= {use.events[0].originator_id for use in uses}


async def _appending(subject: Subject, submission: Submission) -> int:
    waiting: Awaitable[int] = subject.ledger.append(submission)
    return await waiting


def test_streams_of_tallies_are_names_and_not_random() -> None:
    assert accounts.cmk_tally("1", "r") == accounts.cmk_tally("1", "r") != accounts.cmk_tally("1", "s")
    assert isinstance(accounts.cmk_tally("1", "r"), UUID)
