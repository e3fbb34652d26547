"""An operator keeps keys: makes them, finds them, switches them off and on, within the quota of the account."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from domain.account import cmk_tally
from domain.errors import KeyNotFound, LimitExceeded, ServiceUnavailable, TooManyRequests
from domain.events import CallAnswered, CallRefused, KeyCreated
from domain.key import NewKey
from domain.vocabulary import KeyState, Operation
from tests.fixtures.domain import WEEK, Process, Service, refusal_of
from tests.fixtures.ledger import ACCOUNT, NOON, REGION, a_caller

# --- making keys -----------------------------------------------------------------------------------------------------


async def test_a_new_key_is_enabled_and_has_material_of_the_hsm(service: Service, process: Process) -> None:
    key_id = await process.create_key(wanted=NewKey(description="orders"))
    key = await process.describe(key_id)
    assert (key.state, key.description, key.owner, key.region_id) == (KeyState.ENABLED, "orders", ACCOUNT, REGION)
    row = service.ledger.material[key.primary_key_version]
    assert (row.key_id, row.material.region_id) == (key_id, REGION)


async def test_a_key_and_its_material_are_recorded_in_one_submission(service: Service, process: Process) -> None:
    await process.create_key()
    (submission,) = service.ledger.tried
    assert [type(event) for event in submission.events] == [KeyCreated]
    assert len(submission.material) == 1
    assert submission.claim == submission.events[0].call.stream


async def test_where_the_ledger_admits_nothing_no_material_is_made(service: Service, process: Process) -> None:
    service.ledger.refusing = TooManyRequests()
    assert isinstance(await refusal_of(process.create_key()), TooManyRequests)
    assert service.journal == []


async def test_where_the_hsm_makes_no_material_there_is_no_key(service: Service, process: Process) -> None:
    service.hsm.failing = ServiceUnavailable()
    assert isinstance(await refusal_of(process.create_key()), ServiceUnavailable)
    assert not service.ledger.of(KeyCreated)
    assert not service.ledger.tallies


async def test_where_creating_fails_in_the_ledger_there_is_neither_key_nor_material(
    service: Service, process: Process
) -> None:
    service.ledger.unreachable = 1
    assert isinstance(await refusal_of(process.create_key()), ServiceUnavailable)
    assert not service.ledger.of(KeyCreated)
    assert not service.ledger.material


async def test_a_key_whose_creation_was_not_acknowledged_is_there_and_whole(service: Service, process: Process) -> None:
    service.ledger.unacknowledged = 1
    assert isinstance(await refusal_of(process.create_key()), ServiceUnavailable)
    (key_id,) = (await process.list_keys()).keys
    assert (await process.encrypt(key_id, "hello")).key_id == key_id


# --- the quota -------------------------------------------------------------------------------------------------------


async def test_a_key_too_many_is_refused_and_the_refusal_recorded() -> None:
    service = Service(cmks_max=2)
    process = service.process()
    await process.create_key()
    await process.create_key()
    assert isinstance(await refusal_of(process.create_key()), LimitExceeded)
    refused = service.ledger.history[-1]
    assert isinstance(refused, CallRefused)
    assert refused.code == "Rejected.LimitExceeded"
    assert len(service.ledger.of(KeyCreated)) == len(service.ledger.material) == 2


async def test_the_quota_is_of_one_account_in_one_region() -> None:
    service = Service(cmks_max=1)
    process = service.process()
    await process.create_key()
    await process.create_key(process.call(Operation.CREATE_KEY, region_id="cn-shanghai"))
    await process.create_key(process.call(Operation.CREATE_KEY, by=a_caller("6543210987654321")))
    assert isinstance(await refusal_of(process.create_key()), LimitExceeded)


async def test_only_a_destroyed_key_makes_room_for_another() -> None:
    service = Service(cmks_max=1)
    process = service.process()
    key_id = await process.create_key()
    await process.schedule_deletion(key_id)
    assert isinstance(await refusal_of(process.create_key()), LimitExceeded)
    await process.destroy(key_id, NOON + WEEK)
    assert service.ledger.tallies[cmk_tally(ACCOUNT, REGION)] == 0
    assert await process.create_key() != key_id


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_a_key_is_listed_as_soon_as_it_was_created(process: Process) -> None:
    made = [await process.create_key() for _ in range(3)]
    listed = await process.list_keys()
    assert (list(listed.keys), listed.total) == (made, 3)


async def test_keys_are_listed_of_ones_own_account_and_region(process: Process) -> None:
    key_id = await process.create_key()
    await process.create_key(process.call(Operation.CREATE_KEY, region_id="cn-shanghai"))
    await process.create_key(process.call(Operation.CREATE_KEY, by=a_caller("6543210987654321")))
    assert (await process.list_keys()).keys == (key_id,)


async def test_listing_is_recorded_without_a_key(service: Service, process: Process) -> None:
    await process.list_keys()
    answered = service.ledger.history[-1]
    assert isinstance(answered, CallAnswered)
    assert (answered.call.operation, answered.key_id) == (Operation.LIST_KEYS, None)


async def test_a_call_about_no_key_is_recorded(service: Service, process: Process) -> None:
    await process.ask(Operation.DESCRIBE_REGIONS, None, process.stewardship.answer)
    assert service.ledger.history[-1].call.operation is Operation.DESCRIBE_REGIONS


async def test_where_a_look_cannot_be_recorded_nothing_is_told(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    for asking in (process.describe(key_id), process.list_keys()):
        service.ledger.unreachable = 1
        assert isinstance(await refusal_of(asking), ServiceUnavailable)


@pytest.mark.parametrize("region", [REGION, "cn-shanghai"])
async def test_nobody_sees_or_changes_a_key_of_another_account_or_region(process: Process, region: str) -> None:
    key_id = await process.create_key()
    by = a_caller("6543210987654321") if region == REGION else None

    async def refused(operation: Operation) -> bool:
        call = process.call(operation, by=by, region_id=region)
        asks = {
            Operation.DESCRIBE_KEY: process.describe,
            Operation.ENABLE_KEY: process.enable,
            Operation.DISABLE_KEY: process.disable,
            Operation.CANCEL_KEY_DELETION: process.cancel_deletion,
        }
        return isinstance(await refusal_of(asks[operation](key_id, call)), KeyNotFound)

    assert await refused(Operation.DESCRIBE_KEY)
    assert await refused(Operation.ENABLE_KEY)
    assert await refused(Operation.DISABLE_KEY)
    assert await refused(Operation.CANCEL_KEY_DELETION)


# --- changing --------------------------------------------------------------------------------------------------------


async def test_a_change_is_seen_by_the_process_that_made_it_and_by_every_other(
    process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    for someone in (process, elsewhere):
        await someone.describe(key_id)
    await process.disable(key_id)
    assert [(await someone.describe(key_id)).state for someone in (process, elsewhere)] == [KeyState.DISABLED] * 2


async def test_a_change_that_another_overtook_is_decided_on_the_new_state(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    service.ledger.meanwhile.append(lambda: elsewhere.disable(key_id))
    await process.describe_as(key_id, "orders")
    key = service.state_of(key_id)
    assert (key.version, key.state, key.description) == (3, KeyState.DISABLED, "orders")


async def test_a_change_whose_acknowledgement_is_lost_stands_once_and_is_found(
    service: Service, process: Process
) -> None:
    key_id = await process.create_key()
    await process.describe(key_id)
    service.ledger.unacknowledged = 1
    assert isinstance(await refusal_of(process.disable(key_id)), ServiceUnavailable)
    assert (await process.describe(key_id)).state is KeyState.DISABLED
    assert service.state_of(key_id).version == 2


async def test_a_change_that_could_not_be_recorded_did_not_happen(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    service.ledger.unreachable = 1
    assert isinstance(await refusal_of(process.disable(key_id)), ServiceUnavailable)
    assert (await process.describe(key_id)).state is KeyState.ENABLED


async def test_a_key_that_never_was_cannot_be_changed(service: Service, process: Process) -> None:
    unknown: UUID = uuid4()
    assert isinstance(await refusal_of(process.disable(unknown)), KeyNotFound)
    assert service.ledger.stream(unknown) == []
