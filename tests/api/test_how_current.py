"""What an answer says of how complete it is, whatever the ledger did while it was waited for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api.audit.asking import how_current
from projections.audit_questions import Currency, Place


def place(position: int) -> Place:
    return Place(position, datetime(2026, 11, 25, tzinfo=UTC))


@pytest.mark.parametrize(
    ("shown", "head", "wanted", "told", "complete"),
    [
        (9, 9, None, 9, True),
        (8, 9, None, 9, False),
        (9, 9, 9, 9, True),
        (8, 9, 9, 9, False),
        (11, 12, 9, 11, True),  # it was waited for 9, and more had been recorded meanwhile
        (15, 9, None, 9, False),  # somebody put a row behind the head
        (15, 9, 9, 9, False),
    ],
)
def test_the_head_is_never_behind_what_is_shown_of_a_ledger_that_is_whole(
    shown: int, head: int, wanted: int | None, told: int, complete: bool
) -> None:
    found = how_current(Currency(place(shown), place(head), None), None if wanted is None else place(wanted))
    assert (found["as_of"]["position"], found["ledger_head"]["position"], found["complete"]) == (shown, told, complete)
