"""A key as it stood: its state, since when, and by whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from domain import key as keys_of
from domain.audit.key_at import key_at
from domain.call import Call
from domain.events import Event
from domain.key import Key
from domain.vocabulary import KeyState, Operation
from tests.fixtures.domain import WEEK
from tests.fixtures.ledger import ACCOUNT, NOON, a_call, a_caller, a_new_key

HOUR: Final = timedelta(hours=1)


class Life:
    """A key and its stream; every step is an hour after the one before."""

    def __init__(self) -> None:
        made = a_new_key()
        self.history: list[Event] = list(made.submission.events)
        self.key: Key = made.key

    def step(self, operation: Operation, days: int = 7, later: timedelta = HOUR) -> Life:
        call = a_call(operation, by=a_caller(ACCOUNT), at=self.history[-1].timestamp + later)
        changes: dict[Operation, Callable[[Call], Event]] = {
            Operation.ENABLE_KEY: self.key.enable,
            Operation.DISABLE_KEY: self.key.disable,
            Operation.CANCEL_KEY_DELETION: self.key.cancel_deletion,
            Operation.DESTROY_KEY: self.key.destroy,
            Operation.SCHEDULE_KEY_DELETION: lambda call: self.key.schedule_deletion(call, days),
            Operation.UPDATE_KEY_DESCRIPTION: lambda call: self.key.update_description(call, "of the shop"),
        }
        event = changes[operation](call)
        self.history.append(event)
        self.key = keys_of.evolve(event, self.key)
        return self


def test_before_it_is_created_there_is_no_key() -> None:
    assert key_at([]) is None


def test_a_key_tells_who_created_it() -> None:
    life = Life()
    told = key_at(life.history)
    assert told is not None
    assert (told.key, told.state) == (life.key, "Enabled")
    assert told.created_by == told.in_state_by == told.changed_by == life.history[0].call.by
    assert [version.key_version_id for version in told.versions] == [life.key.primary_key_version]


def test_a_key_tells_since_when_it_is_in_its_state() -> None:
    life = Life().step(Operation.DISABLE_KEY).step(Operation.DISABLE_KEY).step(Operation.UPDATE_KEY_DESCRIPTION)
    told = key_at(life.history)
    assert told is not None
    assert told.key.state is KeyState.DISABLED
    assert told.in_state_since == NOON + HOUR
    assert told.changed_at == NOON + 3 * HOUR
    assert told.key.description == "of the shop"


def test_a_key_is_asked_about_at_any_position() -> None:
    life = Life().step(Operation.DISABLE_KEY).step(Operation.ENABLE_KEY).step(Operation.SCHEDULE_KEY_DELETION)
    states = [told.state for n in range(1, 5) if (told := key_at(life.history[:n])) is not None]
    assert states == ["Enabled", "Disabled", "Enabled", "PendingDeletion"]


def test_a_destroyed_key_tells_when_its_material_went() -> None:
    life = Life().step(Operation.SCHEDULE_KEY_DELETION).step(Operation.DESTROY_KEY, later=WEEK)
    told = key_at(life.history)
    assert told is not None
    assert told.state == "Destroyed"
    assert told.in_state_since == told.versions[0].destroyed_at == NOON + HOUR + WEEK


def test_a_stream_that_is_not_whole_is_refused() -> None:
    life = Life().step(Operation.DISABLE_KEY)
    with pytest.raises(ValueError, match="does not follow"):
        key_at(life.history[1:])
