"""A key as it stood: its state, since when, and by whom."""

from __future__ import annotations

import pytest

from domain.audit.key_at import key_at
from domain.vocabulary import KeyState, Operation
from tests.fixtures.domain import WEEK
from tests.fixtures.key_life import HOUR, Life
from tests.fixtures.ledger import NOON


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
