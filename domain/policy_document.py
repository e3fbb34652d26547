"""The JSON of a policy document, read member by member, so that whatever is wrong with it has a place.

Here: reading, and the fault that names its place (``Statement[1].Condition.IpAddress``). Not here: what the members
mean (:mod:`domain.policy`, :mod:`domain.conditions`, :mod:`domain.principals`).

Nothing is left to a second opinion: an object with two members of one name, NaN, and text that has no UTF-8 or that a
database cannot hold are faults. Numbers stay the text they were written as, so none is rounded and none is too large.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import Final

CITED_MAX: Final = 80
"""Characters of a document that a fault repeats: enough to find them, too few to flood a ledger."""


class Fault(Exception):
    """A document that nobody can evaluate.

    :param place: of what is wrong, from the document's top; empty for the document itself.
    :param why: the rest of the sentence.
    """

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place or 'The document'}: {why}.")


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number, or NaN or an infinity, which Python's reader lets through: as it was written."""

    text: str


class Members(dict[str, object]):
    """A JSON object; ``repeated`` is a name that it has twice."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated = _repeated(name for name, _ in pairs) if len(self) != len(pairs) else None


def _repeated(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("fewer members than pairs")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=Number
)


def read(document: str) -> object:
    """:raises Fault: no JSON (RFC 8259), or nested deeper than any policy is."""
    try:
        return _DECODER.decode(document)
    except json.JSONDecodeError as error:
        raise Fault("", f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise Fault("", "nested too deeply") from None


def members(place: str, value: object, known: Container[str] | None = None) -> Members:
    """The JSON object at ``place``, which has no members but the ``known`` ones; None for any."""
    if not isinstance(value, Members):
        raise Fault(place, f"expected an object, not {named(value)}")
    if value.repeated is not None:
        raise Fault(within(place, value.repeated), "stands there twice")
    for name in value:
        text(within(place, name), name)
        if known is not None and name not in known:
            raise Fault(within(place, name), "no such element")
    return value


def texts(place: str, value: object) -> list[tuple[str, str]]:
    """One text or a list of them, each with its place; never none."""
    if not isinstance(value, list):
        return [(place, text(place, value))]
    if not value:
        raise Fault(place, "an empty list")
    places = [f"{place}[{index}]" for index in range(len(value))]
    return [(at, text(at, element)) for at, element in zip(places, value, strict=True)]


def text(place: str, value: object) -> str:
    """A string that has a UTF-8 and no U+0000."""
    if not isinstance(value, str):
        raise Fault(place, f"expected a string, not {named(value)}")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Fault(place, "a lone surrogate or U+0000")
    return value


def within(place: str, name: str) -> str:
    cited = json.dumps(name[:CITED_MAX])[1:-1]
    return f"{place}.{cited}" if place else cited


def quoted(value: str) -> str:
    """In quotation marks, in ASCII, and cut where it is long."""
    return json.dumps(value[:CITED_MAX]) + ("..." if len(value) > CITED_MAX else "")


def named(value: object) -> str:
    """What a JSON value is, for a sentence that wanted something else."""
    match value:
        case Number(text=written):
            return written[:CITED_MAX]
        case str():
            return quoted(value)
        case None | True | False:
            return json.dumps(value)
        case list():
            return "a list"
        case _:
            return "an object"
