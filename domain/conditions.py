"""Conditions: when a statement applies.

Here: the element Condition. Values of one key are alternatives; keys of one operator, and operators, must all hold.
Not here: the operators (:mod:`domain.condition_operators`) and the facts (:mod:`domain.circumstances`).

**A fact that the call does not have.** A positive operator (StringEquals, NumericLessThan, Bool, IpAddress …) does
not hold; a negative one (…Not…) holds, because it is the exact opposite of its positive one, for this as for any fact.
So ``Deny … StringNotEquals kms:tag/stage production`` denies a CMK that has no such tag, and ``Allow … StringEquals``
never allows one. The same goes for a fact that is not of the operator's kind. Likewise several values of a negative
operator are "none of these", as published examples use it: Deny with NotIpAddress and a list of allowed networks.

**A condition nobody can evaluate** is a fault: an unknown operator, a value that the operator cannot read, a key that
no call here ever has, or a key of a kind that the operator cannot read. A typing error in the key of a Deny would
otherwise be a Deny that never applies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from domain.circumstances import TAG, Circumstances
from domain.condition_operators import OPERATORS, Kind, Operator
from domain.patterns import Matches
from domain.policy_document import Fault, Number, members, named, quoted, text, within

KEYS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "acs:CurrentTime": Kind.DATE,
        "acs:MFAPresent": Kind.BOOLEAN,
        "acs:PrincipalARN": Kind.TEXT,
        "acs:SecureTransport": Kind.BOOLEAN,
        "acs:SourceIp": Kind.ADDRESS,
        "sts:ExternalId": Kind.TEXT,
    }
)
"""Besides ``kms:tag/<key>``. Letters' case does not count in them; they are kept as spelled here."""

_SPELLED: Final = {key.lower(): key for key in KEYS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One operator on one key."""

    operator: str
    key: str
    values: tuple[str, ...]
    negative: bool
    agrees: Matches = field(compare=False, repr=False)

    def holds(self, circumstances: Circumstances) -> bool:
        fact = circumstances.value(self.key)
        return (fact is not None and self.agrees(fact)) is not self.negative


def all_hold(conditions: tuple[Condition, ...], circumstances: Circumstances) -> bool:
    for condition in conditions:  # noqa: SIM110 - all() on a generator costs as much as a condition
        if not condition.holds(circumstances):
            return False
    return True


def parse(place: str, value: object) -> tuple[Condition, ...]:
    """:raises Fault: a condition that nobody can evaluate."""
    block = members(place, value)
    return tuple(
        condition for name, keys in block.items() for condition in _of_operator(within(place, name), name, keys)
    )


def _of_operator(place: str, name: str, value: object) -> list[Condition]:
    if name not in OPERATORS:
        raise Fault(place, f"no such condition operator. Expected one of {', '.join(OPERATORS)}")
    keys = members(place, value)
    if not keys:
        raise Fault(place, "names no condition key")
    return [_condition(within(place, key), OPERATORS[name], name, key, values) for key, values in keys.items()]


def _condition(place: str, operator: Operator, name: str, key: str, value: object) -> Condition:
    values = tuple(_checked(at, operator, element) for at, element in _values(place, value))
    return Condition(
        operator=name,
        key=_key(place, operator, key),
        values=values,
        negative=operator.negative,
        agrees=operator.compiled(values),
    )


def _key(place: str, operator: Operator, key: str) -> str:
    spelled, kind = _known(place, key)
    if operator.kind not in (Kind.TEXT, kind) and kind is not Kind.TEXT:
        raise Fault(place, f"is a {kind}, which this operator cannot compare")
    return spelled


def _known(place: str, key: str) -> tuple[str, Kind]:
    if key.lower().startswith(TAG) and len(key) > len(TAG):
        return TAG + key[len(TAG) :], Kind.TEXT
    spelled = _SPELLED.get(key.lower())
    if spelled is None:
        raise Fault(place, f"no such condition key. Expected one of {', '.join(KEYS)} or {TAG}<tag key>")
    return spelled, KEYS[spelled]


def _values(place: str, value: object) -> list[tuple[str, object]]:
    if not isinstance(value, list):
        return [(place, value)]
    if not value:
        raise Fault(place, "an empty list")
    return [(f"{place}[{index}]", element) for index, element in enumerate(value)]


def _checked(place: str, operator: Operator, value: object) -> str:
    """JSON's numbers and booleans are taken as the text that they are written as."""
    if isinstance(value, bool):
        value = named(value)
    written = value.text if isinstance(value, Number) else text(place, value)
    try:
        operator.check(written)
    except ValueError:
        raise Fault(place, f"{quoted(written)} is no {operator.kind}") from None
    return written
