"""The least policy allows what was used, each of it and nothing else, and is never widened to be shorter."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access import Access
from domain.audit.least_policy import LeastPolicy, least_policy
from domain.audit.uses import Use
from domain.policy import BYTES_MAX, PolicyKind, parse
from domain.ram.limits import POLICIES_OF_TARGET
from tests.fixtures.ledger import ACCOUNT

KEYS: Final = tuple(f"acs:kms:cn-hangzhou:{ACCOUNT}:key/{number:036}" for number in range(2_000))
WORLD_ACTIONS: Final = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "ram:GetUser", "sts:AssumeRole")
WORLD_RESOURCES: Final = (
    *KEYS[:3],
    f"acs:kms:cn-hangzhou:{ACCOUNT}:key",
    f"acs:ram:*:{ACCOUNT}:user/bob",
    f"acs:ram:*:{ACCOUNT}:user/bobby",
    f"acs:ram::{ACCOUNT}:role/shop",
    "acs:ram:*:system:policy/AliyunKMSFullAccess",
)
pairs = st.sets(st.tuples(st.sampled_from(WORLD_ACTIONS), st.sampled_from(WORLD_RESOURCES)))


def access(policy: LeastPolicy) -> Access:
    policies = [parse(document) for document in policy.documents]
    return Access(account_id=ACCOUNT, principal=f"acs:ram::{ACCOUNT}:user/alice", policies=policies)


@given(pairs, st.randoms(use_true_random=False))
def test_it_allows_every_use_and_nothing_else(used: set[tuple[str, str]], random: Any) -> None:
    in_some_order = sorted(used)
    random.shuffle(in_some_order)
    policy = least_policy(Use(*pair) for pair in in_some_order)
    assert policy == least_policy(Use(*pair) for pair in sorted(used))
    assert policy.is_whole
    allowed = access(policy)
    for action in WORLD_ACTIONS:
        for resource in WORLD_RESOURCES:
            assert allowed.permits(action, resource) == ((action, resource) in used)


@given(st.integers(1, 300), st.integers(1, 12))
@settings(max_examples=30)
def test_what_does_not_fit_goes_into_further_documents(keys: int, actions: int) -> None:
    used = {(f"kms:Action{n}", key) for n in range(actions) for key in KEYS[:keys]}
    policy = least_policy(Use(*pair) for pair in used)
    assert policy.is_whole
    assert all(len(document.encode()) <= BYTES_MAX[PolicyKind.IDENTITY] for document in policy.documents)
    allowed = access(policy)
    assert all(allowed.permits(action, key) for action, key in used)
    assert not allowed.permits("kms:Action0", KEYS[keys])
    assert not allowed.permits("kms:Action12", KEYS[0])


def test_actions_on_the_same_resources_share_a_statement() -> None:
    used = [("kms:Encrypt", KEYS[0]), ("kms:Decrypt", KEYS[0]), ("kms:DescribeKey", KEYS[1])]
    (document,) = least_policy(Use(*pair) for pair in used).documents
    assert json.loads(document) == {
        "Version": "1",
        "Statement": [
            {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": [KEYS[0]]},
            {"Effect": "Allow", "Action": ["kms:DescribeKey"], "Resource": [KEYS[1]]},
        ],
    }


def test_repeated_uses_are_one_permission() -> None:
    policy = least_policy([Use("kms:Encrypt", KEYS[0], 7), Use("kms:Encrypt", KEYS[0])])
    assert (policy.permissions, policy.documents_needed, policy.remark) == (1, 1, "")


def test_who_used_nothing_needs_no_policy() -> None:
    policy = least_policy([])
    assert (policy.documents, policy.documents_needed, policy.is_whole) == ((), 0, True)


def test_too_many_documents_are_counted_and_never_widened() -> None:
    policy = least_policy(Use("kms:Encrypt", key) for key in KEYS)
    assert policy.documents == ()
    assert policy.documents_needed > POLICIES_OF_TARGET
    assert not policy.is_whole
    assert "Nothing was widened" in policy.remark


def test_a_wildcard_of_the_service_s_own_is_told() -> None:
    policy = least_policy([Use("ram:CreateUser", f"acs:ram:*:{ACCOUNT}:user/*")])
    assert policy.with_wildcards == (("ram:CreateUser", f"acs:ram::{ACCOUNT}:user/*"),)
    assert "ram:CreateUser" in policy.remark
    allowed = access(policy)
    assert allowed.permits("ram:CreateUser", f"acs:ram:*:{ACCOUNT}:user/*")
    assert not allowed.permits("ram:GetUser", f"acs:ram:*:{ACCOUNT}:user/*")


def test_what_no_policy_can_name_is_left_out_and_told() -> None:
    policy = least_policy([Use("kms:Encrypt", "nothing"), Use("kms:Encrypt", f"acs:kms:::key/{'x' * 7_000}")])
    assert len(policy.inexpressible) == 2
    assert policy.documents == ()
    assert not policy.is_whole
    assert "left out" in policy.remark


def test_many_actions_on_one_resource_fit_as_well() -> None:
    used = [Use(f"kms:Action{number:060}", KEYS[0]) for number in range(120)]
    policy = least_policy(used)
    assert policy.is_whole
    assert all(access(policy).permits(*use[:2]) for use in used)


def test_conditions_of_the_policies_in_force_are_not_taken_over_and_that_is_said() -> None:
    condition = {"IpAddress": {"acs:SourceIp": "10.0.0.0/8"}}
    statement = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}
    texts = {"plain": statement, "office": {**statement, "Condition": condition}}
    in_force = [
        parse(json.dumps({"Version": "1", "Statement": [given]}), name=f"Custom/{name}")
        for name, given in texts.items()
    ]
    policy = least_policy([Use("kms:Encrypt", KEYS[0])], in_force=in_force)
    assert policy.remark == "Custom/office has conditions, and this has none: add those that should stay."
    assert policy.is_whole
    assert not least_policy([], in_force=in_force).remark
    assert not least_policy([Use("kms:Encrypt", KEYS[0])], in_force=in_force[:1]).remark
