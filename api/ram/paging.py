"""Marker and MaxItems: pages that put together are the list, whatever is created, renamed or deleted in between.

Lists are in order of creation, which nothing changes later. A marker says after which entity to go on, not how many to
leave out, so an entity that goes takes no other one with it. What is created while somebody pages comes at the end.
"""

from __future__ import annotations

import base64
import heapq
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from api.parameters import Parameters
from domain.errors import InvalidParameter
from domain.ram.listing import Linked

Entity = TypeVar("Entity")

MAX_ITEMS: Final = range(1, 1_001)
MAX_ITEMS_DEFAULT: Final = 100

_MARKER: Final = re.compile(r"[A-Za-z0-9_-]{2,24}={0,2}")
_NUMBER: Final = re.compile(r"-?[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """:param after: the number that the page begins behind; None for the first page."""

    after: int | None
    size: int


def wanted(given: Parameters) -> Wanted:
    """:raises InvalidParameter: MaxItems outside 1 to 1000, or a Marker that no answer has told."""
    size = given.integer("MaxItems", MAX_ITEMS, MAX_ITEMS_DEFAULT)
    marker = given.optional("Marker")
    return Wanted(_number(marker) if marker else None, size)


def page(
    entities: Iterable[Entity], number: Callable[[Entity], int], asked: Wanted
) -> tuple[list[Entity], dict[str, Any]]:
    """The entities of a page, and the fields of the answer that tell whether there are more.

    :param number: what an entity is ordered by; no two have the same.
    """
    after = asked.after
    behind = entities if after is None else (entity for entity in entities if number(entity) > after)
    found = heapq.nsmallest(asked.size + 1, behind, key=number)
    if len(found) <= asked.size:
        return found, {"IsTruncated": False}
    shown = found[: asked.size]
    return shown, {"IsTruncated": True, "Marker": _marker(number(shown[-1]))}


def _marker(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode()


def _number(marker: str) -> int:
    told = base64.urlsafe_b64decode(marker) if _MARKER.fullmatch(marker) and len(marker) % 4 == 0 else b""
    number = told.decode("latin-1")
    if _NUMBER.fullmatch(number) is None:
        raise InvalidParameter("Marker", "Expected the Marker of an answer whose IsTruncated was true.")
    return int(number)


class Created(Protocol):
    @property
    def number(self) -> int: ...


def by_creation(entity: Created) -> int:
    return entity.number


def by_linking(linked: Linked[Any]) -> int:
    return linked.link.number
