"""A key as it stood at a position of the ledger, and who made it so.

Here: the key's own stream up to that position, folded. Who could use it then: :mod:`domain.audit.who_may`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain import events
from domain import key as keys_of
from domain.call import Caller
from domain.key import Key
from domain.vocabulary import KeyState

_OF_STATE: Final = (
    events.KeyCreated,
    events.KeyEnabled,
    events.KeyDisabled,
    events.KeyDeletionScheduled,
    events.KeyDeletionCancelled,
    events.KeyDestroyed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Of the key's material. :param destroyed_at: None while it stands."""

    key_version_id: UUID
    created_at: datetime
    destroyed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyAt:
    """
    :param key: state, tags, description, ``delete_at`` and whatever else decides.
    :param versions: in order of creation; the last one is the primary one.
    :param in_state_since: when it came into its state, by whom: EnableKey on an enabled key changes neither.
    """

    key: Key
    versions: tuple[Version, ...]
    created_by: Caller
    created_from: str
    in_state_since: datetime
    in_state_by: Caller
    changed_at: datetime
    changed_by: Caller

    @property
    def state(self) -> str:
        """As people read it: ``Destroyed`` is no state of Alibaba's, whose keys are gone then."""
        return "Destroyed" if self.key.destroyed else self.key.state.value


def key_at(history: Iterable[events.Event]) -> KeyAt | None:
    """The key after ``history``; None where that is empty: there was no such key yet.

    :param history: the key's own stream from its beginning, up to the position that is asked about.
    :raises ValueError: it is no key's stream, or not whole.
    """
    key: Key | None = None
    created: events.KeyCreated | None = None
    versions: tuple[Version, ...] = ()
    for event in history:
        before, key = key, keys_of.evolve(event, key)
        if isinstance(event, events.KeyCreated):
            created = event
            versions = (Version(key_version_id=event.key_version_id, created_at=event.timestamp),)
        if isinstance(event, events.KeyDestroyed):
            versions = _destroyed(versions, event)
        if isinstance(event, _OF_STATE) and _standing(before) != _standing(key):
            into_state = event
        last = event
    if key is None or created is None:
        return None
    return KeyAt(
        key=key,
        versions=versions,
        created_by=created.call.by,
        created_from=created.call.source_ip,
        in_state_since=into_state.timestamp,
        in_state_by=into_state.call.by,
        changed_at=last.timestamp,
        changed_by=last.call.by,
    )


def _standing(key: Key | None) -> tuple[KeyState, bool] | None:
    return None if key is None else (key.state, key.destroyed)


def _destroyed(versions: tuple[Version, ...], event: events.KeyDestroyed) -> tuple[Version, ...]:
    return tuple(
        Version(key_version_id=one.key_version_id, created_at=one.created_at, destroyed_at=event.timestamp)
        if one.key_version_id in event.key_version_ids
        else one
        for one in versions
    )
