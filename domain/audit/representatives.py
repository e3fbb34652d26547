"""Of all the circumstances that a call may be made in, so many that no condition tells any other from all of these.

A condition compares one fact with the values of a policy, and between two neighbouring values nothing changes: the
addresses at the ends of blocks, the seconds around a date, the texts that are named and one that is not stand for all.

Here: representatives of each fact. Where a condition compares a fact in a way that this cannot be said of (a pattern on
an address), there are none, and whoever asks has to do with less.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Final

from domain.condition_operators import OPERATORS, Kind, read_block, read_date
from domain.conditions import Condition

COMBINATIONS_MAX: Final = 1_024
"""Of representatives of different facts; where there are more, there are none."""

_ABSENT: Final = None
_FIRST: Final = datetime(1000, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)
_ADDRESSES: Final = {4: 1 << 32, 6: 1 << 128}
_BEHIND_MAPPED: Final = 1 << 48
"""The first IPv6 address behind those that are IPv4 (RFC 4291 section 2.5.5.2)."""

_NOBODY_S: Final = "\u0001"
"""A text that no policy names."""

_EXACT: Final = frozenset(("StringEquals", "StringNotEquals"))
_IGNORING_CASE: Final = frozenset(("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"))

Facts = Mapping[str, str]


def representatives(conditions: Iterable[Condition]) -> Iterator[Facts] | None:
    """Facts by condition key. None where they cannot be listed.

    :param conditions: on those facts alone that are not known.
    """
    by_key: dict[str, list[Condition]] = {}
    for condition in conditions:
        by_key.setdefault(condition.key, []).append(condition)
    choices = {key: _of_fact(key, about) for key, about in by_key.items()}
    combinations = 1
    for values in choices.values():
        combinations *= len(values)
    if not 0 < combinations <= COMBINATIONS_MAX:
        return None
    return _combined(choices)


def _combined(choices: Mapping[str, Sequence[str | None]]) -> Iterator[Facts]:
    for values in product(*choices.values()):
        yield {key: value for key, value in zip(choices, values, strict=True) if value is not _ABSENT}


def _of_fact(key: str, conditions: list[Condition]) -> Sequence[str | None]:
    """One for each way in which the conditions may hold together; none where that is not known."""
    values = _values(key, conditions)
    seen: dict[tuple[bool, ...], str | None] = {}
    for value in values:
        holding = tuple((value is not None and one.agrees(value)) is not one.negative for one in conditions)
        seen.setdefault(holding, value)
    return list(seen.values())


def _values(key: str, conditions: list[Condition]) -> Iterable[str | None]:
    operators = {condition.operator for condition in conditions}
    kinds = {OPERATORS[operator].kind for operator in operators}
    written = [value for condition in conditions for value in condition.values]
    if key == "acs:SecureTransport":
        return ("true", "false")
    if key == "acs:SourceIp" and kinds == {Kind.ADDRESS}:
        return (_ABSENT, *_addresses(written))
    if key == "acs:CurrentTime" and kinds == {Kind.DATE}:
        return _moments(written)
    if key == "sts:ExternalId" and (operators <= _EXACT or operators <= _IGNORING_CASE):
        return (_ABSENT, _NOBODY_S, *written)
    return ()


def _addresses(written: Iterable[str]) -> Iterator[str]:
    """The first of every run of addresses between the ends of blocks."""
    firsts = {(4, 0), (6, 0), (6, _BEHIND_MAPPED)}
    for block in map(read_block, written):
        firsts |= {(block.version, block.first), (block.version, block.last + 1)}
    for version, number in sorted(firsts):
        if number < _ADDRESSES[version]:
            yield str(ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number))


def _moments(written: Iterable[str]) -> Iterator[str]:
    moments = {_FIRST, _LAST}
    for date in map(read_date, written):
        if _FIRST < date < _LAST:
            moments |= {date - _SECOND, date, date + _SECOND}
    for moment in sorted(moments):
        yield f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z"
