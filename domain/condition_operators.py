"""The published operators of conditions: how each reads a value of a policy and compares a fact with it.

Source: Alibaba Cloud RAM, "Permission policy elements", section Condition. ``…IfExists`` and ``Null`` are not among
them: the real service refuses both.
"""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from domain.patterns import Matches, any_of


class Kind(StrEnum):
    """What a text must be for an operator; the value is how a fault calls it."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    ADDRESS = "IP address or CIDR block"


Compiled = Callable[[Iterable[str]], Matches]
Check = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """:param compiled: makes of a policy's values the question whether a fact agrees with one of them. The fact is
    text; one that cannot be read agrees with nothing.
    :param check: raises ValueError for a value that the operator cannot read.
    :param negative: holds where none of the values agrees.
    """

    kind: Kind
    compiled: Compiled
    check: Check
    negative: bool


FACTS_REMEMBERED: Final = 256

# --- how a text is read ----------------------------------------------------------------------------------------------

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_BLOCK: Final = re.compile(r"[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?")
_BOOLEANS: Final = {"true": True, "false": False}

_MAPPED: Final = 0xFFFF
"""The upper 96 bits of an IPv4 address within IPv6."""

_IPV4: Final = 0xFFFF_FFFF


class Block(NamedTuple):
    """All addresses from the first to the last, as numbers, which are compared ten times as fast as addresses."""

    version: int
    first: int
    last: int


def read_number(text: str) -> float:
    """Up to 15 digits, for which a float is exact enough that no two different ones become equal."""
    if _NUMBER.fullmatch(text) is None or sum(map(str.isdigit, text)) > 15:
        raise ValueError(text)
    return float(text)


def read_date(text: str) -> datetime:
    """ISO 8601 with seconds or without, and always with an offset: a time without one is another one everywhere."""
    if _DATE.fullmatch(text) is None:
        raise ValueError(text)
    return datetime.fromisoformat(text)


def read_boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def read_block(text: str) -> Block:
    """An address is the block of itself alone. IPv4 within IPv6 (RFC 4291 section 2.5.5.2) is IPv4.

    No net masks: ``10.0.0.0/0.0.0.255`` is read in two ways by different programs.
    """
    if _BLOCK.fullmatch(text) is None:
        raise ValueError(text)
    network = ipaddress.ip_network(text, strict=False)
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.version == 6 and first >> 32 == _MAPPED == last >> 32:
        return Block(4, first & _IPV4, last & _IPV4)
    return Block(network.version, first, last)


# --- how a fact agrees with values -----------------------------------------------------------------------------------


def _equal(values: Iterable[str]) -> Matches:
    return frozenset(values).__contains__


def _equal_ignoring_case(values: Iterable[str]) -> Matches:
    folded = frozenset(value.casefold() for value in values)
    return lambda fact: fact.casefold() in folded


def _agreeing(read: Callable[[str], Any], agrees: Callable[[Any, Any], bool]) -> Compiled:
    # One call asks every policy about the same few facts.
    read_fact = lru_cache(maxsize=FACTS_REMEMBERED)(read)

    def compiled(values: Iterable[str]) -> Matches:
        wanted = [read(value) for value in values]

        def matches(text: str) -> bool:
            try:
                fact = read_fact(text)
            except ValueError:
                return False
            for value in wanted:  # noqa: SIM110 - any() on a generator costs more than the comparison
                if agrees(fact, value):
                    return True
            return False

        return matches

    return compiled


def _lies_in(fact: Block, block: Block) -> bool:
    return block.first <= fact.first == fact.last <= block.last and fact.version == block.version


# --- the table -------------------------------------------------------------------------------------------------------


def _pair(name: str, negative_name: str, kind: Kind, check: Check, compiled: Compiled) -> dict[str, Operator]:
    """A positive operator, and the one that holds exactly where it does not."""
    return {
        name: Operator(kind=kind, check=check, compiled=compiled, negative=False),
        negative_name: Operator(kind=kind, check=check, compiled=compiled, negative=True),
    }


def _six(prefix: str, kind: Kind, read: Callable[[str], Any]) -> dict[str, Operator]:
    orders = {
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
    return _pair(f"{prefix}Equals", f"{prefix}NotEquals", kind, read, _agreeing(read, operator.eq)) | {
        prefix + name: Operator(kind=kind, check=read, compiled=_agreeing(read, order), negative=False)
        for name, order in orders.items()
    }


OPERATORS: Final[Mapping[str, Operator]] = MappingProxyType(
    _pair("StringEquals", "StringNotEquals", Kind.TEXT, str, _equal)
    | _pair("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", Kind.TEXT, str, _equal_ignoring_case)
    | _pair("StringLike", "StringNotLike", Kind.TEXT, str, any_of)
    | _six("Numeric", Kind.NUMBER, read_number)
    | _six("Date", Kind.DATE, read_date)
    | {
        "Bool": Operator(
            kind=Kind.BOOLEAN, check=read_boolean, compiled=_agreeing(read_boolean, operator.eq), negative=False
        )
    }
    | _pair("IpAddress", "NotIpAddress", Kind.ADDRESS, read_block, _agreeing(read_block, _lies_in))
)
