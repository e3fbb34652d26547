"""A key as it stood at a position of the ledger, and who made it so.

Here: the key's own stream up to that position, folded. Who could use it then: :mod:`domain.audit.who_may`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from domain import events
from domain import key as keys_of
from domain.call import Caller
from domain.key import Key
from domain.vocabulary import KeyState

_OF_STATE: Final = (
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
    at: KeyAt | None = None
    for event in history:
        at = after(event, at)
    return at


def after(event: events.Event, before: KeyAt | None) -> KeyAt:
    """One step of it.

    :param before: None before the first event of the stream.
    :raises ValueError: ``event`` does not follow.
    """
    key = keys_of.evolve(event, before.key if before else None)
    by, at = event.call.by, event.timestamp
    if before is None:
        assert isinstance(event, events.KeyCreated), "a stream begins with nothing else"
        return KeyAt(
            key=key,
            versions=(Version(key_version_id=event.key_version_id, created_at=at),),
            created_by=by,
            created_from=event.call.source_ip,
            in_state_since=at,
            in_state_by=by,
            changed_at=at,
            changed_by=by,
        )
    is_into_state = isinstance(event, _OF_STATE) and _standing(before.key) != _standing(key)
    return replace(
        before,
        key=key,
        versions=_destroyed(before.versions, event) if isinstance(event, events.KeyDestroyed) else before.versions,
        in_state_since=at if is_into_state else before.in_state_since,
        in_state_by=by if is_into_state else before.in_state_by,
        changed_at=at,
        changed_by=by,
    )


def _standing(key: Key) -> tuple[KeyState, bool]:
    return key.state, key.destroyed


def _destroyed(versions: tuple[Version, ...], event: events.KeyDestroyed) -> tuple[Version, ...]:
    return tuple(
        Version(key_version_id=one.key_version_id, created_at=one.created_at, destroyed_at=event.timestamp)
        if one.key_version_id in event.key_version_ids
        else one
        for one in versions
    )
