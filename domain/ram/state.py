"""What stands in an account's stream, as collections that are changed in place, and the policies that follow from it.

An accumulator, unlike the domain's other states: entities are frozen, collections are not. An account may have ten
thousand users, and copying them for each event would make reading its stream quadratic. Every change costs the same
however many there are; a change of a group or a policy costs what is in force through it, and nothing while a stream is
read for the first time, since then nothing was derived from it yet.

Here: the collections. How events change them: :mod:`domain.ram.fold`. What is asked of them:
:mod:`domain.ram.authority`.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from domain import policy
from domain.account import account_stream
from domain.policy import Policy, PolicyKind
from domain.ram.entities import (
    AccessKey,
    Group,
    ManagedPolicy,
    PolicyKey,
    PolicyType,
    Role,
    Target,
    TargetKind,
    User,
)
from domain.ram.named import Named
from domain.ram.relation import Relation
from domain.ram.system_policies import PARSED


class AccountState:
    """:ivar users, groups, roles: by exact name. :ivar policies: the account's custom ones, by exact name.
    :ivar access_key_owners: access-key id -> user id; empty for the root identity.
    :ivar memberships: user ids, group ids. :ivar attachments: what has a policy, which policy.
    :ivar quotas: CMKs by region, as raised; under ``""`` for all regions.
    """

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.stream: UUID = account_stream(account_id)
        self.version = 0
        self.users: Named[User] = Named()
        self.groups: Named[Group] = Named()
        self.roles: Named[Role] = Named()
        self.policies: Named[ManagedPolicy] = Named()
        self.root_access_keys: tuple[AccessKey, ...] = ()
        self.access_key_owners: dict[str, str] = {}
        self.memberships: Relation[str, str] = Relation()
        self.attachments: Relation[Target, PolicyKey] = Relation()
        self.quotas: dict[str, int] = {}
        self._in_force: dict[Target, tuple[Policy, ...]] = {}
        self._parsed: dict[str, Policy] = {}
        self._trusted: dict[str, Policy] = {}

    def target(self, kind: TargetKind, name: str) -> Target:
        """:raises KeyError: there is no such user, group or role."""
        match kind:
            case TargetKind.USER:
                return Target(kind, self.users[name].id)
            case TargetKind.GROUP:
                return Target(kind, self.groups[name].id)
            case TargetKind.ROLE:
                return Target(kind, self.roles[name].id)

    def in_force(self, target: Target) -> tuple[Policy, ...]:
        """What is attached to it and, for a user, to its groups: each policy once, in its default version."""
        if target not in self._in_force:
            keys = dict.fromkeys(self.attached_to(target))
            if target.kind is TargetKind.USER:
                for group_id in self.memberships.of(target.id):
                    keys |= dict.fromkeys(self.attached_to(Target(TargetKind.GROUP, group_id)))
            self._in_force[target] = tuple(self.read(key) for key in keys)
        return self._in_force[target]

    def attached_to(self, target: Target) -> Iterable[PolicyKey]:
        """To itself, in order of attaching."""
        return self.attachments.of(target)

    def trust_of(self, role: Role) -> Policy:
        if role.id not in self._trusted:
            self._trusted[role.id] = policy.parse(role.trust_policy, kind=PolicyKind.TRUST, name=f"Trust/{role.name}")
        return self._trusted[role.id]

    def read(self, key: PolicyKey) -> Policy:
        """The default version.

        :raises KeyError: the account has no such custom policy.
        """
        if key.policy_type is PolicyType.SYSTEM:
            return PARSED[key.name]
        if key.name not in self._parsed:
            self._parsed[key.name] = policy.parse(self.policies[key.name].document, name=f"Custom/{key.name}")
        return self._parsed[key.name]

    def forget_in_force(self, target: Target) -> None:
        """Other policies are in force for it from now on; where it is a group, for its members."""
        if not self._in_force:
            return
        self._in_force.pop(target, None)
        if target.kind is TargetKind.GROUP:
            for user_id in self.memberships.to(target.id):
                self._in_force.pop(Target(TargetKind.USER, user_id), None)

    def forget_policy(self, policy_name: str) -> None:
        """A custom policy says something else from now on."""
        self._parsed.pop(policy_name, None)
        for target in self.attachments.to(PolicyKey(PolicyType.CUSTOM, policy_name)):
            self.forget_in_force(target)

    def forget_trust(self, role_id: str) -> None:
        self._trusted.pop(role_id, None)
