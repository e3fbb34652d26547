"""A condition as a clause of a sentence: ``acs:SourceIp is in 10.0.0.0/8 or 192.168.0.0/16``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.audit.words import brief, quoted, visible
from domain.condition_operators import OPERATORS, Kind
from domain.conditions import Condition

VALUES_SHOWN: Final = 8

_COMPARES: Final = {
    "StringEquals": "is",
    "StringNotEquals": "is not",
    "StringEqualsIgnoreCase": "is, in whatever case,",
    "StringNotEqualsIgnoreCase": "is not, in whatever case,",
    "StringLike": "is like",
    "StringNotLike": "is not like",
    "NumericEquals": "is",
    "NumericNotEquals": "is not",
    "NumericLessThan": "is less than",
    "NumericLessThanEquals": "is at most",
    "NumericGreaterThan": "is more than",
    "NumericGreaterThanEquals": "is at least",
    "DateEquals": "is",
    "DateNotEquals": "is not",
    "DateLessThan": "is before",
    "DateLessThanEquals": "is at or before",
    "DateGreaterThan": "is after",
    "DateGreaterThanEquals": "is at or after",
    "Bool": "is",
    "IpAddress": "is in",
    "NotIpAddress": "is not in",
}


def in_words(conditions: Iterable[Condition]) -> str:
    """All of which must hold."""
    return " and ".join(_clause(condition) for condition in conditions)


def _clause(condition: Condition) -> str:
    is_text = OPERATORS[condition.operator].kind is Kind.TEXT
    values = [quoted(visible(value)) if is_text else brief(visible(value)) for value in condition.values[:VALUES_SHOWN]]
    more = len(condition.values) - VALUES_SHOWN
    alternatives = " or ".join([*values, f"{more} more"] if more > 0 else values)
    return f"{visible(condition.key)} {_COMPARES[condition.operator]} {alternatives}"
