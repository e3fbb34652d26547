"""A customer master key (CMK): its state rebuilt from its events, and the commands that change it.

Commands return an event and change nothing; :func:`evolve` turns one event and the state before it into the state
after it. A command that finds its goal reached already (EnableKey on an enabled key) records the same fact again: the
published behaviour is success, and who asked is worth knowing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain import events, state_matrix
from domain.call import Call
from domain.errors import KeyNotFound, StateModifiedFailed
from domain.vocabulary import KeySpec, KeyState, KeyUsage, Origin, ProtectionLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """:param version: of its stream. :param delete_at: only while the deletion is pending.
    :param arn: kept rather than made, because every use asks for permission on it.
    """

    key_id: UUID
    arn: str
    version: int
    owner: str
    region_id: str
    state: KeyState
    primary_key_version: UUID
    created_at: datetime
    description: str
    key_spec: KeySpec
    key_usage: KeyUsage
    origin: Origin
    protection_level: ProtectionLevel
    tags: Mapping[str, str] = field(default_factory=dict)
    delete_at: datetime | None = None
    destroyed: bool = False

    def is_reached_by(self, call: Call) -> bool:
        """Nothing crosses regions or accounts, and what is destroyed is gone."""
        return not self.destroyed and self.region_id == call.region_id and self.owner == call.by.account_id

    def permit(self, call: Call) -> None:
        """Refuse what this key does not allow ``call`` now.

        :raises KeyNotFound: the key is destroyed, or lies in another region or account: nothing crosses.
        :raises domain.errors.StateConflict: as the state matrix says.
        """
        if not self.is_reached_by(call):
            raise KeyNotFound()
        state_matrix.permit(call.operation, self.state)

    def enable(self, call: Call) -> events.KeyEnabled:
        return events.KeyEnabled(**self._next(call))

    def disable(self, call: Call) -> events.KeyDisabled:
        return events.KeyDisabled(**self._next(call))

    def update_description(self, call: Call, description: str) -> events.KeyDescriptionUpdated:
        return events.KeyDescriptionUpdated(**self._next(call), description=description)

    def schedule_deletion(self, call: Call, pending_window_days: int) -> events.KeyDeletionScheduled:
        delete_at = call.at + timedelta(days=pending_window_days)
        return events.KeyDeletionScheduled(
            **self._next(call), pending_window_days=pending_window_days, delete_at=delete_at
        )

    def cancel_deletion(self, call: Call) -> events.KeyDeletionCancelled:
        return events.KeyDeletionCancelled(**self._next(call))

    def destroy(self, call: Call) -> events.KeyDestroyed:
        """:raises StateModifiedFailed: the window has not passed: somebody cancelled and scheduled anew."""
        self.permit(call)
        if not self.is_due(call.at):
            raise StateModifiedFailed()
        return events.KeyDestroyed(**self._next(call), key_version_ids=(self.primary_key_version,))

    def is_due(self, at: datetime) -> bool:
        return self.delete_at is not None and self.delete_at <= at and not self.destroyed

    def _next(self, call: Call) -> dict[str, Any]:
        """What every event of this stream has; refuses first what the state refuses."""
        self.permit(call)
        return {
            "originator_id": self.key_id,
            "originator_version": self.version + 1,
            "timestamp": call.at,
            "call": call,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """What CreateKey asks for."""

    description: str = ""
    key_spec: KeySpec = KeySpec.ALIYUN_AES_256
    key_usage: KeyUsage = KeyUsage.ENCRYPT_DECRYPT
    origin: Origin = Origin.ALIYUN_KMS
    protection_level: ProtectionLevel = ProtectionLevel.SOFTWARE
    tags: tuple[tuple[str, str], ...] = ()


def create(call: Call, key_id: UUID, key_version_id: UUID, wanted: NewKey) -> events.KeyCreated:
    """The first event of a CMK; identifiers come from outside."""
    return events.KeyCreated(
        originator_id=key_id,
        originator_version=1,
        timestamp=call.at,
        call=call,
        owner=call.by.account_id,
        region_id=call.region_id,
        key_version_id=key_version_id,
        description=wanted.description,
        key_spec=wanted.key_spec.value,
        key_usage=wanted.key_usage.value,
        origin=wanted.origin.value,
        protection_level=wanted.protection_level.value,
        tags=dict(wanted.tags),
    )


def _created(event: events.KeyCreated, _: Key | None) -> Key:
    return Key(
        key_id=event.originator_id,
        arn=f"acs:kms:{event.region_id}:{event.owner}:key/{event.originator_id}",
        version=event.originator_version,
        owner=event.owner,
        region_id=event.region_id,
        state=KeyState.ENABLED,
        primary_key_version=event.key_version_id,
        created_at=event.timestamp,
        description=event.description,
        key_spec=KeySpec(event.key_spec),
        key_usage=KeyUsage(event.key_usage),
        origin=Origin(event.origin),
        protection_level=ProtectionLevel(event.protection_level),
        tags=event.tags,
    )


def _enabled(event: events.Event, key: Key) -> Key:
    return replace(key, version=event.originator_version, state=KeyState.ENABLED)


def _disabled(event: events.Event, key: Key) -> Key:
    return replace(key, version=event.originator_version, state=KeyState.DISABLED)


def _described(event: events.KeyDescriptionUpdated, key: Key) -> Key:
    return replace(key, version=event.originator_version, description=event.description)


def _scheduled(event: events.KeyDeletionScheduled, key: Key) -> Key:
    return replace(key, version=event.originator_version, state=KeyState.PENDING_DELETION, delete_at=event.delete_at)


def _cancelled(event: events.Event, key: Key) -> Key:
    """Enabled, even if it was disabled before (Alibaba: CancelKeyDeletion)."""
    return replace(key, version=event.originator_version, state=KeyState.ENABLED, delete_at=None)


def _destroyed(event: events.Event, key: Key) -> Key:
    return replace(key, version=event.originator_version, destroyed=True)


_HANDLERS: Final[dict[type[events.Event], Callable[[Any, Any], Key]]] = {
    events.KeyCreated: _created,
    events.KeyEnabled: _enabled,
    events.KeyDisabled: _disabled,
    events.KeyDescriptionUpdated: _described,
    events.KeyDeletionScheduled: _scheduled,
    events.KeyDeletionCancelled: _cancelled,
    events.KeyDestroyed: _destroyed,
}


def evolve(event: events.Event, key: Key | None) -> Key:
    """The state after ``event``.

    :raises ValueError: the event is not the next one of this key's stream: the ledger is corrupt.
    """
    stream, version = (key.key_id, key.version) if key else (event.originator_id, 0)
    is_next = (event.originator_id, event.originator_version) == (stream, version + 1)
    is_first = isinstance(event, events.KeyCreated)
    if not is_next or is_first != (key is None) or type(event) not in _HANDLERS:
        at = f"version {event.originator_version} of stream {event.originator_id}"
        raise ValueError(f"{event.TOPIC} at {at} does not follow version {version} of CMK {stream}")
    return _HANDLERS[type(event)](event, key)


def replay(history: Iterable[events.Event]) -> Key | None:
    """The state after all of ``history``; None where it is empty."""
    key: Key | None = None
    for event in history:
        key = evolve(event, key)
    return key
