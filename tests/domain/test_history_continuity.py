"""What follows what: versions without holes, folds that take each event, and uses that stand alone."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from domain.events import Event
from domain.history.continuity import Continuity
from tests.fixtures.ledger import a_disabling, a_new_key, a_use, after
from tests.fixtures.months import Months


def a_history() -> list[Event]:
    made = a_new_key()
    disabling = a_disabling(made.key)
    use = a_use(after(made.key))
    return [event for submission in (made.submission, use, disabling) for event in submission.events]


def test_what_the_service_recorded_follows() -> None:
    continuity = Continuity(from_beginning=True)
    events = [event for submission in Months().submissions(300) for event in submission.events]
    for event in events:
        continuity.follow(event)
    assert len(continuity.world.keys) >= 15
    assert len(continuity.world.authorities) == 3


def test_sessions_take_no_memory() -> None:
    continuity = Continuity(from_beginning=True)
    for submission in Months().submissions(300):
        for event in submission.events:
            continuity.follow(event)
    assert continuity.world.sessions == {}


def test_a_missing_version_is_found() -> None:
    created, _, disabled = a_history()
    continuity = Continuity(from_beginning=True)
    continuity.follow(created)
    with pytest.raises(ValueError, match=r"version 3 of stream .* does not follow version 1"):
        continuity.follow(replace(disabled, originator_version=3))


def test_a_stream_that_does_not_begin_at_one_is_found_from_the_beginning_only() -> None:
    _, _, disabled = a_history()
    with pytest.raises(ValueError, match="does not follow version 0"):
        Continuity(from_beginning=True).follow(disabled)
    Continuity(from_beginning=False).follow(disabled)


def test_versions_are_looked_at_from_anywhere() -> None:
    _, _, disabled = a_history()
    continuity = Continuity(from_beginning=False)
    continuity.follow(disabled)
    with pytest.raises(ValueError, match=r"version 4 of stream .* does not follow version 2"):
        continuity.follow(replace(disabled, originator_version=4))


def test_a_use_in_a_stream_of_others_is_found() -> None:
    created, used, _ = a_history()
    continuity = Continuity(from_beginning=True)
    continuity.follow(created)
    with pytest.raises(ValueError, match="does not stand alone"):
        continuity.follow(replace(used, originator_id=created.originator_id))
    with pytest.raises(ValueError, match="does not stand alone"):
        continuity.follow(replace(used, originator_id=uuid4(), originator_version=2))


def test_a_change_that_contradicts_is_found() -> None:
    created, _, disabled = a_history()
    continuity = Continuity(from_beginning=True)
    continuity.follow(created)
    continuity.follow(disabled)
    with pytest.raises(ValueError, match=r"kms\.key\.created"):
        continuity.follow(replace(created, originator_version=3))
