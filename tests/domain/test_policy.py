"""Policy documents: what is read, and what is refused with the place of the fault."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidRequest
from domain.policy import BYTES_MAX, Effect, Policy, PolicyKind, parse
from tests.fixtures.naive_access import Document
from tests.fixtures.policies import documents
from tests.fixtures.policy_texts import ALLOW, TRUSTING, changed, document, fault_of

# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_document_is_kept_to_the_letter_and_so_is_its_name() -> None:
    text = ' {"Statement" : [' + json.dumps(ALLOW) + '],\n"Version":"1"}'
    policy = parse(text, name="Custom/a")
    assert (policy.document, policy.name, policy.kind) == (text, "Custom/a", PolicyKind.IDENTITY)


def test_a_statement_s_elements_are_read() -> None:
    condition = {"IpAddress": {"acs:SourceIp": ["10.0.0.0/8", "192.0.2.1"]}}
    text = document(ALLOW, changed(Effect="Deny", Action=None, NotAction=["kms:*"], Condition=condition, Sid="at home"))
    first, second = parse(text).statements
    assert (first.index, first.effect, first.actions, first.resources) == (0, Effect.ALLOW, ("kms:Encrypt",), ("*",))
    assert (second.index, second.effect, second.actions) == (1, Effect.DENY, ("kms:*",))
    assert (first.excludes_actions, second.excludes_actions) == (False, True)
    assert (first.sid, second.sid) == ("", "at home")
    (source,) = second.conditions
    assert (source.operator, source.key, source.values) == ("IpAddress", "acs:SourceIp", ("10.0.0.0/8", "192.0.2.1"))


def test_one_statement_and_one_value_need_no_list() -> None:
    one, several = json.dumps({"Version": "1", "Statement": ALLOW}), document(changed(Action=["kms:Encrypt"]))
    assert parse(one).statements == parse(several).statements


def test_a_statement_may_have_no_condition_in_its_element() -> None:
    assert parse(document(changed(Condition={}))).statements[0].conditions == ()


@pytest.mark.parametrize(
    "action", ["*", "kms:*", "kms:Encrypt", "*:*", "k?s:Get*", "actiontrail:LookupEvents", "yundun-bastionhost:Get*"]
)
def test_actions_are_services_and_operations_with_wildcards(action: str) -> None:
    assert parse(document(changed(Action=action))).statements[0].actions == (action,)


@pytest.mark.parametrize(
    "resource",
    [
        "*",
        "acs:kms:cn-hangzhou:1234567890123456:key/0b2e2f2c-0000-4000-8000-000000000000",
        "acs:kms:*:*:key*",
        "acs:kms:*",
        "acs:*:*cn-beijing*:*:*",
        "acs:ram::1:user/anna",
        "acs:oss:*:*:photos/杭州/:x",
    ],
)
def test_resources_are_arns_with_wildcards(resource: str) -> None:
    assert parse(document(changed(Resource=resource))).statements[0].resources == (resource,)


@pytest.mark.parametrize(
    "principal",
    [
        {"RAM": "acs:ram::1234567890123456:root"},
        {"RAM": ["acs:ram::1:user/anna.b@example", "acs:ram::1:role/shop"], "Service": "ecs.aliyuncs.com"},
        {"Federated": ["acs:ram::1:saml-provider/office"]},
    ],
)
def test_trust_and_key_policies_name_principals(principal: dict[str, Any]) -> None:
    trust = document({**TRUSTING, "Principal": principal})
    of_key = document({**ALLOW, "Principal": principal, "Sid": "kms default key policy"})
    for text, kind in ((trust, PolicyKind.TRUST), (of_key, PolicyKind.RESOURCE)):
        assert parse(text, kind=kind).statements[0].principals is not None


def test_values_of_conditions_may_be_json_s_numbers_and_booleans() -> None:
    condition = {"Bool": {"acs:SecureTransport": True}, "NumericLessThan": {"kms:tag/age": [7, "0.50"]}}
    first, second = parse(document(changed(Condition=condition))).statements[0].conditions
    assert (first.values, second.values) == (("true",), ("7", "0.50"))


@pytest.mark.parametrize("kind", PolicyKind)
def test_a_document_may_be_as_long_as_published_and_not_a_byte_longer(kind: PolicyKind) -> None:
    element = {PolicyKind.TRUST: TRUSTING, PolicyKind.RESOURCE: {**ALLOW, "Principal": {"RAM": "acs:ram::1:root"}}}
    text = document(element.get(kind, ALLOW))
    longest = text + " " * (BYTES_MAX[kind] - len(text))
    assert parse(longest, kind=kind).statements
    assert fault_of(longest + " ", kind) == (
        f"The document has {BYTES_MAX[kind] + 1} bytes; at most {BYTES_MAX[kind]} fit."
    )


def test_the_limits_are_the_published_ones() -> None:
    assert dict(BYTES_MAX) == {"identity": 6_144, "session": 1_024, "resource": 32_768, "trust": 6_144}


def test_the_limit_counts_bytes_of_utf_8() -> None:
    text = document(changed(Resource="acs:oss:*:*:" + "杭" * 2_100)).encode().decode("unicode_escape")
    assert "has 6" in fault_of(text)
    assert parse(text.replace("杭", "h")).statements


# --- whatever is sent ------------------------------------------------------------------------------------------------

values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["*", "Allow", "1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Version", "Statement", "Effect", "Action", "Resource", "Condition", "Bool", "RAM", "a"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def read_or_refused(text: str, kind: PolicyKind) -> Policy | str:
    try:
        return parse(text, kind=kind)
    except InvalidRequest as refusal:
        return refusal.message


@given(values | st.fixed_dictionaries({"Version": st.just("1"), "Statement": values}), st.sampled_from(PolicyKind))
@settings(max_examples=200)
def test_any_json_is_read_or_refused(value: Any, kind: PolicyKind) -> None:
    said = read_or_refused(json.dumps(value), kind)
    assert isinstance(said, Policy) or said.isprintable()


@given(st.text(max_size=60), st.sampled_from(PolicyKind))
def test_any_text_is_read_or_refused(text: str, kind: PolicyKind) -> None:
    said = read_or_refused(text, kind)
    assert isinstance(said, Policy) or said.isprintable()


@given(documents(), st.integers(0, 2**32), st.sampled_from(['"', "{", "}", "[", "]", ",", "\\", "\0", "é", "1", ""]))
@settings(max_examples=200)
def test_a_document_with_one_character_changed_is_read_or_refused(
    original: Document, seed: int, character: str
) -> None:
    text = json.dumps(original)
    at = random.Random(seed).randrange(len(text))
    said = read_or_refused(text[:at] + character + text[at + 1 :], PolicyKind.IDENTITY)
    assert isinstance(said, Policy) or said.isprintable()


@given(documents())
def test_what_is_generated_for_other_tests_is_read(generated: Document) -> None:
    assert parse(json.dumps(generated)).statements
