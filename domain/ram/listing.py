"""What RAM's lists tell: who belongs to whom, and since when. Lists of whole kinds are the account's collections.

Each in the order of linking; nothing but a link's own end takes anything out of it. :class:`~domain.ram.relation.Link`
has a number that says so, to go on behind it.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

from domain.ram.authority import Authority
from domain.ram.entities import Group, ManagedPolicy, PolicyKey, Role, Target, TargetKind, User
from domain.ram.relation import Link

E = TypeVar("E")


class Linked(NamedTuple, Generic[E]):
    """:param link: when it was attached, or joined."""

    entity: E
    link: Link


class Entities(NamedTuple):
    """What a policy is attached to."""

    users: tuple[Linked[User], ...]
    groups: tuple[Linked[Group], ...]
    roles: tuple[Linked[Role], ...]


def groups_of_user(authority: Authority, user: User) -> tuple[Linked[Group], ...]:
    links = authority.memberships.of(user.id)
    return tuple(Linked(authority.groups.by_id(group_id), link) for group_id, link in links.items())


def users_of_group(authority: Authority, group: Group) -> tuple[Linked[User], ...]:
    links = authority.memberships.to(group.id)
    return tuple(Linked(authority.users.by_id(user_id), link) for user_id, link in links.items())


def policies_of(authority: Authority, target: Target) -> tuple[Linked[ManagedPolicy], ...]:
    """What is attached to it itself; a user's groups have more."""
    found = []
    for key, link in authority.attachments.of(target).items():
        managed = authority.policy(*key)
        assert managed is not None, "a policy that is attached is not deleted"
        found.append(Linked(managed, link))
    return tuple(found)


def entities_of(authority: Authority, policy: ManagedPolicy) -> Entities:
    links = authority.attachments.to(PolicyKey(policy.policy_type, policy.name)).items()
    return Entities(
        users=tuple(Linked(authority.users.by_id(to.id), link) for to, link in links if to.kind is TargetKind.USER),
        groups=tuple(Linked(authority.groups.by_id(to.id), link) for to, link in links if to.kind is TargetKind.GROUP),
        roles=tuple(Linked(authority.roles.by_id(to.id), link) for to, link in links if to.kind is TargetKind.ROLE),
    )


def attachment_count(authority: Authority, policy: ManagedPolicy) -> int:
    return len(authority.attachments.to(PolicyKey(policy.policy_type, policy.name)))
