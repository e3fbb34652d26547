"""Groups and who is in them, as RAM's commands change them."""

from __future__ import annotations

import pytest

from domain.ram import groups, limits, listing
from tests.fixtures.ledger import NOON
from tests.fixtures.ram_account import MINUTE, Account


@pytest.fixture
def account() -> Account:
    return Account()


def test_a_group_is_what_was_asked_for(account: Account) -> None:
    event = account.does(groups.create_group, "signers", comments="who signs 签")
    group = account.authority.groups["signers"]
    assert (group.id, group.comments, group.created_at) == (event.group_id, "who signs 签", NOON + 2 * MINUTE)
    assert group.id.startswith("g-")


def test_a_group_is_updated_as_far_as_asked(account: Account) -> None:
    group_id = account.does(groups.create_group, "signers", comments="who signs").group_id
    account.does(groups.update_group, "signers", new_group_name="sealers")
    account.does(groups.update_group, "sealers", new_comments="who seals")
    group = account.authority.groups["sealers"]
    assert (group.id, group.comments, group.updated_at) == (group_id, "who seals", NOON + 4 * MINUTE)
    assert "signers" not in account.authority.groups


def test_two_groups_never_have_one_name_whatever_its_case(account: Account) -> None:
    account.has_group("signers")
    account.has_group("sealers")
    account.is_refused("EntityAlreadyExists.Group", groups.create_group, "Signers")
    account.is_refused("EntityAlreadyExists.Group", groups.update_group, "sealers", new_group_name="SIGNERS")


def test_a_user_and_a_group_may_share_a_name(account: Account) -> None:
    account.has_user("shop")
    account.has_group("shop", "shop")
    assert len(account.authority.users) == len(account.authority.groups) == 1


def test_members_have_the_policies_of_their_groups_once_each(account: Account) -> None:
    account.has_user("alice")
    account.has_policy("Encrypts")
    for group in ("signers", "sealers"):
        account.has_group(group, "alice")
        account.attaches("Encrypts", "group", group)
    account.attaches("Encrypts", "user", "alice")
    assert account.in_force_for_user("alice") == ["Custom/Encrypts"]
    account.detaches("Encrypts", "user", "alice")
    account.detaches("Encrypts", "group", "signers")
    assert account.in_force_for_user("alice") == ["Custom/Encrypts"]
    account.does(groups.remove_user_from_group, "alice", "sealers")
    assert account.in_force_for_user("alice") == []


def test_a_renamed_group_is_the_same_group(account: Account) -> None:
    account.has_user("alice")
    account.has_group("signers", "alice")
    account.attaches("AliyunKMSFullAccess", "group", "signers", "System")
    account.does(groups.update_group, "signers", new_group_name="sealers")
    assert account.in_force_for_user("alice") == ["System/AliyunKMSFullAccess"]
    account.detaches("AliyunKMSFullAccess", "group", "sealers", "System")
    assert account.in_force_for_user("alice") == []


def test_nobody_joins_twice_nor_leaves_twice(account: Account) -> None:
    account.has_user("alice")
    account.has_group("signers", "alice")
    account.is_refused("EntityAlreadyExists.User.Group", groups.add_user_to_group, "alice", "signers")
    account.does(groups.remove_user_from_group, "alice", "signers")
    account.is_refused("EntityNotExist.User.Group", groups.remove_user_from_group, "alice", "signers")


@pytest.mark.parametrize("command", [groups.add_user_to_group, groups.remove_user_from_group])
def test_both_sides_of_a_membership_exist(account: Account, command: object) -> None:
    assert callable(command)
    account.has_user("alice")
    account.has_group("signers")
    account.is_refused("EntityNotExist.User", command, "nobody", "signers")
    account.is_refused("EntityNotExist.Group", command, "alice", "nothing")


def test_a_group_is_deleted_when_nothing_is_left_behind(account: Account) -> None:
    account.has_user("alice")
    account.has_group("signers", "alice")
    account.attaches("AliyunKMSFullAccess", "group", "signers", "System")
    account.is_refused("DeleteConflict.Group.User", groups.delete_group, "signers")
    account.does(groups.remove_user_from_group, "alice", "signers")
    account.is_refused("DeleteConflict.Group.Policy", groups.delete_group, "signers")
    account.detaches("AliyunKMSFullAccess", "group", "signers", "System")
    account.does(groups.delete_group, "signers")
    account.is_refused("EntityNotExist.Group", groups.delete_group, "signers")


def test_there_is_a_last_group_and_a_last_membership(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GROUPS", 3)
    monkeypatch.setattr(limits, "GROUPS_OF_USER", 2)
    account.has_user("alice")
    account.has_group("first", "alice")
    account.has_group("second", "alice")
    account.has_group("third")
    account.is_refused("LimitExceeded.Group", groups.create_group, "fourth")
    account.is_refused("LimitExceeded.User.Group", groups.add_user_to_group, "alice", "third")


def test_comments_of_a_group_are_short(account: Account) -> None:
    account.is_refused("InvalidParameter.Comments.Length", groups.create_group, "signers", comments="x" * 129)
    account.has_group("signers")
    account.is_refused("InvalidParameter.NewComments.Length", groups.update_group, "signers", new_comments="x" * 129)


def test_lists_tell_who_joined_when_in_that_order(account: Account) -> None:
    for name in ("alice", "bob"):
        account.has_user(name)
    for group in ("signers", "sealers"):
        account.has_group(group)
    account.does(groups.add_user_to_group, "bob", "signers")
    account.does(groups.add_user_to_group, "alice", "signers")
    account.does(groups.add_user_to_group, "bob", "sealers")
    authority = account.authority
    members = listing.users_of_group(authority, authority.groups["signers"])
    assert [(user.name, link.at) for user, link in members] == [
        ("bob", NOON + 6 * MINUTE),
        ("alice", NOON + 7 * MINUTE),
    ]
    assert [link.number for _, link in members] == [7, 8]
    joined = listing.groups_of_user(authority, authority.users["bob"])
    assert [group.name for group, _ in joined] == ["signers", "sealers"]
    assert listing.groups_of_user(authority, authority.users["alice"])[0].entity.name == "signers"


def test_who_leaves_and_joins_again_is_the_last_to_have_joined(account: Account) -> None:
    for name in ("alice", "bob"):
        account.has_user(name)
    account.has_group("signers", "alice", "bob")
    account.does(groups.remove_user_from_group, "alice", "signers")
    account.does(groups.add_user_to_group, "alice", "signers")
    members = listing.users_of_group(account.authority, account.authority.groups["signers"])
    assert [user.name for user, _ in members] == ["bob", "alice"]
