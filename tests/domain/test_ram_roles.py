"""Roles, as RAM's commands change them, and what ends the sessions that act as them."""

from __future__ import annotations

import pytest

from domain.ram import limits, roles
from tests.fixtures.ledger import ACCOUNT, NOON
from tests.fixtures.ram_account import ENCRYPTS, MINUTE, TRUSTS_ITSELF, Account, trusting

TRUSTS_OTHERS = trusting("acs:ram::6543210987654321:root")


@pytest.fixture
def account() -> Account:
    return Account()


def test_a_role_is_what_was_asked_for(account: Account) -> None:
    event = account.does(
        roles.create_role, "signer", TRUSTS_OTHERS, description="of the shop", max_session_duration=43_200
    )
    role = account.authority.roles["signer"]
    assert (role.id, role.description, role.max_session_duration) == (event.role_id, "of the shop", 43_200)
    assert (role.trust_policy, role.created_at) == (TRUSTS_OTHERS, NOON + 2 * MINUTE)
    assert len(role.id) == 18
    assert role.id.isdecimal()


def test_a_session_lasts_an_hour_unless_the_role_says_otherwise(account: Account) -> None:
    account.has_role("signer")
    assert account.authority.roles["signer"].max_session_duration == 3_600


@pytest.mark.parametrize("seconds", [3_599, 43_201, 0, -3_600])
def test_a_session_lasts_one_to_twelve_hours(account: Account, seconds: int) -> None:
    given = {"max_session_duration": seconds}
    refused = account.is_refused("InvalidParameter", roles.create_role, "signer", TRUSTS_ITSELF, **given)
    assert "MaxSessionDuration" in refused.message
    account.has_role("signer")
    account.is_refused("InvalidParameter", roles.update_role, "signer", new_max_session_duration=seconds)


@pytest.mark.parametrize(
    "document",
    ["", "{}", ENCRYPTS, TRUSTS_ITSELF.replace("RAM", "Ram"), trusting("alice"), trusting("acs:ram::1:*/root")],
)
def test_a_trust_policy_that_nobody_could_evaluate_is_refused(account: Account, document: str) -> None:
    account.is_refused("MalformedPolicyDocument", roles.create_role, "signer", document)
    account.has_role("signer")
    account.is_refused("MalformedPolicyDocument", roles.update_role, "signer", new_trust_policy=document)


def test_an_update_keeps_what_it_does_not_mention(account: Account) -> None:
    account.does(roles.create_role, "signer", TRUSTS_ITSELF, description="of the shop", max_session_duration=7_200)
    before = account.authority.roles["signer"]
    account.does(roles.update_role, "signer", new_description="")
    after = account.authority.roles["signer"]
    assert (after.id, after.trust_policy, after.max_session_duration) == (before.id, TRUSTS_ITSELF, 7_200)
    assert (after.description, after.updated_at) == ("", NOON + 3 * MINUTE)
    account.does(roles.update_role, "signer", new_max_session_duration=3_600)
    assert account.authority.roles["signer"].max_session_duration == 3_600


def test_another_trust_policy_is_seen_at_once_and_has_another_number(account: Account) -> None:
    account.has_role("signer", TRUSTS_ITSELF)
    authority = account.authority
    before = authority.roles["signer"].trust_number
    assert authority.trust_policy_of("signer").document == TRUSTS_ITSELF
    account.does(roles.update_role, "signer", new_trust_policy=TRUSTS_OTHERS)
    assert authority.trust_policy_of("signer").document == TRUSTS_OTHERS
    assert authority.roles["signer"].trust_number > before


def test_an_update_that_trusts_the_same_leaves_the_number(account: Account) -> None:
    """Sessions go on when a role is described otherwise."""
    account.has_role("signer", TRUSTS_ITSELF)
    before = account.authority.roles["signer"].trust_number
    account.does(roles.update_role, "signer", new_description="x", new_trust_policy=TRUSTS_ITSELF)
    assert account.authority.roles["signer"].trust_number == before


def test_a_trust_policy_that_comes_back_does_not_bring_sessions_back(account: Account) -> None:
    account.has_role("signer", TRUSTS_ITSELF)
    numbers = [account.authority.roles["signer"].trust_number]
    for trust_policy in (TRUSTS_OTHERS, TRUSTS_ITSELF):
        account.does(roles.update_role, "signer", new_trust_policy=trust_policy)
        numbers.append(account.authority.roles["signer"].trust_number)
    assert len(set(numbers)) == 3


def test_two_roles_never_have_one_name_whatever_its_case(account: Account) -> None:
    account.has_role("signer")
    account.is_refused("EntityAlreadyExists.Role", roles.create_role, "Signer", TRUSTS_ITSELF)


def test_a_role_is_deleted_when_nothing_is_attached_to_it(account: Account) -> None:
    account.has_role("signer")
    account.attaches("AliyunKMSFullAccess", "role", "signer", "System")
    account.is_refused("DeleteConflict.Role.Policy", roles.delete_role, "signer")
    account.detaches("AliyunKMSFullAccess", "role", "signer", "System")
    account.does(roles.delete_role, "signer")
    assert "signer" not in account.authority.roles
    for command in (roles.delete_role, roles.update_role):
        account.is_refused("EntityNotExist.Role", command, "signer")


def test_a_role_of_a_deleted_ones_name_is_another_one(account: Account) -> None:
    first = account.has_role("signer", TRUSTS_ITSELF)
    assert account.authority.trust_policy_of("signer").document == TRUSTS_ITSELF
    account.does(roles.delete_role, "signer")
    second = account.has_role("signer", TRUSTS_OTHERS)
    assert first != second
    assert account.authority.trust_policy_of("signer").document == TRUSTS_OTHERS
    assert account.in_force_for_role("signer") == []


def test_there_is_a_last_role(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ROLES", 1)
    account.has_role("signer")
    account.is_refused("LimitExceeded.Role", roles.create_role, "sealer", TRUSTS_ITSELF)


def test_descriptions_of_a_role_have_a_limit(account: Account) -> None:
    too_long = "x" * 1_025
    account.is_refused(
        "InvalidParameter.Description.Length", roles.create_role, "signer", TRUSTS_ITSELF, description=too_long
    )
    account.has_role("signer")
    account.is_refused("InvalidParameter.NewDescription.Length", roles.update_role, "signer", new_description=too_long)


def test_who_acts_as_a_role_is_known_by_role_and_session(account: Account) -> None:
    role_id = account.has_role("signer")
    authority = account.authority
    caller = authority.as_session(authority.roles["signer"], "nightly", "STS.1", "acs:ram::6543210987654321:user/bob")
    assert (caller.kind, caller.principal) == ("assumed-role", f"acs:ram::{ACCOUNT}:role/signer/nightly")
    assert (caller.principal_id, caller.user_name) == (f"{role_id}:nightly", "signer:nightly")
    assert (caller.access_key_id, caller.assumed_by) == ("STS.1", "acs:ram::6543210987654321:user/bob")
    assert caller.authority == authority.guard
