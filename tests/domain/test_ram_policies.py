"""Custom policies and their versions, as RAM's commands change them, and what of them is in force."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.events import Event
from domain.ram import limits, policies
from domain.ram.entities import PolicyType
from domain.ram.errors import PolicyNotFound
from domain.ram.policies import RotateStrategy
from domain.ram.system_policies import SYSTEM_POLICIES
from tests.fixtures.ledger import NOON
from tests.fixtures.ram_account import DECRYPTS, ENCRYPTS, MINUTE, Account, allowing

ROTATING = RotateStrategy.DELETE_OLDEST


@pytest.fixture
def account() -> Account:
    """Alice has the policy Encrypts."""
    account = Account()
    account.has_user("alice")
    account.has_policy("Encrypts", ENCRYPTS)
    account.attaches("Encrypts", "user", "alice")
    return account


def versions(account: Account, name: str = "Encrypts") -> list[str]:
    return [version.version_id for version in account.authority.policies[name].versions]


# --- policies ---


def test_a_policy_begins_with_its_version_v1_in_force(account: Account) -> None:
    account.does(policies.create_policy, "Decrypts", DECRYPTS, description="of the shop")
    policy = account.authority.policies["Decrypts"]
    assert (policy.policy_type, policy.default_version, policy.document) == (PolicyType.CUSTOM, "v1", DECRYPTS)
    assert (policy.description, policy.created_at) == ("of the shop", NOON + 5 * MINUTE)


@pytest.mark.parametrize("name", ["Encrypts", "encrypts", "ENCRYPTS", "AliyunKMSFullAccess", "aliyunkmsfullaccess"])
def test_nobody_shall_take_one_policy_for_another(account: Account, name: str) -> None:
    account.is_refused("EntityAlreadyExists.Policy", policies.create_policy, name, DECRYPTS)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "nonsense",
        "{}",
        '{"Version": "2", "Statement": []}',
        allowing("kms:Encrypt").replace("Allow", "Permit"),
        allowing("kms:Encrypt", resource="x" * 6_200),
    ],
)
def test_a_document_that_nobody_could_evaluate_is_refused_when_it_is_written(account: Account, document: str) -> None:
    account.is_refused("MalformedPolicyDocument", policies.create_policy, "Other", document)
    account.is_refused("MalformedPolicyDocument", policies.create_policy_version, "Encrypts", document)


def test_a_refused_document_is_told_with_the_place_of_its_fault(account: Account) -> None:
    wrong = ENCRYPTS.replace('"Resource"', '"Resources"')
    refused = account.is_refused("MalformedPolicyDocument", policies.create_policy, "Other", wrong)
    assert "Statement[0]" in refused.message


def test_the_text_of_a_document_stays_as_it_was_given(account: Account) -> None:
    odd = "\n " + ENCRYPTS.replace(":", " : \t").replace("kms : \t", "kms:")
    account.does(policies.create_policy, "Odd", odd)
    assert account.authority.policies["Odd"].document == odd


def test_a_description_is_updated(account: Account) -> None:
    account.does(policies.update_policy_description, "Encrypts", "描述")
    assert account.authority.policies["Encrypts"].description == "描述"
    too_long = "x" * 1025
    account.is_refused(
        "InvalidParameter.NewDescription.Length", policies.update_policy_description, "Encrypts", too_long
    )
    account.is_refused(
        "InvalidParameter.Description.Length", policies.create_policy, "Other", ENCRYPTS, description=too_long
    )


def test_there_is_a_last_policy(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "POLICIES", 1)
    account.is_refused("LimitExceeded.Policy", policies.create_policy, "Other", ENCRYPTS)


COMMANDS: dict[str, Callable[[Account, str], Event]] = {
    "create version": lambda account, name: account.does(policies.create_policy_version, name, ENCRYPTS),
    "delete version": lambda account, name: account.does(policies.delete_policy_version, name, "v1"),
    "set default": lambda account, name: account.does(policies.set_default_policy_version, name, "v1"),
    "describe": lambda account, name: account.does(policies.update_policy_description, name, "x"),
    "delete": lambda account, name: account.does(policies.delete_policy, name),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", ["Other", "encrypts", *SYSTEM_POLICIES])
def test_what_is_no_custom_policy_cannot_be_changed(account: Account, command: str, name: str) -> None:
    before = len(account.history)
    with pytest.raises(PolicyNotFound):
        COMMANDS[command](account, name)
    assert len(account.history) == before


# --- versions ---


def test_a_new_version_waits_until_it_is_made_the_default(account: Account) -> None:
    account.does(policies.create_policy_version, "Encrypts", DECRYPTS)
    assert versions(account) == ["v1", "v2"]
    assert account.documents_of_user() == [ENCRYPTS]
    account.does(policies.set_default_policy_version, "Encrypts", "v2")
    assert account.documents_of_user() == [DECRYPTS]
    account.does(policies.set_default_policy_version, "Encrypts", "v1")
    assert account.documents_of_user() == [ENCRYPTS]


def test_a_new_version_may_be_the_default_at_once(account: Account) -> None:
    assert account.documents_of_user() == [ENCRYPTS]
    account.does(policies.create_policy_version, "Encrypts", DECRYPTS, set_as_default=True)
    assert account.documents_of_user() == [DECRYPTS]


def test_a_policy_has_five_versions(account: Account) -> None:
    for _ in range(4):
        account.does(policies.create_policy_version, "Encrypts", DECRYPTS)
    account.is_refused("LimitExceeded.Policy.Version", policies.create_policy_version, "Encrypts", DECRYPTS)
    account.is_refused(
        "LimitExceeded.Policy.Version",
        policies.create_policy_version,
        "Encrypts",
        DECRYPTS,
        rotate_strategy=RotateStrategy.NONE,
    )
    account.does(policies.delete_policy_version, "Encrypts", "v3")
    account.does(policies.create_policy_version, "Encrypts", DECRYPTS)
    assert versions(account) == ["v1", "v2", "v4", "v5", "v6"]


def test_rotation_lets_the_oldest_go_that_is_not_in_force(account: Account) -> None:
    for _ in range(4):
        account.does(policies.create_policy_version, "Encrypts", DECRYPTS, rotate_strategy=ROTATING)
    assert versions(account) == ["v1", "v2", "v3", "v4", "v5"], "nothing goes before there are five"
    event = account.does(policies.create_policy_version, "Encrypts", DECRYPTS, rotate_strategy=ROTATING)
    assert (event.version_id, event.removed_version) == ("v6", "v2")
    assert versions(account) == ["v1", "v3", "v4", "v5", "v6"]
    account.does(policies.set_default_policy_version, "Encrypts", "v3")
    event = account.does(
        policies.create_policy_version, "Encrypts", ENCRYPTS, rotate_strategy=ROTATING, set_as_default=True
    )
    assert (event.version_id, event.removed_version) == ("v7", "v1")
    assert account.documents_of_user() == [ENCRYPTS]
    account.does(policies.create_policy_version, "Encrypts", ENCRYPTS, rotate_strategy=ROTATING)
    assert versions(account) == ["v4", "v5", "v6", "v7", "v8"], "what was the default goes as any other"


def test_a_version_id_never_comes_back(account: Account) -> None:
    account.does(policies.create_policy_version, "Encrypts", DECRYPTS)
    account.does(policies.delete_policy_version, "Encrypts", "v2")
    assert account.does(policies.create_policy_version, "Encrypts", DECRYPTS).version_id == "v3"


def test_the_version_in_force_is_not_deleted(account: Account) -> None:
    account.does(policies.create_policy_version, "Encrypts", DECRYPTS)
    account.is_refused("DeleteConflict.Policy.Version.Default", policies.delete_policy_version, "Encrypts", "v1")


@pytest.mark.parametrize("command", [policies.delete_policy_version, policies.set_default_policy_version])
def test_a_version_exists_and_is_named_as_versions_are(account: Account, command: Callable[..., Event]) -> None:
    account.is_refused("EntityNotExist.Policy.Version", command, "Encrypts", "v2")
    for nonsense in ("", "2", "V1", "v0", "v01", "v1 ", "v1\n", "v" + "1" * 10, "v١"):
        account.is_refused("InvalidParameter.VersionId.Format", command, "Encrypts", nonsense)


@pytest.mark.parametrize("strategy", ["", "none", "DeleteOldest"])
def test_a_strategy_is_one_of_two(account: Account, strategy: str) -> None:
    account.is_refused(
        "InvalidParameter", policies.create_policy_version, "Encrypts", ENCRYPTS, rotate_strategy=strategy
    )


# --- deletion ---


@pytest.mark.parametrize("cascading", [False, True])
def test_a_policy_that_somebody_has_is_not_deleted(account: Account, cascading: bool) -> None:
    account.has_group("signers")
    account.has_role("signer")
    for kind, name in (("user", "alice"), ("group", "signers"), ("role", "signer")):
        if kind != "user":
            account.attaches("Encrypts", kind, name)
        account.is_refused(
            f"DeleteConflict.Policy.{kind.title()}", policies.delete_policy, "Encrypts", cascading_delete=cascading
        )
        account.detaches("Encrypts", kind, name)
    account.does(policies.delete_policy, "Encrypts", cascading_delete=cascading)
    assert "Encrypts" not in account.authority.policies


def test_versions_stand_in_the_way_of_a_deletion_that_does_not_cascade(account: Account) -> None:
    account.detaches("Encrypts", "user", "alice")
    account.does(policies.create_policy_version, "Encrypts", DECRYPTS)
    account.is_refused("DeleteConflict.Policy.Version", policies.delete_policy, "Encrypts")
    account.does(policies.delete_policy, "Encrypts", cascading_delete=True)


def test_a_policy_of_a_deleted_ones_name_is_another_one(account: Account) -> None:
    assert account.documents_of_user() == [ENCRYPTS]
    account.detaches("Encrypts", "user", "alice")
    account.does(policies.delete_policy, "Encrypts")
    account.has_policy("Encrypts", DECRYPTS)
    assert account.documents_of_user() == []
    account.attaches("Encrypts", "user", "alice")
    assert account.documents_of_user() == [DECRYPTS]
    assert versions(account) == ["v1"]
