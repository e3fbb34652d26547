"""Every principal of an account about whom it can be asked what they may do: root, users, roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from domain.access import Access
from domain.ram import arns
from domain.ram.authority import Authority
from domain.ram.entities import AccessKey, AccessKeyStatus, Role, Target, TargetKind, User


class Kind(StrEnum):
    ROOT = "root"
    USER = "user"
    ROLE = "role"


class Candidate(NamedTuple):
    """
    :param access: of a role without a session: what a session may at most.
    :param target: what policies are attached to; None for root, which needs none.
    :param has_active_access_key: None for a role.
    """

    kind: Kind
    name: str
    access: Access
    target: Target | None
    has_active_access_key: bool | None


def candidates(authority: Authority) -> Iterator[Candidate]:
    """Root, then users, then roles, each in order of creation."""
    yield root(authority)
    for user in sorted(authority.users, key=lambda one: one.number):
        yield of_user(authority, user)
    for role in sorted(authority.roles, key=lambda one: one.number):
        yield of_role(authority, role)


def root(authority: Authority) -> Candidate:
    principal = arns.root(authority.account_id)
    access = Access(account_id=authority.account_id, principal=principal, is_root=True)
    return Candidate(Kind.ROOT, "root", access, None, _is_any_active(authority.root_access_keys))


def of_user(authority: Authority, user: User) -> Candidate:
    target = Target(TargetKind.USER, user.id)
    access = Access(
        account_id=authority.account_id,
        principal=arns.user(authority.account_id, user.name),
        policies=authority.in_force(target),
    )
    return Candidate(Kind.USER, user.name, access, target, _is_any_active(user.access_keys))


def of_role(authority: Authority, role: Role) -> Candidate:
    target = Target(TargetKind.ROLE, role.id)
    access = Access(
        account_id=authority.account_id,
        principal=arns.role(authority.account_id, role.name),
        policies=authority.in_force(target),
    )
    return Candidate(Kind.ROLE, role.name, access, target, None)


def _is_any_active(access_keys: Iterable[AccessKey]) -> bool:
    return any(key.status is AccessKeyStatus.ACTIVE for key in access_keys)
