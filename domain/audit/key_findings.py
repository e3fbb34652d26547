"""What is to be said about keys that somebody should look at: unused, too old, or asked for though nobody may.

A finding is one English sentence about one key at one time; most keys have none. The periods are arguments. Their
defaults: two years for a key version (NIST SP 800-57 part 1 revision 5, section 5.3.6: an originator-usage period of
symmetric data-encryption keys of at most two years, during which they encrypt), ninety days without use, and thirty
for a use to be recent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from domain.audit.key_at import KeyAt
from domain.audit.words import moment, plural
from domain.vocabulary import KeyState

CRYPTOPERIOD_DAYS: Final = 730
UNUSED_DAYS: Final = 90
RECENT_DAYS: Final = 30


class FindingKind(StrEnum):
    """In order of urgency: what is about to become unreadable comes first."""

    USED_YET_PENDING_DELETION = "used yet pending deletion"
    """Used lately, or asked for since its deletion was scheduled: whatever it encrypted will be lost."""

    ASKED_FOR_YET_DISABLED = "asked for yet disabled"
    PAST_CRYPTOPERIOD = "past its cryptoperiod"
    UNUSED = "unused for long"
    NEVER_USED = "never used"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUses:
    """What was recorded of one key, up to the same position as its state.

    :param last_use_at: of the last answered use (``KeyUsed``).
    :param refusals_in_state: how often its use was refused for its state (``Rejected.Disabled``,
        ``Rejected.PendingDeletion``) since it came into it; ``last_refusal_at`` is the last of them.
    """

    last_use_at: datetime | None = None
    refusals_in_state: int = 0
    last_refusal_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """:param recent_days: a use within these makes a scheduled deletion suspicious."""

    cryptoperiod_days: int = CRYPTOPERIOD_DAYS
    unused_days: int = UNUSED_DAYS
    recent_days: int = RECENT_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFinding:
    """:param days: what the sentence counts, for whoever sorts; 0 where it counts none."""

    kind: FindingKind
    key_arn: str
    sentence: str
    days: int = 0


NO_USES: Final = KeyUses()
PERIODS: Final = Periods()


def key_findings(
    keys: Iterable[tuple[KeyAt, KeyUses]], now: datetime, periods: Periods = PERIODS
) -> tuple[KeyFinding, ...]:
    """The most urgent first, and then in the keys' order. Destroyed keys have none.

    :param now: the time that is asked about, in UTC; of a position of the ledger, the time of its event.
    """
    found = [finding for key, uses in keys for finding in _of_key(key, uses, now, periods)]
    order = {kind: number for number, kind in enumerate(FindingKind)}
    return tuple(sorted(found, key=lambda finding: order[finding.kind]))


def _of_key(at: KeyAt, uses: KeyUses, now: datetime, periods: Periods) -> Iterator[KeyFinding]:
    if at.key.destroyed:
        return
    if at.key.state is KeyState.PENDING_DELETION:
        yield from _pending_deletion(at, uses, now, periods)
        return
    if at.key.state is KeyState.DISABLED:
        yield from _disabled(at, uses)
    yield from _past_cryptoperiod(at, now, periods)
    yield from _unused(at, uses, now, periods)


def _pending_deletion(at: KeyAt, uses: KeyUses, now: datetime, periods: Periods) -> Iterator[KeyFinding]:
    recent = uses.last_use_at is not None and _days(uses.last_use_at, now) < periods.recent_days
    if not recent and not uses.refusals_in_state:
        return
    told = []
    if recent and uses.last_use_at is not None:
        told.append(f"was used last at {moment(uses.last_use_at)}")
    if uses.refusals_in_state:
        told.append(f"was asked for {_times(uses)} since its deletion was scheduled")
    until = f" at {moment(at.key.delete_at)}" if at.key.delete_at is not None else ""
    sentence = f"{_named(at)} is to be destroyed{until}, yet {' and '.join(told)}: what it encrypted will be lost."
    yield KeyFinding(kind=FindingKind.USED_YET_PENDING_DELETION, key_arn=at.key.arn, sentence=sentence)


def _disabled(at: KeyAt, uses: KeyUses) -> Iterator[KeyFinding]:
    if uses.refusals_in_state:
        since = moment(at.in_state_since)
        sentence = f"{_named(at)} has been disabled since {since}, yet was asked for {_times(uses)} since then."
        yield KeyFinding(kind=FindingKind.ASKED_FOR_YET_DISABLED, key_arn=at.key.arn, sentence=sentence)


def _past_cryptoperiod(at: KeyAt, now: datetime, periods: Periods) -> Iterator[KeyFinding]:
    age = _days(at.versions[-1].created_at, now)
    if age > periods.cryptoperiod_days:
        sentence = (
            f"The current version of {_standing(at, 'key')} is {plural(age, 'day')} old, past the "
            f"{plural(periods.cryptoperiod_days, 'day')} for which a key should encrypt."
        )
        yield KeyFinding(kind=FindingKind.PAST_CRYPTOPERIOD, key_arn=at.key.arn, sentence=sentence, days=age)


def _unused(at: KeyAt, uses: KeyUses, now: datetime, periods: Periods) -> Iterator[KeyFinding]:
    """Of a key that was never used and is younger than the period, that is said as well."""
    if uses.last_use_at is None:
        yield _never_used(at, _days(at.key.created_at, now), periods)
    elif (idle := _days(uses.last_use_at, now)) >= periods.unused_days:
        sentence = f"{_standing(at)} has not been used for {plural(idle, 'day')}, since {moment(uses.last_use_at)}."
        yield KeyFinding(kind=FindingKind.UNUSED, key_arn=at.key.arn, sentence=sentence, days=idle)


def _never_used(at: KeyAt, age: int, periods: Periods) -> KeyFinding:
    if age >= periods.unused_days:
        sentence = f"{_standing(at)} was never used in the {plural(age, 'day')} since it was created."
    else:
        sentence = f"{_standing(at)} was never used, but it was created only at {moment(at.key.created_at)}."
    return KeyFinding(kind=FindingKind.NEVER_USED, key_arn=at.key.arn, sentence=sentence, days=age)


def _named(at: KeyAt, noun: str = "Key") -> str:
    return f"{noun} {at.key.key_id} in {at.key.region_id}"


def _standing(at: KeyAt, noun: str = "Key") -> str:
    """A disabled key may be enabled again, and then is as old and as unused as it was."""
    disabled = " (disabled)" if at.key.state is KeyState.DISABLED else ""
    return f"{_named(at, noun)}{disabled}"


def _times(uses: KeyUses) -> str:
    last = f", last at {moment(uses.last_refusal_at)}," if uses.last_refusal_at is not None else ""
    return plural(uses.refusals_in_state, "time") + last


def _days(since: datetime, now: datetime) -> int:
    """Whole days that have passed."""
    return (now - since) // timedelta(days=1)
