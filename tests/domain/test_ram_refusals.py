"""RAM's codes: each can be provoked, has the message that Alibaba publishes, and is one of the closed list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from domain.errors import REGISTRY, InvalidRequest, KeyLedgerError, NotFound, StateConflict
from domain.ram import attachments, errors, groups, limits, policies, roles, users
from domain.ram.entities import PolicyType, TargetKind
from tests.fixtures.ram_account import DECRYPTS, ENCRYPTS, TRUSTS_ITSELF, Account

PUBLISHED: Final = """
| MalformedPolicyDocument | |
| InvalidParameter.UserName.InvalidChars | The parameter - "UserName" contains invalid chars. |
| InvalidParameter.UserName.Length | The parameter - "UserName" beyond the length limit. |
| InvalidParameter.NewUserName.InvalidChars | The parameter - "NewUserName" contains invalid chars. |
| InvalidParameter.NewUserName.Length | The parameter - "NewUserName" beyond the length limit. |
| InvalidParameter.DisplayName.InvalidChars | The parameter - "DisplayName" contains invalid chars. |
| InvalidParameter.DisplayName.Length | The parameter - "DisplayName" beyond the length limit. |
| InvalidParameter.NewDisplayName.InvalidChars | The parameter - "NewDisplayName" contains invalid chars. |
| InvalidParameter.NewDisplayName.Length | The parameter - "NewDisplayName" beyond the length limit. |
| InvalidParameter.Comments.Length | The parameter - "Comments" beyond the length limit. |
| InvalidParameter.NewComments.Length | The parameter - "NewComments" beyond the length limit. |
| InvalidParameter.GroupName.InvalidChars | The parameter - "GroupName" contains invalid chars. |
| InvalidParameter.GroupName.Length | The parameter - "GroupName" beyond the length limit. |
| InvalidParameter.NewGroupName.InvalidChars | The parameter - "NewGroupName" contains invalid chars. |
| InvalidParameter.NewGroupName.Length | The parameter - "NewGroupName" beyond the length limit. |
| InvalidParameter.PolicyName.InvalidChars | The parameter - "PolicyName" contains invalid chars. |
| InvalidParameter.PolicyName.Length | The parameter - "PolicyName" beyond the length limit. |
| InvalidParameter.RoleName.InvalidChars | The parameter - "RoleName" contains invalid chars. |
| InvalidParameter.RoleName.Length | The parameter - "RoleName" beyond the length limit. |
| InvalidParameter.Description.Length | The parameter - "Description" beyond the length limit. |
| InvalidParameter.VersionId.Format | The format of the parameter - "VersionId" is incorrect. |
| EntityNotExist.User | The user does not exist. |
| EntityNotExist.User.AccessKey | The user access key does not exist. |
| EntityNotExist.User.Group | The user has not joined the group. |
| EntityNotExist.User.Policy | |
| EntityNotExist.Group | The group does not exist. |
| EntityNotExist.Group.Policy | |
| EntityNotExist.Role | The role does not exist. |
| EntityNotExist.Role.Policy | |
| EntityNotExist.Policy | The policy does not exist. |
| EntityNotExist.Policy.Version | The policy version does not exist. |
| EntityAlreadyExists.User | The user does already EXIST. |
| EntityAlreadyExists.User.Group | The user has already joined the group. |
| EntityAlreadyExists.User.Policy | The user has already been attached this policy. |
| EntityAlreadyExists.Group | The group does already EXIST. |
| EntityAlreadyExists.Group.Policy | The group has already been attached this policy. |
| EntityAlreadyExists.Role | The role does already EXIST. |
| EntityAlreadyExists.Role.Policy | The role has already been attached this policy. |
| EntityAlreadyExists.Policy | |
| DeleteConflict.User.Group | The user CAN NOT be in any group while deleting the user. |
| DeleteConflict.User.AccessKey | The user CAN NOT has any access key while deleting the user. |
| DeleteConflict.User.Policy | The user CAN NOT has any attached policy while deleting the user. |
| DeleteConflict.Group.User | The group CAN NOT has any user member while deleting the group. |
| DeleteConflict.Group.Policy | The entity CAN NOT has any attached policy while deleting the group. |
| DeleteConflict.Role.Policy | The role CAN NOT has any attached policy while deleting the role. |
| DeleteConflict.Policy.User | The policy CAN NOT been attached to any user while deleting the policy. |
| DeleteConflict.Policy.Group | The policy CAN NOT been attached to any group while deleting the policy. |
| DeleteConflict.Policy.Role | |
| DeleteConflict.Policy.Version | The policy CAN NOT has any version except the default version. |
| DeleteConflict.Policy.Version.Default | The default policy version CAN NOT been deleted directly. |
| LimitExceeded.User | The count of users beyond the current limits. |
| LimitExceeded.User.AccessKey | The access key count of the user access keys beyond the current limits. |
| LimitExceeded.User.Group | The count of groups the target user joined beyond the current limits. |
| LimitExceeded.User.Policy | The policy count of the user attached policies beyond the current limits. |
| LimitExceeded.Group | The count of groups beyond the current limits. |
| LimitExceeded.Group.Policy | The policy count of the group beyond the current limits. |
| LimitExceeded.Role | The count of roles beyond the current limits. |
| LimitExceeded.Role.Policy | The count of policies attached to the role beyond the current limits. |
| LimitExceeded.Policy | The count of policy beyond the current limits. |
| LimitExceeded.Policy.Version | The count of policy version beyond the current limits. |
"""
"""Code and message of Alibaba Cloud RAM, "Error messages". A message is left out where the page is wrong (the policy
that exists is called a group), unclear, or has none."""

OURS: Final = {
    *(f"InvalidParameter.{new}Email.{fault}" for new in ("", "New") for fault in ("InvalidChars", "Length")),
    *(f"InvalidParameter.{new}MobilePhone.{fault}" for new in ("", "New") for fault in ("InvalidChars", "Length")),
    *(f"InvalidParameter.{new}Comments.InvalidChars" for new in ("", "New")),
    *(f"InvalidParameter.{new}Description.InvalidChars" for new in ("", "New")),
    "InvalidParameter.NewDescription.Length",
}
"""Codes made as the published ones are, for faults that the pages do not mention."""

OF_PERMISSION_AND_STS: Final = {"NoPermission", "InvalidParameter.PolicyGrammar", "InvalidParameter.PolicySize"}
"""Provoked in the tests of access and of STS."""

Command = Callable[[Account], object]


def prepared() -> Account:
    """Alice is in the group signers; there are a role, and a policy of five versions that all of them have."""
    account = Account()
    account.has_user("alice", access_keys=["LTAI1", "LTAI2"])
    account.has_user("idle")
    account.has_group("signers", "alice")
    account.has_group("empty")
    account.has_role("signer")
    account.has_policy("Encrypts")
    account.has_policy("Unused")
    for _ in range(4):
        account.does(policies.create_policy_version, "Encrypts", DECRYPTS)
        account.does(policies.create_policy_version, "Unused", DECRYPTS)
    for kind, name in (("user", "alice"), ("group", "signers"), ("role", "signer")):
        account.attaches("Encrypts", kind, name)
    return account


def on(kind: str, name: str, policy: str = "Encrypts") -> tuple[PolicyType, str, TargetKind, str]:
    return PolicyType.CUSTOM, policy, TargetKind(kind), name


def _deletes_policy_of(kind: str) -> Command:
    def does(account: Account) -> object:
        for other, name in (("user", "alice"), ("group", "signers"), ("role", "signer")):
            if other != kind:
                account.detaches("Encrypts", other, name)
        return account.does(policies.delete_policy, "Encrypts")

    return does


def _deletes_user_in_groups(account: Account) -> object:
    account.does(groups.add_user_to_group, "idle", "empty")
    return account.does(users.delete_user, "idle")


def _deletes_user_with_policy(account: Account) -> object:
    account.attaches("Encrypts", "user", "idle")
    return account.does(users.delete_user, "idle")


def _deletes_group_with_policy(account: Account) -> object:
    account.attaches("Encrypts", "group", "empty")
    return account.does(groups.delete_group, "empty")


LONG, ODD = "x" * 2_000, "\0"
TEXTS: Final = {
    "DisplayName": "display_name",
    "Comments": "comments",
    "Email": "email",
    "MobilePhone": "mobile_phone",
}

PROVOKED: Final[dict[str, Command]] = {
    "MalformedPolicyDocument": lambda account: account.does(policies.create_policy, "Other", "{}"),
    "InvalidParameter.VersionId.Format": lambda a: a.does(policies.delete_policy_version, "Encrypts", "1"),
    "EntityNotExist.User": lambda a: a.does(users.delete_user, "nobody"),
    "EntityNotExist.User.AccessKey": lambda a: a.does(users.delete_access_key, "alice", "LTAI3"),
    "EntityNotExist.User.Group": lambda a: a.does(groups.remove_user_from_group, "idle", "signers"),
    "EntityNotExist.User.Policy": lambda a: a.does(attachments.detach_policy, *on("user", "idle")),
    "EntityNotExist.Group": lambda a: a.does(groups.delete_group, "nothing"),
    "EntityNotExist.Group.Policy": lambda a: a.does(attachments.detach_policy, *on("group", "empty")),
    "EntityNotExist.Role": lambda a: a.does(roles.delete_role, "nothing"),
    "EntityNotExist.Role.Policy": lambda a: a.does(attachments.detach_policy, *on("role", "signer", "Unused")),
    "EntityNotExist.Policy": lambda a: a.does(policies.delete_policy, "Nothing"),
    "EntityNotExist.Policy.Version": lambda a: a.does(policies.delete_policy_version, "Encrypts", "v9"),
    "EntityAlreadyExists.User": lambda a: a.does(users.create_user, "alice"),
    "EntityAlreadyExists.User.Group": lambda a: a.does(groups.add_user_to_group, "alice", "signers"),
    "EntityAlreadyExists.User.Policy": lambda a: a.does(attachments.attach_policy, *on("user", "alice")),
    "EntityAlreadyExists.Group": lambda a: a.does(groups.create_group, "signers"),
    "EntityAlreadyExists.Group.Policy": lambda a: a.does(attachments.attach_policy, *on("group", "signers")),
    "EntityAlreadyExists.Role": lambda a: a.does(roles.create_role, "signer", TRUSTS_ITSELF),
    "EntityAlreadyExists.Role.Policy": lambda a: a.does(attachments.attach_policy, *on("role", "signer")),
    "EntityAlreadyExists.Policy": lambda a: a.does(policies.create_policy, "Encrypts", ENCRYPTS),
    "DeleteConflict.User.Group": _deletes_user_in_groups,
    "DeleteConflict.User.AccessKey": lambda a: a.does(users.delete_user, "alice"),
    "DeleteConflict.User.Policy": _deletes_user_with_policy,
    "DeleteConflict.Group.User": lambda a: a.does(groups.delete_group, "signers"),
    "DeleteConflict.Group.Policy": _deletes_group_with_policy,
    "DeleteConflict.Role.Policy": lambda a: a.does(roles.delete_role, "signer"),
    "DeleteConflict.Policy.User": _deletes_policy_of("user"),
    "DeleteConflict.Policy.Group": _deletes_policy_of("group"),
    "DeleteConflict.Policy.Role": _deletes_policy_of("role"),
    "DeleteConflict.Policy.Version": lambda a: a.does(policies.delete_policy, "Unused"),
    "DeleteConflict.Policy.Version.Default": lambda a: a.does(policies.delete_policy_version, "Encrypts", "v1"),
    "LimitExceeded.User": lambda a: a.does(users.create_user, "bob"),
    "LimitExceeded.User.AccessKey": lambda a: a.does(users.create_access_key, "alice", "LTAI3"),
    "LimitExceeded.User.Group": lambda a: a.does(groups.add_user_to_group, "alice", "empty"),
    "LimitExceeded.User.Policy": lambda a: a.does(attachments.attach_policy, *on("user", "alice", "Unused")),
    "LimitExceeded.Group": lambda a: a.does(groups.create_group, "sealers"),
    "LimitExceeded.Group.Policy": lambda a: a.does(attachments.attach_policy, *on("group", "signers", "Unused")),
    "LimitExceeded.Role": lambda a: a.does(roles.create_role, "sealer", TRUSTS_ITSELF),
    "LimitExceeded.Role.Policy": lambda a: a.does(attachments.attach_policy, *on("role", "signer", "Unused")),
    "LimitExceeded.Policy": lambda a: a.does(policies.create_policy, "Other", ENCRYPTS),
    "LimitExceeded.Policy.Version": lambda a: a.does(policies.create_policy_version, "Encrypts", ENCRYPTS),
} | {
    f"InvalidParameter.{parameter}.{fault}": command
    for fault, text in (("InvalidChars", ODD), ("Length", LONG))
    for parameter, command in {
        "UserName": lambda a, text=text: a.does(users.create_user, text),
        "NewUserName": lambda a, text=text: a.does(users.update_user, "alice", new_user_name=text),
        "GroupName": lambda a, text=text: a.does(groups.create_group, text),
        "NewGroupName": lambda a, text=text: a.does(groups.update_group, "signers", new_group_name=text),
        "RoleName": lambda a, text=text: a.does(roles.create_role, text, TRUSTS_ITSELF),
        "PolicyName": lambda a, text=text: a.does(policies.create_policy, text, ENCRYPTS),
        "Description": lambda a, text=text: a.does(policies.create_policy, "Other", ENCRYPTS, description=text),
        "NewDescription": lambda a, text=text: a.does(roles.update_role, "signer", new_description=text),
    }.items()
} | {
    f"InvalidParameter.{new}{parameter}.{fault}": (
        (lambda a, given=given, text=text: a.does(users.update_user, "alice", **{f"new_{given}": text}))
        if new
        else (lambda a, given=given, text=text: a.does(users.create_user, "bob", **{given: text}))
    )
    for fault, text in (("InvalidChars", ODD), ("Length", LONG))
    for parameter, given in TEXTS.items()
    for new in ("", "New")
}  # fmt: skip


def rows() -> list[tuple[str, str]]:
    cells = (row.strip("|").split("|") for row in PUBLISHED.strip().splitlines())
    return [(code.strip(), message.strip()) for code, message in cells]


def tightened(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    """There is room for what is there, and for nothing else."""
    for kind, entities in (("USERS", 2), ("GROUPS", 2), ("ROLES", 1), ("POLICIES", 2), ("GROUPS_OF_USER", 1)):
        monkeypatch.setattr(limits, kind, entities)
    monkeypatch.setattr(limits, "POLICIES_OF_TARGET", 1)


@pytest.mark.parametrize("code", PROVOKED)
def test_a_code_is_provoked_and_nothing_changes(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    account = prepared()
    if code.startswith("LimitExceeded"):
        tightened(monkeypatch, account)
    with pytest.raises(KeyLedgerError) as refused:
        PROVOKED[code](account)
    assert refused.value.code == code
    message = dict(rows()).get(code, "")
    assert refused.value.message.startswith(message)
    assert refused.value.message.endswith(".")
    assert len(refused.value.message) < 300


def test_every_code_of_ram_is_published_or_ours_and_provoked() -> None:
    of_ram = {code for code, kind in REGISTRY.items() if kind.__module__ == errors.__name__} - OF_PERMISSION_AND_STS
    assert of_ram == {code for code, _ in rows()} | OURS == PROVOKED.keys()


FAMILIES: Final = {
    "InvalidParameter": InvalidRequest,
    "MalformedPolicyDocument": InvalidRequest,
    "EntityNotExist": NotFound,
    "EntityAlreadyExists": StateConflict,
    "DeleteConflict": StateConflict,
    "LimitExceeded": StateConflict,
}


@pytest.mark.parametrize("code", PROVOKED)
def test_a_code_has_the_published_status(code: str) -> None:
    assert issubclass(REGISTRY[code], FAMILIES[code.partition(".")[0]])
