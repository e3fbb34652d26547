"""What RAM knows in one account: users and their access keys, groups, roles, policies and their versions.

Values that never change: whoever holds one keeps what it was when it was read. Names may change and come back with
somebody else behind them; ids do not. ``number`` is the version of the account's stream that made an entity: it orders
lists, whatever is renamed, and no two entities share one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class AccessKeyStatus(StrEnum):
    ACTIVE = "Active"
    INACTIVE = "Inactive"


class PolicyType(StrEnum):
    SYSTEM = "System"
    """Ours, the same in every account."""

    CUSTOM = "Custom"


class TargetKind(StrEnum):
    """To what a policy may be attached."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    access_key_id: str
    status: AccessKeyStatus
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """:param access_keys: in order of creation."""

    name: str
    id: str
    number: int
    created_at: datetime
    updated_at: datetime
    display_name: str
    comments: str
    email: str
    mobile_phone: str
    access_keys: tuple[AccessKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    name: str
    id: str
    number: int
    created_at: datetime
    updated_at: datetime
    comments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """:param trust_policy: the text as it was given.
    :param trust_number: the version of the account's stream that made the trust policy what it is: sessions that were
        begun under another one are over.
    """

    name: str
    id: str
    number: int
    created_at: datetime
    updated_at: datetime
    description: str
    trust_policy: str
    trust_number: int
    max_session_duration: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    version_id: str
    document: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ManagedPolicy:
    """:param versions: in order of creation. :param created_versions: how many there ever were: ids never come back."""

    policy_type: PolicyType
    name: str
    number: int
    created_at: datetime
    updated_at: datetime
    description: str
    versions: tuple[PolicyVersion, ...]
    default_version: str
    created_versions: int = 1

    @property
    def id(self) -> str:
        """Policies are never renamed."""
        return self.name

    @property
    def document(self) -> str:
        """Of the default version, the one in force."""
        version = self.version(self.default_version)
        assert version is not None, "the default version is never deleted"
        return version.document

    def version(self, version_id: str) -> PolicyVersion | None:
        return next((version for version in self.versions if version.version_id == version_id), None)


class PolicyKey(NamedTuple):
    """A system policy and a custom one may share a name."""

    policy_type: PolicyType
    name: str


class Target(NamedTuple):
    """What policies are attached to: by id, so that a rename changes nothing."""

    kind: TargetKind
    id: str
