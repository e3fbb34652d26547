"""Every fact that the ledger can hold, in life order. This is the file format of the ledger.

Each event is frozen and carries the :class:`~domain.call.Call` that caused it. ``TOPIC`` is what reaches disk, never a
Python path. Fields are added with defaults and never renamed; every topic has a golden file in ``tests/golden`` for
ever. No event holds key material, plaintext, ciphertext, access-key secrets or PINs; encryption contexts are not
secret by definition (Alibaba: "EncryptionContext") and are recorded.

Streams: deployment facts by region, accounts and CMKs have one stream each, version-checked. All of RAM (users, groups,
policies, roles) stands in its account's stream, so that one version is the authority of everybody in it. Every call
that changes nothing stands alone in its request's stream at version 1.

It is long because it is a list: one file to read for whoever must understand a ledger.
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


# --- who may do what: RAM, in the account's stream; names are those of the moment, ids last ---


@dataclass(frozen=True, kw_only=True)
class UserCreated(Event):
    TOPIC = "ram.user.created"

    account_id: str
    user_name: str
    user_id: str
    display_name: str
    comments: str
    email: str
    mobile_phone: str


@dataclass(frozen=True, kw_only=True)
class UserUpdated(Event):
    """All that the user is from now on. :param new_user_name: the old one where only the rest changes."""

    TOPIC = "ram.user.updated"

    account_id: str
    user_name: str
    new_user_name: str
    display_name: str
    comments: str
    email: str
    mobile_phone: str


@dataclass(frozen=True, kw_only=True)
class UserDeleted(Event):
    TOPIC = "ram.user.deleted"

    account_id: str
    user_name: str
    user_id: str


@dataclass(frozen=True, kw_only=True)
class UserAccessKeyCreated(Event):
    """The secret lies in ``sealed_secret`` under the access-key id."""

    TOPIC = "ram.access-key.created"

    account_id: str
    user_name: str
    access_key_id: str


@dataclass(frozen=True, kw_only=True)
class AccessKeyUpdated(Event):
    """:param user_name: empty for the root identity's. :param status: ``Active`` or ``Inactive``."""

    TOPIC = "ram.access-key.updated"

    account_id: str
    user_name: str
    access_key_id: str
    status: str


@dataclass(frozen=True, kw_only=True)
class AccessKeyDeleted(Event):
    """:param user_name: empty for the root identity's."""

    TOPIC = "ram.access-key.deleted"

    account_id: str
    user_name: str
    access_key_id: str


@dataclass(frozen=True, kw_only=True)
class GroupCreated(Event):
    TOPIC = "ram.group.created"

    account_id: str
    group_name: str
    group_id: str
    comments: str


@dataclass(frozen=True, kw_only=True)
class GroupUpdated(Event):
    """All that the group is from now on."""

    TOPIC = "ram.group.updated"

    account_id: str
    group_name: str
    new_group_name: str
    comments: str


@dataclass(frozen=True, kw_only=True)
class GroupDeleted(Event):
    TOPIC = "ram.group.deleted"

    account_id: str
    group_name: str
    group_id: str


@dataclass(frozen=True, kw_only=True)
class UserAddedToGroup(Event):
    TOPIC = "ram.group.user-added"

    account_id: str
    group_name: str
    user_name: str


@dataclass(frozen=True, kw_only=True)
class UserRemovedFromGroup(Event):
    TOPIC = "ram.group.user-removed"

    account_id: str
    group_name: str
    user_name: str


@dataclass(frozen=True, kw_only=True)
class PolicyCreated(Event):
    """A custom policy and its version ``v1``. :param document: the text as it was given."""

    TOPIC = "ram.policy.created"

    account_id: str
    policy_name: str
    description: str
    document: str


@dataclass(frozen=True, kw_only=True)
class PolicyVersionCreated(Event):
    """:param removed_version: what made room for it, as RotateStrategy asked; empty where nothing had to."""

    TOPIC = "ram.policy.version-created"

    account_id: str
    policy_name: str
    version_id: str
    document: str
    set_as_default: bool
    removed_version: str


@dataclass(frozen=True, kw_only=True)
class PolicyVersionDeleted(Event):
    TOPIC = "ram.policy.version-deleted"

    account_id: str
    policy_name: str
    version_id: str


@dataclass(frozen=True, kw_only=True)
class DefaultPolicyVersionSet(Event):
    TOPIC = "ram.policy.default-version-set"

    account_id: str
    policy_name: str
    version_id: str


@dataclass(frozen=True, kw_only=True)
class PolicyDescriptionUpdated(Event):
    TOPIC = "ram.policy.description-updated"

    account_id: str
    policy_name: str
    description: str


@dataclass(frozen=True, kw_only=True)
class PolicyDeleted(Event):
    """With all its versions."""

    TOPIC = "ram.policy.deleted"

    account_id: str
    policy_name: str


@dataclass(frozen=True, kw_only=True)
class PolicyAttached(Event):
    """:param policy_type: ``System`` or ``Custom``. :param target_kind: ``user``, ``group`` or ``role``."""

    TOPIC = "ram.policy.attached"

    account_id: str
    policy_type: str
    policy_name: str
    target_kind: str
    target_name: str


@dataclass(frozen=True, kw_only=True)
class PolicyDetached(Event):
    """:param policy_type: ``System`` or ``Custom``. :param target_kind: ``user``, ``group`` or ``role``."""

    TOPIC = "ram.policy.detached"

    account_id: str
    policy_type: str
    policy_name: str
    target_kind: str
    target_name: str


@dataclass(frozen=True, kw_only=True)
class RoleCreated(Event):
    """:param trust_policy: the text as it was given (Alibaba: AssumeRolePolicyDocument)."""

    TOPIC = "ram.role.created"

    account_id: str
    role_name: str
    role_id: str
    description: str
    trust_policy: str
    max_session_duration: int


@dataclass(frozen=True, kw_only=True)
class RoleUpdated(Event):
    """All that the role is from now on."""

    TOPIC = "ram.role.updated"

    account_id: str
    role_name: str
    description: str
    trust_policy: str
    max_session_duration: int


@dataclass(frozen=True, kw_only=True)
class RoleDeleted(Event):
    TOPIC = "ram.role.deleted"

    account_id: str
    role_name: str
    role_id: str


@dataclass(frozen=True, kw_only=True)
class QuotaRaised(Event):
    """CMKs per region. :param region_id: empty for all regions. :param ticket: where the operator was asked for it."""

    TOPIC = "kms.quota.raised"

    account_id: str
    region_id: str
    quota: int
    ticket: str


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
    """A call that only read was answered.

    :param resource: ARN of what was read where that is no key.
    :param request_parameters: of a question about the audit trail, what was asked for: see
        :mod:`domain.audit.request_parameters`.
    """

    TOPIC = "kms.call.answered"

    key_id: UUID | None = None
    resource: str = ""
    request_parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CallRefused(Event):
    """An authenticated caller was refused, with this code.

    :param resource: ARN of what it asked for. :param request_parameters: as of :class:`CallAnswered`.
    """

    TOPIC = "kms.call.refused"

    code: str
    message: str
    key_id: UUID | None = None
    encryption_context: Mapping[str, str] = field(default_factory=dict)
    resource: str = ""
    request_parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RoleAssumed(Event):
    """A session of a role began; its credentials live nowhere but with whoever got them.

    :param account_id: of the role. :param access_key_id: ``STS.…``, by which the session's calls are known.
    :param session_policy: the text as it was given; empty for none.
    """

    TOPIC = "sts.role.assumed"

    account_id: str
    role_arn: str
    role_id: str
    session_name: str
    access_key_id: str
    duration_seconds: int
    expires_at: datetime
    session_policy: str = ""


@dataclass(frozen=True, kw_only=True)
class AuthenticationFailed(Event):
    """Somebody failed to be the owner of a known access key, ``count`` times in one minute and from one source.

    :param account_id: of the access key's owner. :param codes: error code -> how often.
    """

    TOPIC = "ram.authentication.failed"

    account_id: str
    access_key_id: str
    source_ip: str
    minute: datetime
    count: int
    codes: Mapping[str, int]


EVENTS: Final[tuple[type[Event], ...]] = (
    RegionOpened,
    AccountCreated,
    AccessKeyCreated,
    UserCreated,
    UserUpdated,
    UserDeleted,
    UserAccessKeyCreated,
    AccessKeyUpdated,
    AccessKeyDeleted,
    GroupCreated,
    GroupUpdated,
    GroupDeleted,
    UserAddedToGroup,
    UserRemovedFromGroup,
    PolicyCreated,
    PolicyVersionCreated,
    PolicyVersionDeleted,
    DefaultPolicyVersionSet,
    PolicyDescriptionUpdated,
    PolicyDeleted,
    PolicyAttached,
    PolicyDetached,
    RoleCreated,
    RoleUpdated,
    RoleDeleted,
    QuotaRaised,
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
    RoleAssumed,
    AuthenticationFailed,
)

CALLS: Final = (KeyUsed, CallAnswered, CallRefused)
"""Calls that changed nothing: nearly all of a ledger."""

OF_ONE_CALL: Final = (*CALLS, RoleAssumed, AuthenticationFailed)
"""Each alone in a stream of its own: they change nothing that a later call may do."""

CHANGES: Final = frozenset(event.TOPIC for event in EVENTS if event not in OF_ONE_CALL)
"""Topics that change what a later call may do: what caches and directories follow."""
