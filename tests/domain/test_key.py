"""A CMK and its events: what was recorded is what is rebuilt, whatever was asked in whatever order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain import key as keys_of
from domain.call import Call
from domain.errors import KeyLedgerError, KeyNotFound, StateModifiedFailed
from domain.events import Event, KeyDestroyed, KeyEnabled, RegionOpened
from domain.key import Key, NewKey, evolve, replay
from domain.vocabulary import KeySpec, KeyState, KeyUsage, Operation, Origin, ProtectionLevel
from tests.fixtures.ledger import NOON, REGION, a_call, a_caller, a_new_key

DAY: Final = timedelta(days=1)

Command = Callable[[Key, Call], Event]

COMMANDS: Final[dict[Operation, Command]] = {
    Operation.ENABLE_KEY: Key.enable,
    Operation.DISABLE_KEY: Key.disable,
    Operation.UPDATE_KEY_DESCRIPTION: lambda key, call: key.update_description(call, "of the shop"),
    Operation.SCHEDULE_KEY_DELETION: lambda key, call: key.schedule_deletion(call, 7),
    Operation.CANCEL_KEY_DELETION: Key.cancel_deletion,
    Operation.DESTROY_KEY: Key.destroy,
}
every_command = pytest.mark.parametrize("operation", COMMANDS)


def told(key: Key, operation: Operation, at: datetime = NOON, **of_call: Any) -> Event:
    """The event that ``operation`` makes of ``key``."""
    return COMMANDS[operation](key, a_call(operation, at=at, **of_call))


def a_key(*operations: Operation) -> Key:
    """A new key after these commands, one a day and a destruction when it is due."""
    key = a_new_key().key
    for day, operation in enumerate(operations):
        key = evolve(told(key, operation, at=key.delete_at or NOON + day * DAY), key)
    return key


# --- whatever is asked -----------------------------------------------------------------------------------------------


class KeyLife(RuleBasedStateMachine):
    """Commands in any order, at growing times; a model of three lines says what the key must be."""

    @initialize()
    def create(self) -> None:
        call = a_call(Operation.CREATE_KEY)
        self.at = NOON
        self.history: list[Event] = [keys_of.create(call, uuid4(), uuid4(), NewKey())]
        self.key = evolve(self.history[0], None)
        self.expected = KeyState.ENABLED
        self.destroyed = False

    @rule(
        operation=st.sampled_from(sorted(COMMANDS)),
        days=st.integers(0, 8),
        region=st.sampled_from([REGION, REGION, REGION, "cn-shanghai"]),
    )
    def command(self, operation: Operation, days: int, region: str) -> None:
        self.at += days * DAY
        before = repr(self.key)
        try:
            event = told(self.key, operation, self.at, region_id=region)
        except KeyLedgerError:
            assert repr(self.key) == before
            return
        assert repr(self.key) == before, "a command changes nothing"
        assert not self.destroyed
        assert region == REGION
        self.history.append(event)
        self.key = evolve(event, self.key)
        self.expected = EXPECTED.get(operation, self.expected)
        self.destroyed = operation is Operation.DESTROY_KEY

    @invariant()
    def the_history_replays_to_the_same_key(self) -> None:
        assert replay(self.history) == self.key

    @invariant()
    def the_versions_are_consecutive(self) -> None:
        assert [event.originator_version for event in self.history] == list(range(1, len(self.history) + 1))
        assert {event.originator_id for event in self.history} == {self.key.key_id}

    @invariant()
    def the_state_is_the_last_one_commanded(self) -> None:
        assert self.key.state is self.expected
        assert self.key.destroyed is self.destroyed
        assert (self.key.delete_at is not None) == (self.expected is KeyState.PENDING_DELETION)

    @invariant()
    def an_event_carries_its_call_and_the_time_of_it(self) -> None:
        assert self.history[-1].timestamp == self.history[-1].call.at <= self.at


EXPECTED: Final = {
    Operation.ENABLE_KEY: KeyState.ENABLED,
    Operation.DISABLE_KEY: KeyState.DISABLED,
    Operation.SCHEDULE_KEY_DELETION: KeyState.PENDING_DELETION,
    Operation.CANCEL_KEY_DELETION: KeyState.ENABLED,
}

TestKeyLife = KeyLife.TestCase
TestKeyLife.settings = settings(max_examples=60, stateful_step_count=25)


def test_a_key_is_created_as_it_was_asked_for() -> None:
    call = a_call(Operation.CREATE_KEY, region_id="eu-central-1")
    wanted = NewKey(description="orders", protection_level=ProtectionLevel.HSM, tags=(("team", "shop"),))
    key_id, version_id = uuid4(), uuid4()
    event = keys_of.create(call, key_id, version_id, wanted)
    assert event.tags == {"team": "shop"}
    assert evolve(event, None) == Key(
        key_id=key_id,
        arn=f"acs:kms:eu-central-1:{call.by.account_id}:key/{key_id}",
        version=1,
        owner=call.by.account_id,
        region_id="eu-central-1",
        state=KeyState.ENABLED,
        primary_key_version=version_id,
        created_at=NOON,
        description="orders",
        key_spec=KeySpec.ALIYUN_AES_256,
        key_usage=KeyUsage.ENCRYPT_DECRYPT,
        origin=Origin.ALIYUN_KMS,
        protection_level=ProtectionLevel.HSM,
        tags={"team": "shop"},
    )


def test_an_arn_names_region_owner_and_key() -> None:
    key = a_key()
    assert key.arn == f"acs:kms:cn-hangzhou:1234567890123456:key/{key.key_id}"


def test_nothing_was_ever_recorded_of_a_key_without_events() -> None:
    assert replay([]) is None


def test_keys_and_events_are_frozen() -> None:
    made = a_new_key()
    with pytest.raises(FrozenInstanceError):
        made.key.state = KeyState.DISABLED  # type: ignore[misc]
    with pytest.raises((FrozenInstanceError, AttributeError)):
        made.submission.events[0].originator_version = 2  # type: ignore[misc]


def test_a_description_is_replaced_and_nothing_else() -> None:
    key = a_key(Operation.DISABLE_KEY)
    described = evolve(told(key, Operation.UPDATE_KEY_DESCRIPTION), key)
    assert described == replace(key, version=3, description="of the shop")


# --- what no history has ---------------------------------------------------------------------------------------------


def an_enabling(stream: UUID, version: int) -> KeyEnabled:
    call = a_call(Operation.ENABLE_KEY)
    return KeyEnabled(originator_id=stream, originator_version=version, timestamp=call.at, call=call)


@pytest.mark.parametrize("version", [0, 1, 3, 7])
def test_an_event_that_is_not_the_next_one_is_refused(version: int) -> None:
    key = a_key()
    with pytest.raises(ValueError, match="does not follow"):
        evolve(an_enabling(key.key_id, version), key)


def test_a_history_that_does_not_begin_with_the_creation_is_refused() -> None:
    with pytest.raises(ValueError, match="does not follow"):
        replay([an_enabling(uuid4(), 1)])


def test_a_key_is_created_once() -> None:
    key = a_key()
    again = replace(a_new_key().submission.events[0], originator_id=key.key_id, originator_version=2)
    with pytest.raises(ValueError, match="does not follow"):
        evolve(again, key)


def test_an_event_of_another_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="does not follow"):
        evolve(an_enabling(uuid4(), 2), a_key())


def test_an_event_that_is_none_of_a_key_is_refused() -> None:
    key, call = a_key(), a_call(Operation.SET_UP)
    opened = RegionOpened(
        originator_id=key.key_id,
        originator_version=2,
        timestamp=call.at,
        call=call,
        region_id=REGION,
        key_check_value="000000",
    )
    with pytest.raises(ValueError, match="does not follow"):
        evolve(opened, key)


# --- whose it is, and how long ---------------------------------------------------------------------------------------


@every_command
def test_a_key_of_another_region_is_not_found(operation: Operation) -> None:
    with pytest.raises(KeyNotFound):
        told(a_key(), operation, region_id="cn-shanghai")


@every_command
def test_a_key_of_another_account_is_not_found(operation: Operation) -> None:
    with pytest.raises(KeyNotFound):
        told(a_key(), operation, by=a_caller("6543210987654321"))


@every_command
@pytest.mark.parametrize("region", [REGION, "cn-shanghai"])
def test_a_destroyed_key_is_not_found_whatever_is_asked(operation: Operation, region: str) -> None:
    key = a_key(Operation.SCHEDULE_KEY_DELETION, Operation.DESTROY_KEY)
    assert key.destroyed
    with pytest.raises(KeyNotFound):
        told(key, operation, at=NOON + 400 * DAY, region_id=region)


@pytest.mark.parametrize("operation", sorted(Operation))
def test_a_destroyed_key_permits_nothing(operation: Operation) -> None:
    key = a_key(Operation.SCHEDULE_KEY_DELETION, Operation.DESTROY_KEY)
    with pytest.raises(KeyNotFound):
        key.permit(a_call(operation))


def test_the_destruction_names_the_versions_whose_material_goes() -> None:
    key = a_key(Operation.SCHEDULE_KEY_DELETION)
    destroyed = told(key, Operation.DESTROY_KEY, at=NOON + 7 * DAY)
    assert isinstance(destroyed, KeyDestroyed)
    assert destroyed.key_version_ids == (key.primary_key_version,)


@pytest.mark.parametrize(("early", "due"), [(timedelta(microseconds=1), False), (timedelta(0), True), (-DAY, True)])
def test_a_key_is_due_from_the_last_instant_of_its_window_on(early: timedelta, due: bool) -> None:
    key = a_key(Operation.SCHEDULE_KEY_DELETION)
    at = NOON + 7 * DAY - early
    assert key.is_due(at) is due
    if due:
        assert isinstance(told(key, Operation.DESTROY_KEY, at=at), KeyDestroyed)
    else:
        with pytest.raises(StateModifiedFailed):
            told(key, Operation.DESTROY_KEY, at=at)


@pytest.mark.parametrize("operations", [(), (Operation.SCHEDULE_KEY_DELETION, Operation.CANCEL_KEY_DELETION)])
def test_a_key_whose_deletion_is_not_pending_is_never_due(operations: tuple[Operation, ...]) -> None:
    assert not a_key(*operations).is_due(NOON + 4000 * DAY)


def test_a_deletion_scheduled_anew_is_due_at_its_own_time() -> None:
    key = a_key(Operation.SCHEDULE_KEY_DELETION, Operation.CANCEL_KEY_DELETION)
    again = evolve(told(key, Operation.SCHEDULE_KEY_DELETION, at=NOON + 5 * DAY), key)
    assert not again.is_due(NOON + 12 * DAY - timedelta(microseconds=1))
    assert again.is_due(NOON + 12 * DAY)
