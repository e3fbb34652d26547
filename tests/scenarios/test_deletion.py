"""The end of a key: after its window, whole or not at all, whoever else wants something of it at that instant."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest

from domain.account import SYSTEM, cmk_tally
from domain.errors import (
    KeyLedgerError,
    KeyNotFound,
    KeyPendingDeletion,
    ServiceUnavailable,
    StateModifiedFailed,
)
from domain.events import KeyDeletionCancelled, KeyDestroyed, KeyUsed
from domain.vocabulary import KeyState, Operation
from tests.fixtures.domain import WEEK, Process, Service, refusal_of
from tests.fixtures.ledger import ACCOUNT, NOON, REGION

DUE: Final = NOON + WEEK
INSTANT: Final = timedelta(microseconds=1)


@pytest.fixture
async def key_id(process: Process) -> UUID:
    """Of a key that is due at DUE."""
    made = await process.create_key()
    await process.schedule_deletion(made, 7)
    return made


def cancelling(process: Process, key_id: UUID) -> Awaitable[None]:
    """At the very instant at which the key is due."""
    return process.cancel_deletion(key_id, process.call(Operation.CANCEL_KEY_DELETION, at=DUE))


async def test_a_key_is_destroyed_with_its_material_in_one_submission(
    service: Service, process: Process, key_id: UUID
) -> None:
    await process.destroy(key_id, DUE)
    submission = service.ledger.tried[-1]
    assert [type(event) for event in submission.events] == [KeyDestroyed]
    assert submission.destroyed == (key_id,)
    assert not service.ledger.material
    assert service.ledger.tallies[cmk_tally(ACCOUNT, REGION)] == 0


async def test_a_destruction_is_recorded_as_the_systems_own(service: Service, process: Process, key_id: UUID) -> None:
    await process.destroy(key_id, DUE)
    by = service.ledger.history[-1].call.by
    assert (by.kind, by.principal, by.account_id) == (SYSTEM.kind, SYSTEM.principal, ACCOUNT)


async def test_the_handle_of_a_destroyed_key_is_dropped(service: Service, process: Process, key_id: UUID) -> None:
    version = (await process.describe(key_id)).primary_key_version
    await process.destroy(key_id, DUE)
    assert service.journal[-1] == f"hsm forgot {version}"


async def test_a_key_is_not_destroyed_an_instant_before_its_window_ends(
    service: Service, process: Process, key_id: UUID
) -> None:
    assert isinstance(await refusal_of(process.destroy(key_id, DUE - INSTANT)), StateModifiedFailed)
    assert len(service.ledger.material) == 1


async def test_a_destroyed_key_is_gone_for_everybody(process: Process, elsewhere: Process, key_id: UUID) -> None:
    await process.cancel_deletion(key_id)
    blob = (await elsewhere.encrypt(key_id, "hello")).ciphertext_blob
    await process.schedule_deletion(key_id, 7)
    await process.destroy(key_id, DUE)
    for someone in (process, elsewhere):
        for asking in (
            someone.encrypt(key_id, "hello"),
            someone.decrypt(blob),
            someone.describe(key_id),
            someone.enable(key_id),
            someone.cancel_deletion(key_id),
            someone.schedule_deletion(key_id),
        ):
            assert isinstance(await refusal_of(asking), KeyNotFound)
        assert (await someone.list_keys()).total == 0


async def test_of_two_workers_one_destroys_and_the_other_finds_it_done(
    service: Service, process: Process, elsewhere: Process, key_id: UUID
) -> None:
    service.ledger.meanwhile.append(lambda: elsewhere.destroy(key_id, DUE))
    assert isinstance(await refusal_of(process.destroy(key_id, DUE)), KeyNotFound)
    assert len(service.ledger.of(KeyDestroyed)) == 1
    assert service.ledger.tallies[cmk_tally(ACCOUNT, REGION)] == 0


# --- at the last instant ---------------------------------------------------------------------------------------------


async def test_a_cancelling_that_comes_first_saves_the_whole_key(
    service: Service, process: Process, elsewhere: Process, key_id: UUID
) -> None:
    await process.describe(key_id)
    service.ledger.meanwhile.append(lambda: cancelling(elsewhere, key_id))
    assert isinstance(await refusal_of(process.destroy(key_id, DUE)), StateModifiedFailed)
    assert not service.ledger.of(KeyDestroyed)
    assert (await process.encrypt(key_id, "hello")).key_id == key_id


async def test_a_cancelling_that_comes_second_finds_no_key(
    service: Service, process: Process, elsewhere: Process, key_id: UUID
) -> None:
    await process.describe(key_id)
    service.ledger.meanwhile.append(lambda: elsewhere.destroy(key_id, DUE))
    assert isinstance(await refusal_of(cancelling(process, key_id)), KeyNotFound)
    assert not service.ledger.of(KeyDeletionCancelled)
    assert not service.ledger.material


async def test_a_key_cancelled_and_scheduled_anew_is_not_destroyed_at_its_old_time(
    service: Service, process: Process, elsewhere: Process, key_id: UUID
) -> None:
    async def cancelled_and_scheduled() -> None:
        await cancelling(elsewhere, key_id)
        await elsewhere.schedule_deletion(key_id, 7, elsewhere.call(Operation.SCHEDULE_KEY_DELETION, at=DUE))

    service.ledger.meanwhile.append(cancelled_and_scheduled)
    assert isinstance(await refusal_of(process.destroy(key_id, DUE)), StateModifiedFailed)
    assert service.state_of(key_id).delete_at == DUE + WEEK
    await process.destroy(key_id, DUE + WEEK)


async def test_a_use_that_a_schedule_overtakes_is_not_released(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    service.ledger.meanwhile.append(lambda: elsewhere.schedule_deletion(key_id))
    assert isinstance(await refusal_of(process.encrypt(key_id, "hello")), KeyPendingDeletion)
    assert not service.ledger.of(KeyUsed)


async def test_a_use_that_a_destruction_overtakes_is_not_released(
    service: Service, process: Process, elsewhere: Process, key_id: UUID
) -> None:
    async def scheduled_and_destroyed() -> None:
        await elsewhere.schedule_deletion(key_id, 7)
        await elsewhere.destroy(key_id, DUE)

    await process.cancel_deletion(key_id)
    service.ledger.meanwhile.append(scheduled_and_destroyed)
    assert isinstance(await refusal_of(process.encrypt(key_id, "hello")), KeyNotFound)
    assert not service.ledger.of(KeyUsed)


# --- failing ---------------------------------------------------------------------------------------------------------


async def test_a_destruction_that_could_not_be_recorded_left_the_key_whole(
    service: Service, process: Process, key_id: UUID
) -> None:
    service.ledger.unreachable = 1
    assert isinstance(await refusal_of(process.destroy(key_id, DUE)), ServiceUnavailable)
    assert len(service.ledger.material) == 1
    await cancelling(process, key_id)
    assert service.state_of(key_id).state is KeyState.ENABLED


async def test_a_destruction_whose_acknowledgement_is_lost_is_done_once_and_wholly(
    service: Service, process: Process, key_id: UUID
) -> None:
    service.ledger.unacknowledged = 1
    assert isinstance(await refusal_of(process.destroy(key_id, DUE)), ServiceUnavailable)
    assert not service.ledger.material
    again: KeyLedgerError | None = await refusal_of(process.destroy(key_id, DUE))
    assert isinstance(again, KeyNotFound)
    assert len(service.ledger.of(KeyDestroyed)) == 1
