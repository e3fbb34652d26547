"""Who may do what in one account, rebuilt from the account's stream: its root identity and all that RAM knows.

The stream's version is the authority version: every change of who may do what moves it, and every decision guards it,
so an authority that is behind costs a retry and never a wrong answer.

Here: what is asked of an account. What it consists of: :mod:`domain.ram.state`. How events change it:
:mod:`domain.ram.fold`. What lists tell: :mod:`domain.ram.listing`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from domain import events
from domain.call import Call, Caller
from domain.guard import Guard
from domain.policy import Policy
from domain.ram import arns, fold
from domain.ram.entities import AccessKeyStatus, ManagedPolicy, PolicyType, Role, TargetKind, User
from domain.ram.state import AccountState
from domain.ram.system_policies import SYSTEM_POLICIES


class HeldAccessKey(NamedTuple):
    """:param owner: None for the root identity."""

    owner: User | None
    status: AccessKeyStatus


class Attachment(NamedTuple):
    policy_type: PolicyType
    policy_name: str
    attached_at: datetime


class Authority(AccountState):
    """Changed in place by :meth:`apply`: whoever holds one sees it move. What was decided on is told by :attr:`guard`,
    taken with the decision; between the two no task may be suspended.
    """

    @property
    def guard(self) -> Guard:
        return Guard(self.stream, self.version)

    def apply(self, event: events.Event) -> None:
        """The account's next event.

        :raises ValueError: it is not the next one, or contradicts those before it: the ledger is corrupt, and this
            authority must not be used any more.
        """
        if event.originator_version != self.version + 1 or event.originator_id != self.stream:
            at = f"version {event.originator_version} of stream {event.originator_id}"
            raise ValueError(f"{event.TOPIC} at {at} does not follow version {self.version} of {self.stream}")
        fold.evolve(event, self)
        self.version = event.originator_version

    def next(self, call: Call) -> dict[str, Any]:
        """What every event has that ``call`` makes of this account."""
        return {
            "originator_id": self.stream,
            "originator_version": self.version + 1,
            "timestamp": call.at,
            "call": call,
            "account_id": self.account_id,
        }

    # --- callers ---

    def root(self, access_key_id: str) -> Caller:
        return Caller(
            account_id=self.account_id,
            kind="root-account",
            principal=arns.root(self.account_id),
            access_key_id=access_key_id,
            principal_id=self.account_id,
            authority=self.guard,
        )

    def as_user(self, user: User, access_key_id: str) -> Caller:
        return Caller(
            account_id=self.account_id,
            kind="ram-user",
            principal=arns.user(self.account_id, user.name),
            access_key_id=access_key_id,
            principal_id=user.id,
            user_name=user.name,
            authority=self.guard,
        )

    def as_session(self, role: Role, session_name: str, access_key_id: str, assumed_by: str) -> Caller:
        """Who acts as ``role``, assumed by the principal ``assumed_by``."""
        return Caller(
            account_id=self.account_id,
            kind="assumed-role",
            principal=arns.session(self.account_id, role.name, session_name),
            access_key_id=access_key_id,
            principal_id=f"{role.id}:{session_name}",
            user_name=f"{role.name}:{session_name}",
            assumed_by=assumed_by,
            authority=self.guard,
        )

    def access_key(self, access_key_id: str) -> HeldAccessKey | None:
        """Whose it is and whether it is in force; None where the account has none of this id, or not any more."""
        owner_id = self.access_key_owners.get(access_key_id)
        if owner_id is None:
            return None
        owner = self.users.by_id(owner_id) if owner_id else None
        keys = owner.access_keys if owner is not None else self.root_access_keys
        status = next(key.status for key in keys if key.access_key_id == access_key_id)
        return HeldAccessKey(owner, status)

    # --- what they may do ---

    def policies_of_user(self, user_name: str) -> tuple[Policy, ...]:
        """The user's own and those of its groups, each once, in their default versions.

        :raises KeyError: there is no such user.
        """
        return self.in_force(self.target(TargetKind.USER, user_name))

    def policies_of_role(self, role_name: str) -> tuple[Policy, ...]:
        """:raises KeyError: there is no such role."""
        return self.in_force(self.target(TargetKind.ROLE, role_name))

    def trust_policy_of(self, role_name: str) -> Policy:
        """Who may assume the role.

        :raises KeyError: there is no such role.
        """
        return self.trust_of(self.roles[role_name])

    def attached(self, kind: TargetKind, name: str) -> tuple[Attachment, ...]:
        """What is attached to it itself, in order of attaching.

        :raises KeyError: there is no such user, group or role.
        """
        links = self.attachments.of(self.target(kind, name))
        return tuple(Attachment(key.policy_type, key.name, link.at) for key, link in links.items())

    def policy(self, policy_type: PolicyType, policy_name: str) -> ManagedPolicy | None:
        policies = SYSTEM_POLICIES if policy_type is PolicyType.SYSTEM else self.policies
        return policies.get(policy_name)

    def quota(self, region_id: str) -> int | None:
        """CMKs that the account may have in a region; None where nobody raised it. What was granted stays granted: of
        a quota for the region and one for all regions the larger counts."""
        granted = [self.quotas[place] for place in ("", region_id) if place in self.quotas]
        return max(granted, default=None)


def replay(history: Iterable[events.Event]) -> Authority | None:
    """The account after all of ``history``; None where it is empty.

    :raises ValueError: it is not an account's, or not whole: the ledger is corrupt.
    """
    authority: Authority | None = None
    for event in history:
        if authority is None:
            if not isinstance(event, events.AccountCreated):
                raise ValueError(f"{event.TOPIC} does not belong at the beginning of an account's stream")
            authority = Authority(event.account_id)
        authority.apply(event)
    return authority
