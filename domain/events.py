"""Every fact that the ledger can hold, in life order. This is the file format of the ledger.

Each event is frozen and carries the :class:`~domain.call.Call` that caused it. ``TOPIC`` is what reaches disk, never a
Python path. Fields are added with defaults and never renamed; every topic has a golden file in ``tests/golden`` for
ever. No event holds key material, plaintext, ciphertext, access-key secrets or PINs; encryption contexts are not
secret by definition (Alibaba: "EncryptionContext") and are recorded.

Streams: deployment facts by region, accounts and CMKs have one stream each, version-checked. Every call that changes
nothing stands alone in its request's stream at version 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from eventsourcing.domain import DomainEvent

from domain.call import Call


@dataclass(frozen=True, kw_only=True)
class Event(DomainEvent):
    """``originator_id`` is the stream, ``originator_version`` counts from 1, ``timestamp`` is the call's ``at``."""

    TOPIC: ClassVar[str]

    call: Call


# --- the deployment ---


@dataclass(frozen=True, kw_only=True)
class RegionOpened(Event):
    """The region's root key stands in the HSM; its check value tells later that it is still the same key."""

    TOPIC = "kms.region.opened"

    region_id: str
    key_check_value: str


@dataclass(frozen=True, kw_only=True)
class AccountCreated(Event):
    TOPIC = "kms.account.created"

    account_id: str


@dataclass(frozen=True, kw_only=True)
class AccessKeyCreated(Event):
    """Of the root identity. The secret lies in ``sealed_secret`` under the access-key id."""

    TOPIC = "kms.access-key.created"

    account_id: str
    access_key_id: str


# --- a customer master key ---


@dataclass(frozen=True, kw_only=True)
class KeyCreated(Event):
    """:param owner: account id. :param tags: name -> value, as given to CreateKey."""

    TOPIC = "kms.key.created"

    owner: str
    region_id: str
    key_version_id: UUID
    description: str
    key_spec: str
    key_usage: str
    origin: str
    protection_level: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KeyEnabled(Event):
    TOPIC = "kms.key.enabled"


@dataclass(frozen=True, kw_only=True)
class KeyDisabled(Event):
    TOPIC = "kms.key.disabled"


@dataclass(frozen=True, kw_only=True)
class KeyDescriptionUpdated(Event):
    TOPIC = "kms.key.description-updated"

    description: str


@dataclass(frozen=True, kw_only=True)
class KeyDeletionScheduled(Event):
    """:param delete_at: from this instant on the key may be destroyed."""

    TOPIC = "kms.key.deletion-scheduled"

    pending_window_days: int
    delete_at: datetime


@dataclass(frozen=True, kw_only=True)
class KeyDeletionCancelled(Event):
    TOPIC = "kms.key.deletion-cancelled"


@dataclass(frozen=True, kw_only=True)
class KeyDestroyed(Event):
    """The sealed material of these versions was deleted in the transaction that recorded this."""

    TOPIC = "kms.key.destroyed"

    key_version_ids: tuple[UUID, ...]


# --- calls that change no key ---


@dataclass(frozen=True, kw_only=True)
class KeyUsed(Event):
    """The HSM worked with the key and the result was released after this was committed."""

    TOPIC = "kms.key.used"

    key_id: UUID
    key_version_id: UUID
    encryption_context: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CallAnswered(Event):
    """A call that only read was answered."""

    TOPIC = "kms.call.answered"

    key_id: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class CallRefused(Event):
    """An authenticated caller was refused, with this code."""

    TOPIC = "kms.call.refused"

    code: str
    message: str
    key_id: UUID | None = None
    encryption_context: Mapping[str, str] = field(default_factory=dict)


EVENTS: Final[tuple[type[Event], ...]] = (
    RegionOpened,
    AccountCreated,
    AccessKeyCreated,
    KeyCreated,
    KeyEnabled,
    KeyDisabled,
    KeyDescriptionUpdated,
    KeyDeletionScheduled,
    KeyDeletionCancelled,
    KeyDestroyed,
    KeyUsed,
    CallAnswered,
    CallRefused,
)

CHANGES: Final = frozenset(event.TOPIC for event in EVENTS) - {"kms.key.used", "kms.call.answered", "kms.call.refused"}
"""Topics that change what a later call may do: what caches and directories follow."""
