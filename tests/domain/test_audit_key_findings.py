"""Keys that somebody should look at, and what is said about each."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from domain.audit.key_at import KeyAt, key_at
from domain.audit.key_findings import NO_USES, FindingKind, KeyFinding, KeyUses, Periods, key_findings
from domain.vocabulary import Operation
from tests.fixtures.key_life import HOUR, Life
from tests.fixtures.ledger import NOON

DAY: Final = timedelta(days=1)


def at(*steps: Operation) -> KeyAt:
    """A key created at NOON, an hour later for each step."""
    life = Life()
    for step in steps:
        life.step(step)
    told = key_at(life.history)
    assert told is not None
    return told


def found(
    key: KeyAt, uses: KeyUses = NO_USES, days: float = 0, periods: Periods | None = None
) -> tuple[KeyFinding, ...]:
    return key_findings([(key, uses)], NOON + days * DAY, periods or Periods())


def kinds(key: KeyAt, uses: KeyUses, days: float, periods: Periods | None = None) -> list[FindingKind]:
    return [finding.kind for finding in found(key, uses, days, periods)]


def test_a_key_in_use_has_no_findings() -> None:
    assert found(at(), KeyUses(last_use_at=NOON + 99 * DAY), 100) == ()


@pytest.mark.parametrize(
    ("days", "said"), [(89.9, ", but it was created only at 2026-06-01 12:00:00 UTC."), (90, " in the 90 days since")]
)
def test_of_a_key_that_was_never_used_it_is_told_whether_it_had_time_to_be(days: float, said: str) -> None:
    (finding,) = found(at(), NO_USES, days)
    assert finding.kind is FindingKind.NEVER_USED
    assert f"was never used{said}" in finding.sentence


def test_a_key_that_nobody_uses_any_more_is_told() -> None:
    key = at()
    (finding,) = found(key, KeyUses(last_use_at=NOON + 5 * DAY), 100)
    assert finding.sentence == (
        f"Key {key.key.key_id} in cn-hangzhou has not been used for 95 days, since 2026-06-06 12:00:00 UTC."
    )
    assert (finding.kind, finding.days, finding.key_arn) == (FindingKind.UNUSED, 95, key.key.arn)
    (finding,) = found(key, days=100)
    assert (
        finding.sentence == f"Key {key.key.key_id} in cn-hangzhou was never used in the 100 days since it was created."
    )


@pytest.mark.parametrize(("days", "expected"), [(730, []), (731, [FindingKind.PAST_CRYPTOPERIOD])])
def test_a_version_encrypts_for_two_years_at_most(days: int, expected: list[FindingKind]) -> None:
    assert kinds(at(), KeyUses(last_use_at=NOON + days * DAY), days) == expected


def test_the_periods_are_the_caller_s() -> None:
    periods = Periods(cryptoperiod_days=10, unused_days=5)
    assert kinds(at(), NO_USES, 11, periods) == [FindingKind.PAST_CRYPTOPERIOD, FindingKind.NEVER_USED]


def test_a_disabled_key_that_is_asked_for_is_told() -> None:
    key = at(Operation.DISABLE_KEY)
    assert found(key, KeyUses(last_use_at=NOON), 2) == ()
    (finding,) = found(key, KeyUses(last_use_at=NOON, refusals_in_state=2, last_refusal_at=NOON + DAY), 2)
    assert finding.sentence == (
        f"Key {key.key.key_id} in cn-hangzhou has been disabled since 2026-06-01 13:00:00 UTC, yet was asked for 2 "
        "times, last at 2026-06-02 12:00:00 UTC, since then."
    )


def test_a_disabled_key_is_as_old_and_as_unused_as_any_other() -> None:
    key = at(Operation.DISABLE_KEY)
    old, unused = found(key, KeyUses(last_use_at=NOON), 900)
    assert (old.kind, unused.kind) == (FindingKind.PAST_CRYPTOPERIOD, FindingKind.UNUSED)
    assert unused.sentence.startswith(f"Key {key.key.key_id} in cn-hangzhou (disabled) has not been used for 900 days")
    assert kinds(key, NO_USES, 1) == [FindingKind.NEVER_USED]


PENDING: Final = (Operation.DISABLE_KEY, Operation.SCHEDULE_KEY_DELETION)


USED: Final = "was used last at 2026-06-01 12:00:00 UTC"
ASKED_FOR: Final = "was asked for 1 time since its deletion was scheduled"


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        (KeyUses(last_use_at=NOON), USED),
        (KeyUses(refusals_in_state=1), ASKED_FOR),
        (KeyUses(last_use_at=NOON, refusals_in_state=1), f"{USED} and {ASKED_FOR}"),
    ],
)
def test_a_key_that_is_to_be_destroyed_though_it_is_needed_is_told(uses: KeyUses, told: str) -> None:
    key = at(*PENDING)
    (finding,) = found(key, uses, 5)
    assert finding.sentence == (
        f"Key {key.key.key_id} in cn-hangzhou is to be destroyed at 2026-06-08 14:00:00 UTC, yet {told}: what it "
        "encrypted will be lost."
    )


def test_a_key_that_nobody_needs_may_be_destroyed() -> None:
    assert found(at(*PENDING), KeyUses(last_use_at=NOON), 35) == ()
    assert found(at(*PENDING), days=500) == ()


def test_a_destroyed_key_has_no_findings() -> None:
    life = Life().step(Operation.SCHEDULE_KEY_DELETION).step(Operation.DESTROY_KEY, later=7 * DAY + HOUR)
    told = key_at(life.history)
    assert told is not None
    assert found(told, KeyUses(refusals_in_state=3), 900) == ()


def test_what_is_about_to_be_lost_comes_first() -> None:
    asked_for = KeyUses(refusals_in_state=1)
    keys = [(at(), NO_USES), (at(Operation.DISABLE_KEY), asked_for), (at(*PENDING), asked_for)]
    assert [finding.kind for finding in key_findings(keys, NOON + 800 * DAY)] == [
        FindingKind.USED_YET_PENDING_DELETION,
        FindingKind.ASKED_FOR_YET_DISABLED,
        *2 * [FindingKind.PAST_CRYPTOPERIOD],
        *2 * [FindingKind.NEVER_USED],
    ]
