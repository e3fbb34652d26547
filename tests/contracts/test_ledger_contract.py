"""What every Ledger promises: one suite for the ledger in PostgreSQL and the one in memory.

Submissions appended together meet in one batch of the writer: whether a batch is recorded as a set or one by one must
not be seen from outside.
"""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from domain import account as accounts
from domain.events import Event
from domain.guard import Guard, GuardMoved
from domain.ports import AlreadyRecorded, Submission
from domain.vocabulary import Operation
from tests.fixtures.ledger import (
    ACCOUNT,
    MadeKey,
    a_call,
    a_case,
    a_disabling,
    a_new_key,
    a_use,
    after,
    an_enabling,
    holding,
)
from tests.fixtures.subject import Subject, kinds

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
    case = a_case(a_call(Operation.DESCRIBE_KEY))
    await subject.append(dataclasses.replace(case.answered(), guards=(Guard(key_id, 0),)))
    made = a_new_key()
    await subject.append(made.submission)
    late = dataclasses.replace(a_case().answered(), guards=(Guard(made.key.key_id, 0),))
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


def _claiming(made: MadeKey, event: Event) -> Submission:
    return Submission(events=(event,), claim=event.call.stream, guards=(holding(made.key).guard,))
