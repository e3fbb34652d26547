"""Permissions that nobody used: of every attachment each statement, and access keys, users and roles.

Here: an account and its uses, compared. What counts as used: :mod:`domain.audit.statement_use`. Not here: since when
uses were counted; the caller decides that, and says it, so that what is younger is marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.audit.statement_use import StatementUse, statement_uses
from domain.audit.uses import Use
from domain.ram.authority import Authority
from domain.ram.entities import AccessKey, AccessKeyStatus, PolicyKey, Target, TargetKind
from domain.ram.state import AccountState

ROOT: Final = "root"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentUse:
    """:param younger: attached after the uses began to be counted. :param statements: the Allows."""

    kind: TargetKind
    name: str
    policy: PolicyKey
    version_id: str
    attached_at: datetime
    younger: bool
    statements: tuple[StatementUse, ...]

    @property
    def is_used(self) -> bool:
        """A policy that only denies is in use as long as it is attached."""
        return not self.statements or any(statement.is_used for statement in self.statements)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A user, a role or an access key that nobody used. :param kind: ``user``, ``role`` or ``access-key``.
    :param owner: of an access key: the user, or ``root``; empty otherwise.
    :param younger: created after the uses began to be counted.
    """

    kind: str
    name: str
    id: str
    created_at: datetime
    younger: bool
    owner: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    """
    :param attachments: all, the used ones too, by target: users, groups, roles in order of creation.
    :param access_keys: those in force that nobody used. :param users: that made no call.
    :param roles: no session of which made a call. :param roles_not_assumed: no session of which began.
    """

    since: datetime
    attachments: tuple[AttachmentUse, ...]
    access_keys: tuple[Idle, ...]
    users: tuple[Idle, ...]
    roles: tuple[Idle, ...]
    roles_not_assumed: tuple[Idle, ...]

    @property
    def unused_attachments(self) -> tuple[AttachmentUse, ...]:
        return tuple(attachment for attachment in self.attachments if not attachment.is_used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What happened since ``since``.

    :param uses: by the id of the user or role (:func:`domain.audit.uses.whose`). Uses of whoever is gone do not matter.
    :param access_keys: ids of those with which any call was made, answered or refused.
    :param callers: ids of users and roles who made any call, answered or refused.
    :param assumed: ids of roles of which sessions began.
    """

    since: datetime
    uses: Mapping[str, Iterable[Use]]
    access_keys: frozenset[str]
    callers: frozenset[str]
    assumed: frozenset[str]


def unused(authority: Authority, recorded: Recorded) -> Unused:
    """:param authority: the account as it stands now: what is gone by now is nobody's to take away."""
    since = recorded.since
    uses = {who: tuple(made) for who, made in recorded.uses.items()}
    roles = [
        Idle(kind="role", name=role.name, id=role.id, created_at=role.created_at, younger=role.created_at >= since)
        for role in sorted(authority.roles, key=lambda one: one.number)
    ]
    return Unused(
        since=since,
        attachments=tuple(_attachments(authority, uses, since)),
        access_keys=tuple(_access_keys(authority, recorded)),
        users=tuple(_users(authority, recorded)),
        roles=tuple(role for role in roles if role.id not in recorded.callers),
        roles_not_assumed=tuple(role for role in roles if role.id not in recorded.assumed),
    )


# --- attachments -----------------------------------------------------------------------------------------------------


def _attachments(authority: Authority, uses: Mapping[str, tuple[Use, ...]], since: datetime) -> Iterator[AttachmentUse]:
    for target, name in _targets(authority):
        made = _uses_of(authority, target, uses)
        for key, link in authority.attachments.of(target).items():
            policy = authority.policy(*key)
            assert policy is not None, "what is attached is there"
            yield AttachmentUse(
                kind=target.kind,
                name=name,
                policy=key,
                version_id=policy.default_version,
                attached_at=link.at,
                younger=link.at >= since,
                statements=statement_uses(authority.read(key), made),
            )


def _targets(account: AccountState) -> Iterator[tuple[Target, str]]:
    for user in sorted(account.users, key=lambda one: one.number):
        yield Target(TargetKind.USER, user.id), user.name
    for group in sorted(account.groups, key=lambda one: one.number):
        yield Target(TargetKind.GROUP, group.id), group.name
    for role in sorted(account.roles, key=lambda one: one.number):
        yield Target(TargetKind.ROLE, role.id), role.name


def _uses_of(account: AccountState, target: Target, uses: Mapping[str, tuple[Use, ...]]) -> list[Use]:
    """A group's are its members'."""
    holders = account.memberships.to(target.id) if target.kind is TargetKind.GROUP else (target.id,)
    return [use for holder in holders for use in uses.get(holder, ())]


# --- who and with what -----------------------------------------------------------------------------------------------


def _users(authority: Authority, recorded: Recorded) -> Iterator[Idle]:
    for user in sorted(authority.users, key=lambda one: one.number):
        if user.id not in recorded.callers:
            younger = user.created_at >= recorded.since
            yield Idle(kind="user", name=user.name, id=user.id, created_at=user.created_at, younger=younger)


def _access_keys(authority: Authority, recorded: Recorded) -> Iterator[Idle]:
    yield from _idle_keys(ROOT, authority.root_access_keys, recorded)
    for user in sorted(authority.users, key=lambda one: one.number):
        yield from _idle_keys(user.name, user.access_keys, recorded)


def _idle_keys(owner: str, access_keys: Iterable[AccessKey], recorded: Recorded) -> Iterator[Idle]:
    for key in access_keys:
        if key.status is AccessKeyStatus.ACTIVE and key.access_key_id not in recorded.access_keys:
            yield Idle(
                kind="access-key",
                name=key.access_key_id,
                id=key.access_key_id,
                created_at=key.created_at,
                younger=key.created_at >= recorded.since,
                owner=owner,
            )
