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
from types import MappingProxyType
from typing import Any, Final

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


# --- how a text is read ----------------------------------------------------------------------------------------------

_NUMBER: Final = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2})")
_BLOCK: Final = re.compile(r"[0-9A-Fa-f.:]+(?:/[0-9]{1,3})?")
_BOOLEANS: Final = {"true": True, "false": False}

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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


def read_network(text: str) -> Network:
    """An address is the block of itself alone. IPv4 within IPv6 (RFC 4291 section 2.5.5.2) is IPv4.

    No net masks: ``10.0.0.0/0.0.0.255`` is read in two ways by different programs.
    """
    if _BLOCK.fullmatch(text) is None:
        raise ValueError(text)
    network = ipaddress.ip_network(text, strict=False)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return network


# --- how a fact agrees with values -----------------------------------------------------------------------------------


def _equal(values: Iterable[str]) -> Matches:
    return frozenset(values).__contains__


def _equal_ignoring_case(values: Iterable[str]) -> Matches:
    folded = frozenset(value.casefold() for value in values)
    return lambda fact: fact.casefold() in folded


def _agreeing(read: Callable[[str], Any], agrees: Callable[[Any, Any], bool]) -> Compiled:
    def compiled(values: Iterable[str]) -> Matches:
        wanted = [read(value) for value in values]

        def matches(text: str) -> bool:
            try:
                fact = read(text)
            except ValueError:
                return False
            return any(agrees(fact, value) for value in wanted)

        return matches

    return compiled


def _lies_in(fact: Network, block: Network) -> bool:
    return fact.network_address in block and fact.prefixlen == fact.max_prefixlen


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
    | _pair("IpAddress", "NotIpAddress", Kind.ADDRESS, read_network, _agreeing(read_network, _lies_in))
)
