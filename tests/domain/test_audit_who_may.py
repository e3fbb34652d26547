"""Who may use a key: every principal of the account, with the policy that decides and how it reaches them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import identity
from domain.audit.candidates import Kind
from domain.audit.possibility import May
from domain.audit.who_may import OPERATIONS_ON_KEYS, Holder, Source, WhoMay, who_may
from domain.audit.who_may_assume import NO_CALLER_HERE, NOT_THERE, OF_UNKNOWN_ACCOUNT, Assumer, trusted_accounts
from domain.circumstances import Circumstances
from domain.events import GroupCreated, UserAddedToGroup
from domain.key import Key
from domain.ram.entities import PolicyType
from domain.vocabulary import KeyState, Operation
from tests.fixtures.ledger import ACCOUNT, InMemoryLedger, a_call, a_new_key
from tests.fixtures.naive_access import Document
from tests.fixtures.policies import documents
from tests.fixtures.ram import OTHER_ACCOUNT, Ram, allowing, trusting

KEY: Final[Key] = replace(a_new_key().key, tags={"stage": "production"})
THIRD_ACCOUNT: Final = "3333333333333333"


def an_account(account_id: str = ACCOUNT) -> Ram:
    return Ram(InMemoryLedger(), account_id)


def arn(name: str, account_id: str = ACCOUNT) -> str:
    return f"acs:ram::{account_id}:{name}"


def asked(ram: Ram, action: str = "kms:Decrypt", *others: Ram, key: Key = KEY) -> WhoMay:
    return who_may(key, ram.authority, action, {other.account_id: other.authority for other in others})


def holder(told: WhoMay, name: str) -> Holder:
    (found,) = [one for one in told.holders if one.name == name]
    return found


def assumer(told: WhoMay, role: str, principal: str) -> Assumer:
    (found,) = [one for one in holder(told, role).assumers if one.principal == principal]
    return found


def test_root_may_and_a_user_without_policies_may_not() -> None:
    ram = an_account()
    ram.user("alice")
    told = asked(ram)
    assert [(one.kind, one.may) for one in told.holders] == [(Kind.ROOT, May.YES), (Kind.USER, May.NO)]
    assert holder(told, "root").has_active_access_key
    assert holder(told, "root").source is None


def test_a_policy_is_told_with_its_version_and_the_groups_it_comes_through() -> None:
    ram = an_account()
    for name in ("alice", "bob"):
        ram.user(name)
    ram.record(GroupCreated, group_name="shop", group_id="g-1", comments="")
    ram.policy("use", allowing("kms:Encrypt"))
    ram.policy_version("use", "v2", allowing("kms:Decrypt"))
    ram.record(UserAddedToGroup, group_name="shop", user_name="alice")
    ram.attached("use", "group", "shop")
    ram.attached("use", "user", "bob")
    told = asked(ram)
    through = Source(
        policy_type=PolicyType.CUSTOM, policy_name="use", version_id="v2", attached=False, groups=("shop",)
    )
    assert (holder(told, "alice").may, holder(told, "alice").source) == (May.YES, through)
    assert holder(told, "bob").source == replace(through, attached=True, groups=())
    assert holder(told, "alice").answer.decision.statement == 0
    assert holder(asked(ram, "kms:Encrypt"), "alice").may is May.NO


def test_a_user_whose_access_keys_are_not_in_force_cannot_call() -> None:
    ram = an_account()
    ram.user("alice")
    ram.attached("AliyunKMSFullAccess", "user", "alice", "System")
    assert not holder(asked(ram), "alice").can_call
    ram.access_key("alice", "LTAI1")
    told = asked(ram)
    assert holder(told, "alice") in told.able
    source = holder(told, "alice").source
    assert source is not None
    assert (source.policy_type, source.policy_name, source.version_id) == (
        PolicyType.SYSTEM, "AliyunKMSFullAccess", "v3",
    )  # fmt: skip
    ram.access_key_is("Inactive", "alice", "LTAI1")
    assert holder(asked(ram), "alice") not in asked(ram).able


def test_the_key_s_tags_are_known() -> None:
    ram = an_account()
    ram.user("alice")
    ram.policy("use", _document({**_ALLOW, "Condition": {"StringEquals": {"kms:tag/stage": "production"}}}))
    ram.attached("use", "user", "alice")
    assert holder(asked(ram), "alice").may is May.YES
    assert holder(asked(ram, key=replace(KEY, tags={})), "alice").may is May.NO


_ALLOW: Final[Document] = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}


def _document(*statements: Document) -> str:
    return json.dumps({"Version": "1", "Statement": list(statements)})


def test_the_same_policies_answer_each_who_they_ask_for() -> None:
    ram = an_account()
    ram.policy("use", _document({**_ALLOW, "Condition": {"StringEquals": {"acs:PrincipalARN": arn("user/alice")}}}))
    for name in ("alice", "bob"):
        ram.user(name)
        ram.attached("use", "user", name)
    told = asked(ram)
    assert (holder(told, "alice").may, holder(told, "bob").may) == (May.YES, May.NO)


@pytest.mark.parametrize(
    ("state", "action", "code"),
    [
        (KeyState.ENABLED, "kms:Decrypt", ""),
        (KeyState.DISABLED, "kms:Decrypt", "Rejected.Disabled"),
        (KeyState.DISABLED, "kms:EnableKey", ""),
        (KeyState.PENDING_DELETION, "kms:Decrypt", "Rejected.PendingDeletion"),
    ],
)
def test_what_the_key_s_state_refuses_everybody_is_said_beside_it(state: KeyState, action: str, code: str) -> None:
    told = asked(an_account(), action, key=replace(KEY, state=state))
    assert told.refused_by_state == code
    assert holder(told, "root").may is May.YES


def test_a_destroyed_key_refuses_everybody() -> None:
    assert asked(an_account(), key=replace(KEY, destroyed=True)).refused_by_state == "Forbidden.KeyNotFound"


@pytest.mark.parametrize("action", OPERATIONS_ON_KEYS)
def test_every_action_on_keys_can_be_asked_about(action: str) -> None:
    assert holder(asked(an_account(), action), "root").may is May.YES


def test_an_action_that_keys_have_not_is_refused() -> None:
    with pytest.raises(KeyError):
        asked(an_account(), "kms:CreateKey")


# --- roles -----------------------------------------------------------------------------------------------------------


def a_role(trust: str) -> Ram:
    """An account with the role ``shop``, which may use keys, and alice, who may assume roles."""
    ram = an_account()
    ram.user("alice")
    ram.access_key("alice", "LTAI1")
    ram.user("bob")
    ram.attached("AliyunSTSAssumeRoleAccess", "user", "alice", "System")
    ram.role("shop", trust)
    ram.attached("AliyunKMSFullAccess", "role", "shop", "System")
    return ram


def test_a_role_is_assumed_by_whom_both_sides_allow() -> None:
    told = asked(a_role(trusting(arn("root"))))
    assert {one.principal for one in holder(told, "shop").assumers} == {arn("root"), arn("user/alice")}
    assert assumer(told, "shop", arn("user/alice")).answer.may is May.YES
    assert holder(told, "shop") in told.able
    assert holder(told, "shop").has_active_access_key is None


def test_whoever_is_named_but_not_allowed_by_their_own_policies_is_told() -> None:
    told = asked(a_role(trusting(arn("user/bob"), arn("user/carol"), arn("role/gone"))))
    assert assumer(told, "shop", arn("user/bob")).answer.may is May.NO
    assert assumer(told, "shop", arn("user/carol")).remark == NOT_THERE
    assert assumer(told, "shop", arn("role/gone")).remark == NOT_THERE
    assert holder(told, "shop") not in told.able


def test_a_role_that_may_not_use_the_key_is_not_asked_about_further() -> None:
    ram = a_role(trusting(arn("root")))
    ram.role("idle", trusting(arn("root")))
    assert holder(asked(ram), "idle").assumers == ()


def test_roles_are_assumed_by_roles() -> None:
    ram = a_role(trusting(arn("role/clerk")))
    ram.role("clerk", trusting(arn("root")))
    assert assumer(asked(ram), "shop", arn("role/clerk")).answer.may is May.NO
    ram.attached("AliyunSTSAssumeRoleAccess", "role", "clerk", "System")
    assert assumer(asked(ram), "shop", arn("role/clerk")).answer.may is May.YES


def test_of_another_account_that_is_known_both_sides_are_asked() -> None:
    other = an_account(OTHER_ACCOUNT)
    for name in ("carol", "dave"):
        other.user(name)
    other.attached("AliyunSTSAssumeRoleAccess", "user", "carol", "System")
    ram = a_role(trusting(arn("root", OTHER_ACCOUNT)))
    assert trusted_accounts(ram.authority) == {OTHER_ACCOUNT}
    told = asked(ram, "kms:Decrypt", other)
    assert {one.principal for one in holder(told, "shop").assumers} == {
        arn("root", OTHER_ACCOUNT), arn("user/carol", OTHER_ACCOUNT),
    }  # fmt: skip
    assert not assumer(told, "shop", arn("user/carol", OTHER_ACCOUNT)).can_call


def test_of_an_unknown_account_the_role_s_side_is_told() -> None:
    trust = _document(
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"RAM": [arn("root", OTHER_ACCOUNT), arn("user/erin", THIRD_ACCOUNT)]},
            "Condition": {"StringEquals": {"sts:ExternalId": "shop-7"}},
        }
    )
    ram = a_role(trust)
    assert trusted_accounts(ram.authority) == {OTHER_ACCOUNT, THIRD_ACCOUNT}
    told = asked(ram)
    for principal in (arn("root", OTHER_ACCOUNT), arn("user/erin", THIRD_ACCOUNT)):
        found = assumer(told, "shop", principal)
        assert (found.answer.may, found.remark) == (May.UNDER_CONDITIONS, OF_UNKNOWN_ACCOUNT)
        assert found.answer.where == ('sts:ExternalId is "shop-7"',)


def test_services_and_providers_are_named_though_nobody_here_is_one() -> None:
    principal = {"Service": ["ecs.aliyuncs.com"], "Federated": ["acs:ram::1:saml-provider/x"]}
    told = asked(a_role(_document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal})))
    assert {(one.kind, one.remark) for one in holder(told, "shop").assumers} == {
        ("service", NO_CALLER_HERE), ("identity-provider", NO_CALLER_HERE),
    }  # fmt: skip


# --- whatever the policies -------------------------------------------------------------------------------------------


@given(st.lists(documents(), min_size=1, max_size=4), st.data())
@settings(max_examples=60)
def test_the_answer_agrees_with_what_the_service_would_decide(identity_: list[Document], data: st.DataObject) -> None:
    ram = an_account()
    ram.record(GroupCreated, group_name="shop", group_id="g-1", comments="")
    for n, document in enumerate(identity_):
        ram.policy(f"policy-{n}", json.dumps(document))
    for name in ("alice", "bob"):
        ram.user(name)
        ram.access_key(name, f"LTAI{name}")
        ram.attached(f"policy-{data.draw(st.integers(0, len(identity_) - 1))}", "user", name)
    ram.record(UserAddedToGroup, group_name="shop", user_name="bob")
    ram.attached(f"policy-{data.draw(st.integers(0, len(identity_) - 1))}", "group", "shop")
    told, authority = asked(ram), ram.authority
    for name in ("alice", "bob"):
        found = identity.of_access_key(authority, f"LTAI{name}")
        call = a_call(Operation.DECRYPT, by=found.caller)
        allowed = found.access.permits("kms:Decrypt", KEY.arn, Circumstances(call=call, tags=KEY.tags))
        may = holder(told, name).may
        assert may is not (May.NO if allowed else May.YES)
