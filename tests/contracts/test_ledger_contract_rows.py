"""What every Ledger promises, continued: tallies, sealed rows, poison, and callers that go away."""

from __future__ import annotations

import asyncio
import dataclasses
import uuid
from collections.abc import Awaitable
from uuid import UUID

import pytest

from domain import account as accounts
from domain.errors import InternalFailure
from domain.events import AccessKeyDeleted
from domain.guard import Guard, GuardMoved
from domain.ports import SealedMaterial, SealedSecret, Submission, Tally, TallyFull, WrappedKey
from domain.vocabulary import Operation
from tests.fixtures.ledger import (
    ACCOUNT,
    a_call,
    a_destruction,
    a_disabling,
    a_new_key,
    a_scheduling,
    a_use,
    after,
    holding,
)
from tests.fixtures.stored import Stored
from tests.fixtures.subject import Subject, kinds

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


async def test_a_secret_is_forgotten_with_the_event_that_says_so_and_its_owner_is_not(subject: Subject) -> None:
    await subject.append(_with_secret("LTAI1"))
    await subject.append(_with_secret("LTAI2", "2222222222222222"))
    await subject.append(_without_secret("LTAI1"))
    stored = subject.stored().secrets
    assert stored["LTAI1"] == SealedSecret("LTAI1", ACCOUNT, b"")
    assert stored["LTAI2"].sealed == bytes(range(256))
    with pytest.raises(InternalFailure):
        await subject.append(_with_secret("LTAI1", "3333333333333333"))


async def test_a_refused_deletion_forgets_nothing(subject: Subject) -> None:
    await subject.append(_with_secret("LTAI1"))
    gone = _without_secret("LTAI1")
    moved = dataclasses.replace(gone, guards=(Guard(gone.events[0].originator_id, 1),))
    with pytest.raises(GuardMoved):
        await subject.append(moved)
    assert subject.stored().secrets["LTAI1"].sealed == bytes(range(256))


def _without_secret(name: str) -> Submission:
    call = a_call(Operation.DELETE_ACCESS_KEY)
    deleted = AccessKeyDeleted(
        originator_id=accounts.account_stream(ACCOUNT),
        originator_version=3,
        timestamp=call.at,
        call=call,
        account_id=ACCOUNT,
        user_name="",
        access_key_id=name,
    )
    return Submission(events=(deleted,), claim=call.stream, forgotten=(name,))


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
