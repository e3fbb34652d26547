"""Entities of one kind by name and by id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Entity(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def id(self) -> str: ...


E = TypeVar("E", bound=Entity)


class Named(Generic[E]):
    """Changed in place: one entity costs the same among ten and among ten thousand.

    Names are looked up exactly and are unique whatever their case. Public descriptions of RAM disagree: its policies
    were seen to be found under another case, its ARNs to be told in lower case, and its pages do not say. Exact
    look-ups are what permissions need: were ``Alice`` found as ``ALICE``, a Deny on ``user/Alice`` would not be about
    her. Uniqueness whatever the case is what people need: nobody can make an ``alice`` beside ``Alice``.
    """

    def __init__(self) -> None:
        self._by_name: dict[str, E] = {}
        self._names: dict[str, str] = {}
        self._owners: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[E]:
        """In no order: ``number`` has one."""
        return iter(self._by_name.values())

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> E:
        """:raises KeyError: there is none of exactly this name."""
        return self._by_name[name]

    def get(self, name: str) -> E | None:
        return self._by_name.get(name)

    def by_id(self, entity_id: str) -> E:
        """:raises KeyError: there is none, or not any more."""
        return self._by_name[self._names[entity_id]]

    def is_free(self, name: str, entity_id: str = "") -> bool:
        """Whether the entity of this id, or a new one, may have this name."""
        return self._owners.get(name.lower(), entity_id) == entity_id

    def put(self, entity: E) -> None:
        """A new one, or what becomes of the one with this id, perhaps under another name."""
        before = self._names.get(entity.id)
        if before is not None and before != entity.name:
            del self._by_name[before]
            del self._owners[before.lower()]
        self._by_name[entity.name] = entity
        self._names[entity.id] = entity.name
        self._owners[entity.name.lower()] = entity.id

    def remove(self, name: str) -> E:
        """:raises KeyError: there is none of exactly this name."""
        entity = self._by_name.pop(name)
        del self._names[entity.id]
        del self._owners[name.lower()]
        return entity
