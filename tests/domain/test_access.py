"""Who may do what: the rules, each by an example. That they hold together is in test_access_properties."""

from __future__ import annotations

from typing import Any, Final

import pytest

from domain.access import Access, trusts
from domain.circumstances import Circumstances
from domain.decision import Decision, Outcome
from domain.errors import NoPermission
from domain.policy import Policy, PolicyKind
from domain.ram.errors import RamNoPermission
from tests.fixtures.policies import MINE, THEIRS, parsed

ANNA: Final = f"acs:ram::{MINE}:user/anna"
SHOP: Final = f"acs:ram::{MINE}:role/shop"
SESSION: Final = f"{SHOP}/monday"
KEY: Final = f"acs:kms:cn-hangzhou:{MINE}:key/1"
FOREIGN_KEY: Final = f"acs:kms:cn-hangzhou:{THEIRS}:key/1"
AT_NIGHT: Final = Circumstances(given={"acs:CurrentTime": "2026-11-24T02:00:00Z"})
AT_NOON: Final = Circumstances(given={"acs:CurrentTime": "2026-11-24T12:00:00Z"})


def says(effect: str, action: Any, resource: Any = "*", **others: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **others}


def policy(*statements: dict[str, Any], name: str = "Custom/a", kind: PolicyKind = PolicyKind.IDENTITY) -> Policy:
    return parsed({"Version": "1", "Statement": list(statements)}, kind, name)


def anna(*policies: Policy) -> Access:
    return Access(account_id=MINE, principal=ANNA, policies=policies)


def root(account_id: str = MINE) -> Access:
    return Access(account_id=account_id, principal=f"acs:ram::{account_id}:root", is_root=True)


def session(*policies: Policy, narrowed_to: Policy | None = None) -> Access:
    return Access(account_id=MINE, principal=SESSION, policies=policies, session_policy=narrowed_to)


def of_key(*statements: dict[str, Any]) -> Policy:
    return policy(*statements, name="Key/1", kind=PolicyKind.RESOURCE)


def granting(principal: str, action: str = "kms:Encrypt", effect: str = "Allow") -> dict[str, Any]:
    return says(effect, action, Principal={"RAM": principal})


def trusting(*principals: str, effect: str = "Allow", **others: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "sts:AssumeRole", "Principal": {"RAM": list(principals)}, **others}


def trust(*statements: dict[str, Any]) -> Policy:
    return policy(*statements, name="Trust/shop", kind=PolicyKind.TRUST)


ALL_OF_KMS: Final = policy(says("Allow", "kms:*"))
MAY_ASSUME: Final = policy(says("Allow", "sts:AssumeRole"))

# --- one account -----------------------------------------------------------------------------------------------------


def test_nobody_may_anything_without_a_policy() -> None:
    decided = anna().decide("kms:Encrypt", KEY)
    assert decided.outcome is Outcome.NOT_ALLOWED
    assert (decided.policy, decided.statement) == ("", None)


def test_an_allow_allows_and_is_named_with_its_statement() -> None:
    decided = anna(policy(says("Deny", "kms:Decrypt"), says("Allow", "kms:*", KEY, Sid="its key"))).decide(
        "kms:Encrypt", KEY
    )
    assert decided == Decision(
        outcome=Outcome.ALLOWED,
        reason="allowed by Statement[1] (its key) of Custom/a",
        policy="Custom/a",
        statement=1,
        sid="its key",
    )


def test_a_deny_wins_over_every_allow_in_whichever_order() -> None:
    allow, deny = policy(says("Allow", "*"), name="Custom/yes"), policy(says("Deny", "kms:Encrypt"), name="Custom/no")
    for policies in ((allow, deny), (deny, allow)):
        decided = anna(*policies).decide("kms:Encrypt", KEY)
        assert (decided.outcome, decided.policy) == (Outcome.DENIED, "Custom/no")
        assert anna(*policies).permits("kms:Decrypt", KEY)


def test_a_deny_whose_condition_does_not_hold_denies_nothing() -> None:
    at_night = {"DateLessThan": {"acs:CurrentTime": "2026-11-24T06:00:00Z"}}
    caller = anna(ALL_OF_KMS, policy(says("Deny", "kms:*", Condition=at_night)))
    assert not caller.permits("kms:Encrypt", KEY, AT_NIGHT)
    assert caller.permits("kms:Encrypt", KEY, AT_NOON)
    assert not caller.permits("kms:Encrypt", KEY, AT_NIGHT)


def test_an_allow_with_a_condition_does_not_stand_in_the_way_of_one_without() -> None:
    at_night = {"DateLessThan": {"acs:CurrentTime": "2026-11-24T06:00:00Z"}}
    caller = anna(policy(says("Allow", "kms:*", Condition=at_night), name="Custom/night"), ALL_OF_KMS)
    assert caller.decide("kms:Encrypt", KEY, AT_NIGHT).policy == "Custom/night"
    assert caller.decide("kms:Encrypt", KEY, AT_NOON).policy == "Custom/a"


@pytest.mark.parametrize("action", ["kms:Encrypt", "KMS:encrypt", "kms:ENCRYPT"])
@pytest.mark.parametrize("pattern", ["kms:Encrypt", "Kms:eNCRYPT", "kms:enc*", "KMS:*"])
def test_the_case_of_letters_in_actions_does_not_count(action: str, pattern: str) -> None:
    assert anna(policy(says("Allow", pattern))).permits(action, KEY)


def test_the_case_of_letters_in_resources_does() -> None:
    assert not anna(policy(says("Allow", "*", KEY.replace("key", "KEY")))).permits("kms:Encrypt", KEY)


def test_not_action_is_about_all_actions_but_the_listed() -> None:
    caller = anna(policy({"Effect": "Allow", "NotAction": ["ram:*", "kms:Decrypt"], "Resource": "*"}))
    assert caller.permits("kms:Encrypt", KEY)
    assert not caller.permits("kms:decrypt", KEY)
    assert not caller.permits("ram:GetUser", ANNA)


def test_a_tag_of_the_key_decides() -> None:
    tagged = {"StringEquals": {"kms:tag/stage": "production"}}
    caller = anna(policy(says("Allow", "kms:*", Condition=tagged)))
    assert caller.permits("kms:Encrypt", KEY, Circumstances(tags={"stage": "production"}))
    assert not caller.permits("kms:Encrypt", KEY, Circumstances(tags={"Stage": "production"}))
    assert not caller.permits("kms:Encrypt", KEY)


@pytest.mark.parametrize("pattern", [f"acs:ram:*:{MINE}:user/*", f"acs:ram::{MINE}:user/*"])
@pytest.mark.parametrize("resource", [f"acs:ram:*:{MINE}:user/anna", f"acs:ram::{MINE}:user/anna"])
def test_resources_of_ram_are_the_same_with_an_open_region_and_with_none(pattern: str, resource: str) -> None:
    assert anna(policy(says("Allow", "ram:GetUser", pattern))).permits("ram:GetUser", resource)


def test_more_resources_than_are_remembered_are_decided_alike() -> None:
    caller = anna(policy(says("Allow", "kms:*", "acs:kms:*:*:key/*7")))
    keys = [f"acs:kms:cn-hangzhou:{MINE}:key/{number}" for number in range(200)]
    for _ in range(2):
        assert [key for key in keys if caller.permits("kms:Encrypt", key)] == [k for k in keys if k.endswith("7")]


# --- root ------------------------------------------------------------------------------------------------------------


def test_root_may_everything_on_what_its_account_owns() -> None:
    assert root().decide("kms:Encrypt", KEY).reason == "root of an account needs no policy of it"
    assert root().permits("ram:DeleteUser", ANNA)
    assert root().permits("ram:GetPolicy", "acs:ram:*:system:policy/AliyunKMSFullAccess")


def test_root_may_nothing_on_what_another_account_owns() -> None:
    assert not root().permits("kms:Encrypt", FOREIGN_KEY)


def test_a_deny_of_a_key_s_policy_is_above_root() -> None:
    assert not root().permits("kms:Encrypt", KEY, resource_policy=of_key(granting(root().principal, effect="Deny")))


# --- sessions --------------------------------------------------------------------------------------------------------


def test_a_session_s_policy_narrows_and_never_widens() -> None:
    narrowed = session(ALL_OF_KMS, narrowed_to=policy(says("Allow", "*", KEY), kind=PolicyKind.SESSION))
    assert narrowed.permits("kms:Encrypt", KEY)
    assert narrowed.decide("kms:Encrypt", KEY + "2").reason == "the session's policy does not allow it"
    assert narrowed.decide("ram:GetUser", KEY).reason == "no policy of the caller allows it"


def test_a_deny_in_a_session_s_policy_is_an_explicit_one() -> None:
    denying = policy(says("Allow", "*"), says("Deny", "kms:Decrypt"), name="Session/monday", kind=PolicyKind.SESSION)
    decided = session(ALL_OF_KMS, narrowed_to=denying).decide("kms:Decrypt", KEY)
    assert (decided.outcome, decided.policy) == (Outcome.DENIED, "Session/monday")


def test_a_key_s_policy_does_not_overcome_the_session_s() -> None:
    narrowed = session(narrowed_to=policy(says("Allow", "kms:Decrypt"), kind=PolicyKind.SESSION))
    assert not narrowed.permits("kms:Encrypt", KEY, resource_policy=of_key(granting(SHOP)))


# --- policies of keys ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [anna(), session()], ids=["user", "session of a role"])
def test_within_an_account_a_key_s_policy_that_names_the_identity_suffices(caller: Access) -> None:
    assert caller.permits("kms:Encrypt", KEY, resource_policy=of_key(granting(ANNA), granting(SHOP)))
    assert not caller.permits("kms:Decrypt", KEY, resource_policy=of_key(granting(ANNA), granting(SHOP)))


@pytest.mark.parametrize("whole", ["root", "*"])
def test_within_an_account_a_key_s_policy_that_names_the_account_leaves_it_to_the_account(whole: str) -> None:
    names_account = of_key(granting(f"acs:ram::{MINE}:{whole}"))
    assert not anna().permits("kms:Encrypt", KEY, resource_policy=names_account)
    assert anna(ALL_OF_KMS).permits("kms:Encrypt", KEY, resource_policy=names_account)


def test_a_deny_in_a_key_s_policy_that_names_the_account_holds_for_everybody_in_it() -> None:
    denied = of_key(granting(f"acs:ram::{MINE}:root", effect="Deny"))
    assert anna(ALL_OF_KMS).decide("kms:Encrypt", KEY, resource_policy=denied).policy == "Key/1"


def test_a_key_s_policy_is_about_the_resources_that_it_names() -> None:
    one_region = of_key(says("Allow", "kms:*", "acs:kms:cn-beijing:*", Principal={"RAM": ANNA}))
    assert anna().permits("kms:Encrypt", KEY.replace("cn-hangzhou", "cn-beijing"), resource_policy=one_region)
    assert not anna().permits("kms:Encrypt", KEY, resource_policy=one_region)


@pytest.mark.parametrize("principal", [ANNA, f"acs:ram::{MINE}:root"])
def test_between_accounts_both_sides_must_allow(principal: str) -> None:
    shared = of_key(granting(principal))
    decided = anna(ALL_OF_KMS).decide("kms:Encrypt", FOREIGN_KEY, resource_policy=shared)
    assert decided.reason == "allowed by Statement[0] of Custom/a, and allowed by Statement[0] of Key/1"
    assert not anna().permits("kms:Encrypt", FOREIGN_KEY, resource_policy=shared)
    assert not anna(ALL_OF_KMS).permits("kms:Encrypt", FOREIGN_KEY)
    assert not anna(ALL_OF_KMS).permits("kms:Decrypt", FOREIGN_KEY, resource_policy=shared)


def test_between_accounts_root_needs_the_owner_only() -> None:
    shared = of_key(granting(f"acs:ram::{MINE}:root"))
    assert root().permits("kms:Encrypt", FOREIGN_KEY, resource_policy=shared)
    assert not root("3000000000000003").permits("kms:Encrypt", FOREIGN_KEY, resource_policy=shared)


# --- roles -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("principals", [[f"acs:ram::{MINE}:root"], [ANNA], [f"acs:ram::{THEIRS}:root", ANNA]])
@pytest.mark.parametrize("account", [MINE, THEIRS], ids=["own", "another's"])
def test_a_role_is_assumed_by_whom_it_trusts_and_whose_account_allows_it(principals: list[str], account: str) -> None:
    role, trusted = f"acs:ram::{account}:role/shop", trust(trusting(*principals))
    assert anna(MAY_ASSUME).decide_assume_role(role, trusted).policy == "Trust/shop"
    assert anna().decide_assume_role(role, trusted).reason == "no policy of the caller allows it"


def test_a_role_that_does_not_trust_is_assumed_by_nobody_not_even_root() -> None:
    elsewhere = trust(trusting(f"acs:ram::{THEIRS}:root"))
    assert anna(MAY_ASSUME).decide_assume_role(SHOP, elsewhere).reason == "the role does not trust the caller"
    assert not root().decide_assume_role(SHOP, elsewhere).is_allowed


def test_root_assumes_a_role_that_trusts_its_account() -> None:
    assert root().decide_assume_role(SHOP, trust(trusting(f"acs:ram::{MINE}:root"))).is_allowed


def test_a_session_assumes_a_role_that_trusts_its_own_role() -> None:
    trusted = trust(trusting(SHOP))
    assert session(MAY_ASSUME).decide_assume_role(SHOP, trusted).is_allowed
    others = Access(account_id=MINE, principal=f"acs:ram::{MINE}:role/shopping/monday", policies=[MAY_ASSUME])
    assert not others.decide_assume_role(SHOP, trusted).is_allowed


def test_a_deny_in_a_trust_policy_wins() -> None:
    trusted = trust(trusting(f"acs:ram::{MINE}:root"), trusting(ANNA, effect="Deny"))
    assert anna(MAY_ASSUME).decide_assume_role(SHOP, trusted).outcome is Outcome.DENIED


def test_an_external_id_is_asked_for_by_a_condition() -> None:
    trusted = trust(trusting(ANNA, Condition={"StringEquals": {"sts:ExternalId": "order 7"}}))
    assert trusts(trusted, ANNA, MINE, Circumstances(given={"sts:ExternalId": "order 7"}))
    assert not trusts(trusted, ANNA, MINE, Circumstances(given={"sts:ExternalId": "order 8"}))
    assert not trusts(trusted, ANNA, MINE)


@pytest.mark.parametrize("kind", ["Service", "Federated"])
def test_services_and_identity_providers_are_nobody_who_asks_here(kind: str) -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {kind: ["ecs.aliyuncs.com", ANNA]}}
    assert not trusts(trust(statement), ANNA, MINE)


# --- refusals --------------------------------------------------------------------------------------------------------


def test_a_refusal_of_kms_names_who_lacks_which_action_on_which_resource() -> None:
    with pytest.raises(NoPermission) as refused:
        anna().check("kms:Encrypt", KEY)
    assert refused.value.code == "Forbidden.NoPermission"
    assert refused.value.message == (
        f"This operation is forbidden by permission system. {ANNA} needs kms:Encrypt on {KEY}: not allowed."
    )


@pytest.mark.parametrize(("action", "resource"), [("ram:GetUser", ANNA), ("sts:AssumeRole", SHOP)])
def test_a_refusal_of_ram_and_sts_has_their_code(action: str, resource: str) -> None:
    with pytest.raises(RamNoPermission, match=f"needs {action} on {resource}: not allowed") as refused:
        anna().check(action, resource)
    assert refused.value.code == "NoPermission"
    with pytest.raises(RamNoPermission, match=f"needs sts:AssumeRole on {SHOP}: not allowed"):
        anna().check_assume_role(SHOP, trust(trusting(ANNA)))


def test_a_refusal_tells_no_policy_s_name() -> None:
    with pytest.raises(NoPermission, match="explicitly denied") as refused:
        anna(policy(says("Deny", "*"), name="Custom/secret-project")).check("kms:Encrypt", KEY)
    assert "secret-project" not in refused.value.message


def test_what_is_allowed_is_not_refused() -> None:
    anna(ALL_OF_KMS).check("kms:Encrypt", KEY)
    anna(MAY_ASSUME).check_assume_role(SHOP, trust(trusting(ANNA)))
