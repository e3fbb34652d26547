"""Policies attached to users, groups and roles: what RAM's commands allow, and what is in force afterwards."""

from __future__ import annotations

import pytest

from domain.ram import attachments, groups, limits, listing, policies
from domain.ram.authority import Attachment
from domain.ram.entities import PolicyType, TargetKind
from tests.fixtures.ledger import NOON
from tests.fixtures.ram_account import DECRYPTS, MINUTE, Account

TARGETS = {"user": "alice", "group": "signers", "role": "signer"}
every_kind = pytest.mark.parametrize("kind", TARGETS)
both_types = pytest.mark.parametrize(
    ("policy_type", "policy"), [("Custom", "Encrypts"), ("System", "AliyunKMSFullAccess")]
)


@pytest.fixture
def account() -> Account:
    account = Account()
    account.has_user("alice")
    account.has_group("signers", "alice")
    account.has_role("signer")
    account.has_policy("Encrypts")
    return account


def in_force(account: Account, kind: str) -> list[str]:
    """For a group: what its member has of it."""
    return account.in_force_for_role() if kind == "role" else account.in_force_for_user()


@every_kind
@both_types
def test_a_policy_is_in_force_from_attaching_to_detaching(
    account: Account, kind: str, policy_type: str, policy: str
) -> None:
    assert in_force(account, kind) == []
    account.attaches(policy, kind, TARGETS[kind], policy_type)
    assert in_force(account, kind) == [f"{policy_type}/{policy}"]
    account.detaches(policy, kind, TARGETS[kind], policy_type)
    assert in_force(account, kind) == []


@every_kind
@both_types
def test_a_policy_is_attached_once_and_detached_once(
    account: Account, kind: str, policy_type: str, policy: str
) -> None:
    given = (PolicyType(policy_type), policy, TargetKind(kind), TARGETS[kind])
    account.is_refused(f"EntityNotExist.{kind.title()}.Policy", attachments.detach_policy, *given)
    account.does(attachments.attach_policy, *given)
    account.is_refused(f"EntityAlreadyExists.{kind.title()}.Policy", attachments.attach_policy, *given)
    account.does(attachments.detach_policy, *given)
    account.is_refused(f"EntityNotExist.{kind.title()}.Policy", attachments.detach_policy, *given)


@every_kind
@pytest.mark.parametrize("command", [attachments.attach_policy, attachments.detach_policy])
def test_both_sides_of_an_attachment_exist(account: Account, kind: str, command: object) -> None:
    assert callable(command)
    custom, system, target = PolicyType.CUSTOM, PolicyType.SYSTEM, TargetKind(kind)
    account.is_refused(f"EntityNotExist.{kind.title()}", command, custom, "Encrypts", target, "nobody")
    account.is_refused(f"EntityNotExist.{kind.title()}", command, custom, "Encrypts", target, TARGETS[kind].upper())
    for policy_type, policy in (
        (custom, "Other"),
        (custom, "encrypts"),
        (system, "Encrypts"),
        (custom, "AliyunKMSFullAccess"),
    ):
        account.is_refused("EntityNotExist.Policy", command, policy_type, policy, target, TARGETS[kind])


@every_kind
def test_there_is_a_last_policy_of_each_type(account: Account, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "POLICIES_OF_TARGET", 1)
    account.attaches("Encrypts", kind, TARGETS[kind])
    account.attaches("AliyunKMSFullAccess", kind, TARGETS[kind], "System")
    account.has_policy("Other")
    given = (TargetKind(kind), TARGETS[kind])
    code = f"LimitExceeded.{kind.title()}.Policy"
    account.is_refused(code, attachments.attach_policy, PolicyType.CUSTOM, "Other", *given)
    account.is_refused(code, attachments.attach_policy, PolicyType.SYSTEM, "AliyunKMSReadOnlyAccess", *given)


def test_twenty_policies_can_be_attached(account: Account) -> None:
    for number in range(20):
        account.has_policy(f"Policy-{number}")
        account.attaches(f"Policy-{number}", "user", "alice")
    assert len(account.in_force_for_user()) == 20


def test_a_policy_that_a_group_has_changes_for_its_members(account: Account) -> None:
    account.attaches("Encrypts", "group", "signers")
    before = account.documents_of_user()
    account.does(policies.create_policy_version, "Encrypts", DECRYPTS, set_as_default=True)
    assert account.documents_of_user() == [DECRYPTS] != before


def test_who_joins_a_group_has_its_policies_and_who_leaves_it_does_not(account: Account) -> None:
    account.attaches("Encrypts", "group", "signers")
    account.has_user("bob")
    assert account.in_force_for_user("bob") == []
    account.does(groups.add_user_to_group, "bob", "signers")
    assert account.in_force_for_user("bob") == ["Custom/Encrypts"]
    account.does(groups.remove_user_from_group, "bob", "signers")
    assert account.in_force_for_user("bob") == []
    assert account.in_force_for_user("alice") == ["Custom/Encrypts"]


def test_what_is_in_force_is_read_once_until_something_of_it_changes(account: Account) -> None:
    """Ten thousand users do not have ten thousand documents read because of a change that is about one of them."""
    account.has_user("bob")
    for name in ("alice", "bob"):
        account.attaches("Encrypts", "user", name)
    authority = account.authority
    alice, bob = authority.policies_of_user("alice"), authority.policies_of_user("bob")
    account.attaches("AliyunKMSFullAccess", "user", "bob", "System")
    account.has_policy("Other")
    account.does(policies.create_policy_version, "Other", DECRYPTS, set_as_default=True)
    account.does(policies.update_policy_description, "Encrypts", "x")
    assert authority.policies_of_user("alice") is alice
    assert authority.policies_of_user("bob")[0] is bob[0], "the document of a policy is read once for everybody"
    account.does(policies.set_default_policy_version, "Encrypts", "v1")
    assert authority.policies_of_user("alice") == alice


def test_lists_tell_what_is_attached_and_since_when(account: Account) -> None:
    account.attaches("AliyunKMSFullAccess", "user", "alice", "System")
    account.attaches("Encrypts", "user", "alice")
    account.attaches("Encrypts", "role", "signer")
    account.attaches("Encrypts", "group", "signers")
    authority = account.authority
    assert authority.attached(TargetKind.USER, "alice") == (
        Attachment(PolicyType.SYSTEM, "AliyunKMSFullAccess", NOON + 7 * MINUTE),
        Attachment(PolicyType.CUSTOM, "Encrypts", NOON + 8 * MINUTE),
    )
    target = authority.target(TargetKind.USER, "alice")
    assert [policy.name for policy, _ in listing.policies_of(authority, target)] == ["AliyunKMSFullAccess", "Encrypts"]
    policy = authority.policies["Encrypts"]
    found = listing.entities_of(authority, policy)
    assert [(user.name, link.at) for user, link in found.users] == [("alice", NOON + 8 * MINUTE)]
    assert [(role.name, link.at) for role, link in found.roles] == [("signer", NOON + 9 * MINUTE)]
    assert [(group.name, link.at) for group, link in found.groups] == [("signers", NOON + 10 * MINUTE)]
    assert listing.attachment_count(authority, policy) == 3
    system = authority.policy(PolicyType.SYSTEM, "AliyunKMSFullAccess")
    assert system is not None
    assert listing.attachment_count(authority, system) == 1
