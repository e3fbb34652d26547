"""Commands in any order, allowed or refused: an account is what a naive model says, and what its events say anew."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import KeyLedgerError
from domain.events import Event
from domain.ram import attachments, groups, limits, listing, policies, roles, users
from domain.ram import authority as authorities
from domain.ram.entities import PolicyType, TargetKind
from domain.ram.policies import RotateStrategy
from domain.ram.system_policies import SYSTEM_POLICIES
from tests.fixtures.naive_ram import NaiveRam
from tests.fixtures.ram_account import DECRYPTS, ENCRYPTS, TRUSTS_ITSELF, Account, told

names = st.sampled_from(["alice", "Alice", "bob"])
kinds = st.sampled_from(["user", "group", "role"])
keys = st.sampled_from(["LTAI1", "LTAI2", "LTAI3"])
policy_names = st.sampled_from(["Encrypts", "Encrypts", "encrypts", "AliyunKMSFullAccess"])
policy_types = st.sampled_from(["Custom", "Custom", "System"])
documents = st.sampled_from([ENCRYPTS, DECRYPTS])
versions = st.sampled_from([f"v{number}" for number in range(1, 7)])


class Ram(RuleBasedStateMachine):
    """:ivar naive: what somebody would write who has ten users."""

    @initialize()
    def begin(self) -> None:
        """With something of each kind, so that few commands are about nothing."""
        self.account = Account()
        self.naive = NaiveRam()
        for name in ("alice", "bob"):
            self.create_user(name)
            self.create_group(name)
            self.join(name, "alice")
        self.create_role("alice")
        self.create_policy("Encrypts", ENCRYPTS)
        self.attach("Custom", "Encrypts", "group", "alice")

    def asks(self, allowed: bool, command: Callable[..., Event], *given: Any, **named: Any) -> None:
        """The command, which the naive model has decided about."""
        before = len(self.account.history)
        with contextlib.suppress(KeyLedgerError):
            self.account.does(command, *given, **named)
        assert len(self.account.history) == before + allowed

    # --- users, groups, roles ---

    @rule(name=names)
    def create_user(self, name: str) -> None:
        self.asks(self.naive.create("user", name), users.create_user, name)

    @rule(name=names)
    def create_group(self, name: str) -> None:
        self.asks(self.naive.create("group", name), groups.create_group, name)

    @rule(name=names)
    def create_role(self, name: str) -> None:
        self.asks(self.naive.create("role", name), roles.create_role, name, TRUSTS_ITSELF)

    @rule(name=names, new=names)
    def rename_user(self, name: str, new: str) -> None:
        self.asks(self.naive.rename("user", name, new), users.update_user, name, new_user_name=new)

    @rule(name=names, new=names)
    def rename_group(self, name: str, new: str) -> None:
        self.asks(self.naive.rename("group", name, new), groups.update_group, name, new_group_name=new)

    @rule(kind=kinds, name=names)
    def delete(self, kind: str, name: str) -> None:
        command = {"user": users.delete_user, "group": groups.delete_group, "role": roles.delete_role}[kind]
        self.asks(self.naive.delete(kind, name), command, name)

    @rule(name=names, key=keys)
    def create_key(self, name: str, key: str) -> None:
        if self.account.authority.access_key(key) is None:  # ids are made at random: none comes twice
            self.asks(self.naive.create_key(name, key), users.create_access_key, name, key)

    @rule(name=names, key=keys, status=st.sampled_from(["Active", "Inactive"]))
    def update_key(self, name: str, key: str, status: str) -> None:
        self.asks(self.naive.change_key(name, key, status), users.update_access_key, name, key, status)

    @rule(name=names, key=keys)
    def delete_key(self, name: str, key: str) -> None:
        self.asks(self.naive.change_key(name, key, None), users.delete_access_key, name, key)

    @rule(user=names, group=names)
    def join(self, user: str, group: str) -> None:
        self.asks(self.naive.join(user, group), groups.add_user_to_group, user, group)

    @rule(user=names, group=names)
    def leave(self, user: str, group: str) -> None:
        self.asks(self.naive.leave(user, group), groups.remove_user_from_group, user, group)

    # --- policies ---

    @rule(name=policy_names, document=documents)
    def create_policy(self, name: str, document: str) -> None:
        self.asks(self.naive.create_policy(name, document), policies.create_policy, name, document)

    @rule(name=policy_names, document=documents, default=st.booleans(), rotate=st.booleans())
    def create_version(self, name: str, document: str, default: bool, rotate: bool) -> None:
        strategy = RotateStrategy.DELETE_OLDEST if rotate else RotateStrategy.NONE
        given = {"set_as_default": default, "rotate_strategy": strategy}
        allowed = self.naive.create_version(name, document, default, rotate)
        self.asks(allowed, policies.create_policy_version, name, document, **given)

    @rule(name=policy_names, version=versions)
    def delete_version(self, name: str, version: str) -> None:
        self.asks(self.naive.delete_version(name, version), policies.delete_policy_version, name, version)

    @rule(name=policy_names, version=versions)
    def set_default(self, name: str, version: str) -> None:
        self.asks(self.naive.set_default(name, version), policies.set_default_policy_version, name, version)

    @rule(name=policy_names, cascading=st.booleans())
    def delete_policy(self, name: str, cascading: bool) -> None:
        allowed = self.naive.delete_policy(name, cascading)
        self.asks(allowed, policies.delete_policy, name, cascading_delete=cascading)

    @rule(policy_type=policy_types, policy=policy_names, kind=kinds, name=names)
    def attach(self, policy_type: str, policy: str, kind: str, name: str) -> None:
        allowed = self.naive.attach(policy_type, policy, kind, name)
        self.asks(allowed, attachments.attach_policy, PolicyType(policy_type), policy, TargetKind(kind), name)

    @rule(policy_type=policy_types, policy=policy_names, kind=kinds, name=names)
    def detach(self, policy_type: str, policy: str, kind: str, name: str) -> None:
        allowed = self.naive.detach(policy_type, policy, kind, name)
        self.asks(allowed, attachments.detach_policy, PolicyType(policy_type), policy, TargetKind(kind), name)

    # --- what always holds ---

    @invariant()
    def the_naive_model_agrees(self) -> None:
        authority, naive = self.account.authority, self.naive
        for kind, entities in (("user", authority.users), ("group", authority.groups), ("role", authority.roles)):
            assert sorted(entity.name for entity in entities) == sorted(naive.names[kind].values())
        for name in naive.names["user"].values():
            found = {(policy.name, _ours(policy.document)) for policy in authority.policies_of_user(name)}
            assert found == naive.in_force("user", name)
        for name in naive.names["role"].values():
            found = {(policy.name, _ours(policy.document)) for policy in authority.policies_of_role(name)}
            assert found == naive.in_force("role", name)
        for owner, key, status in naive.keys:
            held = authority.access_key(key)
            assert held is not None
            assert held.owner is not None
            assert (held.owner.name, held.status) == (naive.names["user"][owner], status)

    def teardown(self) -> None:
        """The events alone make the same account."""
        anew = authorities.replay(self.account.history)
        assert anew is not None
        assert told(anew) == told(self.account.authority)

    @invariant()
    def nothing_dangles_and_limits_hold(self) -> None:
        authority = self.account.authority
        attached: Counter[tuple[str, str]] = Counter()
        for kind, entities in (
            (TargetKind.USER, authority.users),
            (TargetKind.GROUP, authority.groups),
            (TargetKind.ROLE, authority.roles),
        ):
            for entity in entities:
                for policy_type, name, _ in authority.attached(kind, entity.name):
                    assert authority.policy(policy_type, name) is not None
                    attached[policy_type, name] += 1
        for policy in (*authority.policies, *SYSTEM_POLICIES.values()):
            assert listing.attachment_count(authority, policy) == attached[policy.policy_type, policy.name]
            assert sum(map(len, listing.entities_of(authority, policy))) == attached[policy.policy_type, policy.name]
            assert len(policy.versions) <= limits.VERSIONS_OF_POLICY
            assert policy.version(policy.default_version) is not None
        held = [key.access_key_id for user in authority.users for key in user.access_keys]
        root = [key.access_key_id for key in authority.root_access_keys]
        assert sorted(held + root) == sorted(authority.access_key_owners)
        memberships = sum(len(authority.memberships.of(user.id)) for user in authority.users)
        assert memberships == sum(len(authority.memberships.to(group.id)) for group in authority.groups)


def _ours(document: str) -> str:
    """What a system policy says is told elsewhere."""
    return document if document in {ENCRYPTS, DECRYPTS} else ""


TestRam = Ram.TestCase
TestRam.settings = settings(max_examples=40, stateful_step_count=100)
