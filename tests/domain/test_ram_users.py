"""Users and access keys, as RAM's commands make, change and delete them."""

from __future__ import annotations

import pytest

from domain.ram import groups, limits, users
from domain.ram.entities import AccessKey, AccessKeyStatus
from tests.fixtures.ledger import ACCOUNT, NOON
from tests.fixtures.ram_account import MINUTE, ROOT_KEY, Account


@pytest.fixture
def account() -> Account:
    return Account()


# --- users ---


def test_a_user_is_what_was_asked_for_and_when(account: Account) -> None:
    event = account.does(
        users.create_user, "alice", display_name="Alice 陈", comments="of the shop", email="a@example.com"
    )
    user = account.authority.users["alice"]
    assert (user.name, user.id, user.number) == ("alice", event.user_id, 3)
    assert (user.display_name, user.comments, user.email, user.mobile_phone) == (
        "Alice 陈",
        "of the shop",
        "a@example.com",
        "",
    )
    assert user.created_at == user.updated_at == NOON + 2 * MINUTE


def test_ids_have_the_shape_of_alibabas_and_are_nobody_elses(account: Account) -> None:
    ids = [account.has_user(f"user-{number}") for number in range(50)]
    assert len(set(ids)) == 50
    assert all(len(user_id) == 18 and user_id.isdecimal() for user_id in ids)


@pytest.mark.parametrize("name", ["alice", "Alice", "ALICE"])
def test_two_users_never_have_one_name_whatever_its_case(account: Account, name: str) -> None:
    account.has_user("alice")
    account.is_refused("EntityAlreadyExists.User", users.create_user, name)


def test_a_name_is_looked_up_exactly(account: Account) -> None:
    """Permissions on ``user/alice`` are about nobody that ``user/Alice`` reaches."""
    account.has_user("alice")
    assert "Alice" not in account.authority.users
    account.is_refused("EntityNotExist.User", users.delete_user, "Alice")


def test_a_renamed_user_is_the_same_user(account: Account) -> None:
    user_id = account.has_user("alice", access_keys=["LTAI1"])
    account.has_group("signers", "alice")
    account.has_policy("Encrypts")
    account.attaches("Encrypts", "user", "alice")
    account.attaches("AliyunKMSReadOnlyAccess", "group", "signers", "System")
    account.does(users.update_user, "alice", new_user_name="Alicia")
    user = account.authority.users["Alicia"]
    assert (user.id, user.number) == (user_id, 3)
    assert "alice" not in account.authority.users
    assert account.authority.access_key("LTAI1") == (user, AccessKeyStatus.ACTIVE)
    assert account.in_force_for_user("Alicia") == ["Custom/Encrypts", "System/AliyunKMSReadOnlyAccess"]
    assert account.authority.as_user(user, "LTAI1").principal == f"acs:ram::{ACCOUNT}:user/Alicia"
    account.does(groups.remove_user_from_group, "Alicia", "signers")
    account.detaches("Encrypts", "user", "Alicia")
    assert account.in_force_for_user("Alicia") == []


def test_a_name_that_was_given_up_is_free_again(account: Account) -> None:
    first = account.has_user("alice")
    account.does(users.update_user, "alice", new_user_name="bob")
    second = account.has_user("Alice")
    assert first != second
    assert account.authority.users["bob"].id == first


def test_a_user_may_change_the_case_of_its_name(account: Account) -> None:
    account.has_user("alice")
    account.does(users.update_user, "alice", new_user_name="Alice")
    assert "Alice" in account.authority.users
    account.is_refused("EntityAlreadyExists.User", users.create_user, "alice")


def test_a_user_cannot_take_another_ones_name(account: Account) -> None:
    account.has_user("alice")
    account.has_user("bob")
    account.is_refused("EntityAlreadyExists.User", users.update_user, "bob", new_user_name="ALICE")


def test_an_update_keeps_what_it_does_not_mention(account: Account) -> None:
    account.does(users.create_user, "alice", display_name="Alice", comments="of the shop", mobile_phone="86-186")
    account.does(users.update_user, "alice", new_comments="", new_email="a@example.com")
    user = account.authority.users["alice"]
    assert (user.name, user.display_name, user.comments, user.email, user.mobile_phone) == (
        "alice",
        "Alice",
        "",
        "a@example.com",
        "86-186",
    )
    assert (user.created_at, user.updated_at) == (NOON + 2 * MINUTE, NOON + 3 * MINUTE)


def test_a_user_is_deleted_when_nothing_is_left_behind(account: Account) -> None:
    account.has_user("alice", access_keys=["LTAI1"])
    account.has_group("signers", "alice")
    account.attaches("AliyunKMSFullAccess", "user", "alice", "System")
    account.is_refused("DeleteConflict.User.AccessKey", users.delete_user, "alice")
    account.does(users.delete_access_key, "alice", "LTAI1")
    account.is_refused("DeleteConflict.User.Group", users.delete_user, "alice")
    account.does(groups.remove_user_from_group, "alice", "signers")
    account.is_refused("DeleteConflict.User.Policy", users.delete_user, "alice")
    account.detaches("AliyunKMSFullAccess", "user", "alice", "System")
    account.does(users.delete_user, "alice")
    assert "alice" not in account.authority.users
    account.is_refused("EntityNotExist.User", users.delete_user, "alice")


def test_who_comes_back_under_the_name_of_a_deleted_user_is_somebody_else(account: Account) -> None:
    account.does(groups.create_group, "signers")
    account.attaches("AliyunKMSFullAccess", "group", "signers", "System")
    first = account.has_user("alice")
    account.does(groups.add_user_to_group, "alice", "signers")
    account.does(groups.remove_user_from_group, "alice", "signers")
    account.does(users.delete_user, "alice")
    second = account.has_user("alice")
    assert first != second
    assert account.in_force_for_user("alice") == []


def test_there_is_a_last_user(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "USERS", 2)
    account.has_user("alice")
    account.has_user("bob")
    account.is_refused("LimitExceeded.User", users.create_user, "carol")


@pytest.mark.parametrize(
    ("parameter", "given"),
    [
        ("DisplayName", "display_name"),
        ("Comments", "comments"),
        ("Email", "email"),
        ("MobilePhone", "mobile_phone"),
    ],
)
def test_texts_of_a_user_are_short_and_text(account: Account, parameter: str, given: str) -> None:
    account.does(users.create_user, "fits", **{given: "长" * 128})
    account.is_refused(f"InvalidParameter.{parameter}.Length", users.create_user, "alice", **{given: "x" * 129})
    for no_text in ("\0", "a\ud800"):
        account.is_refused(f"InvalidParameter.{parameter}.InvalidChars", users.create_user, "alice", **{given: no_text})
        account.is_refused(
            f"InvalidParameter.New{parameter}.InvalidChars", users.update_user, "fits", **{f"new_{given}": no_text}
        )


# --- access keys ---


def test_an_access_key_belongs_to_its_user_and_is_in_force(account: Account) -> None:
    account.has_user("alice", access_keys=["LTAI1"])
    user = account.authority.users["alice"]
    assert user.access_keys == (
        AccessKey(access_key_id="LTAI1", status=AccessKeyStatus.ACTIVE, created_at=NOON + 3 * MINUTE),
    )
    assert account.authority.access_key("LTAI1") == (user, AccessKeyStatus.ACTIVE)
    assert account.authority.access_key("LTAI2") is None


def test_a_user_has_two_access_keys_to_change_from_one_to_the_other(account: Account) -> None:
    account.has_user("alice", access_keys=["LTAI1", "LTAI2"])
    account.is_refused("LimitExceeded.User.AccessKey", users.create_access_key, "alice", "LTAI3")
    account.does(users.update_access_key, "alice", "LTAI1", "Inactive")
    account.is_refused("LimitExceeded.User.AccessKey", users.create_access_key, "alice", "LTAI3")
    account.does(users.delete_access_key, "alice", "LTAI1")
    account.does(users.create_access_key, "alice", "LTAI3")
    assert [key.access_key_id for key in account.authority.users["alice"].access_keys] == ["LTAI2", "LTAI3"]


def test_an_inactive_access_key_may_become_active_again(account: Account) -> None:
    account.has_user("alice", access_keys=["LTAI1", "LTAI2"])
    for status in ("Inactive", "Active", "Active"):
        account.does(users.update_access_key, "alice", "LTAI1", status)
        held = account.authority.access_key("LTAI1")
        assert held is not None
        assert held.status == status
    other = account.authority.access_key("LTAI2")
    assert other is not None
    assert other.status is AccessKeyStatus.ACTIVE


def test_a_deleted_access_key_is_nobodys(account: Account) -> None:
    account.has_user("alice", access_keys=["LTAI1"])
    account.does(users.delete_access_key, "alice", "LTAI1")
    assert account.authority.access_key("LTAI1") is None
    account.is_refused("EntityNotExist.User.AccessKey", users.delete_access_key, "alice", "LTAI1")


def test_another_users_access_key_is_not_found(account: Account) -> None:
    account.has_user("alice", access_keys=["LTAI1"])
    account.has_user("bob")
    for user in ("bob", ""):
        account.is_refused("EntityNotExist.User.AccessKey", users.delete_access_key, user, "LTAI1")
        account.is_refused("EntityNotExist.User.AccessKey", users.update_access_key, user, "LTAI1", "Inactive")
    account.is_refused("EntityNotExist.User.AccessKey", users.delete_access_key, "alice", ROOT_KEY)


def test_access_keys_of_nobody_are_refused(account: Account) -> None:
    account.is_refused("EntityNotExist.User", users.create_access_key, "nobody", "LTAI1")
    account.is_refused("EntityNotExist.User", users.update_access_key, "nobody", "LTAI1", "Active")
    account.is_refused("EntityNotExist.User", users.delete_access_key, "nobody", "LTAI1")


@pytest.mark.parametrize("status", ["", "active", "Deleted", "Active "])
def test_a_status_is_active_or_inactive(account: Account, status: str) -> None:
    account.has_user("alice", access_keys=["LTAI1"])
    account.is_refused("InvalidParameter", users.update_access_key, "alice", "LTAI1", status)


def test_the_root_identity_changes_its_own_access_keys_like_a_user(account: Account) -> None:
    created = account.does(users.create_access_key, "", "LTAI2")
    assert created.TOPIC == "kms.access-key.created"
    assert account.authority.access_key("LTAI2") == (None, AccessKeyStatus.ACTIVE)
    account.is_refused("LimitExceeded.User.AccessKey", users.create_access_key, "", "LTAI3")
    account.does(users.update_access_key, "", ROOT_KEY, "Inactive")
    assert account.authority.access_key(ROOT_KEY) == (None, AccessKeyStatus.INACTIVE)
    account.does(users.delete_access_key, "", ROOT_KEY)
    assert account.authority.access_key(ROOT_KEY) is None
    assert [key.access_key_id for key in account.authority.root_access_keys] == ["LTAI2"]
