"""Who belongs to what, looked up from both sides: users in groups, policies on users, groups and roles."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar

L = TypeVar("L", bound=Hashable)
R = TypeVar("R", bound=Hashable)

_NONE: Final[Mapping[Any, Any]] = MappingProxyType({})


class Link(NamedTuple):
    """:param number: the version of the account's stream that made it."""

    number: int
    at: datetime


class Relation(Generic[L, R]):
    """Both sides in order of linking; changed in place."""

    def __init__(self) -> None:
        self._rights: dict[L, dict[R, Link]] = {}
        self._lefts: dict[R, dict[L, Link]] = {}

    def link(self, left: L, right: R, link: Link) -> None:
        self._rights.setdefault(left, {})[right] = link
        self._lefts.setdefault(right, {})[left] = link

    def unlink(self, left: L, right: R) -> None:
        """:raises KeyError: they are not linked."""
        _remove(self._rights, left, right)
        _remove(self._lefts, right, left)

    def of(self, left: L) -> Mapping[R, Link]:
        return self._rights.get(left, _NONE)

    def to(self, right: R) -> Mapping[L, Link]:
        return self._lefts.get(right, _NONE)

    def links(self, left: L, right: R) -> bool:
        return right in self._rights.get(left, _NONE)


def _remove(sides: dict[Any, dict[Any, Link]], one: Hashable, other: Hashable) -> None:
    """What has no links left takes no memory."""
    others = sides[one]
    del others[other]
    if not others:
        del sides[one]
