"""Policy documents: what is read, and what is refused with the place of the fault."""

from __future__ import annotations

import json
import random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import InvalidRequest
from domain.policy import BYTES_MAX, Effect, Policy, PolicyKind, parse
from domain.ram.errors import InvalidSessionPolicy, MalformedPolicyDocument, SessionPolicyTooLong
from tests.fixtures.naive_access import Document
from tests.fixtures.policies import documents

ALLOW: Final = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}
TRUSTING: Final = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": "acs:ram::1:root"}}


def document(*statements: Any, **others: Any) -> str:
    return json.dumps({"Version": "1", "Statement": list(statements), **others})


def fault_of(text: str, kind: PolicyKind = PolicyKind.IDENTITY) -> str:
    with pytest.raises(InvalidRequest) as refused:
        parse(text, kind=kind)
    return refused.value.message


def changed(**elements: Any) -> dict[str, Any]:
    """The statement ALLOW with other elements; None leaves one out."""
    return {name: value for name, value in {**ALLOW, **elements}.items() if value is not None}


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


# --- what is refused, and where --------------------------------------------------------------------------------------

CONDITION: Final = "Statement[0].Condition"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "The document: no JSON: Expecting value at line 1, column 1."),
        ("{", "The document: no JSON: Expecting property name enclosed in double quotes at line 1, column 2."),
        ("[]", "The document: expected an object, not a list."),
        ("null", "The document: expected an object, not null."),
        ('"policy"', 'The document: expected an object, not "policy".'),
        ("{}", "The document: Version is missing."),
        ('{"Version":"1"}', "The document: Statement is missing."),
        ('{"Version":1,"Statement":[]}', 'Version: expected "1", not 1.'),
        ('{"Version":"2012-10-17","Statement":[]}', 'Version: expected "1", not "2012-10-17".'),
        ('{"Version":NaN,"Statement":[]}', 'Version: expected "1", not NaN.'),
        ('{"Version":"1","Statement":[]}', "Statement: an empty list."),
        ('{"Version":"1","Statement":"*"}', 'Statement: expected an object, not "*".'),
        ('{"Version":"1","Statement":[[]]}', "Statement[0]: expected an object, not a list."),
        ('{"Version":"1","Id":"a","Statement":[]}', "Id: no such element."),
        ('{"Version":"1","Version":"1"}', "Version: stands there twice."),
        (
            '{"Version":"1","Statement":[{"Effect":"Allow","Effect":"Deny"}]}',
            "Statement[0].Effect: stands there twice.",
        ),
        # "nested too deeply", or "no JSON" where an interpreter reads so deep and then misses the end.
        ("[" * 3_000, "The document: n"),
        ('{"a":' * 1_200, "The document: n"),
        ('{"Version":"1"} {}', "The document: no JSON: Extra data at line 1, column 17."),
        ("{'Version':'1'}", "The document: no JSON: Expecting property name enclosed in double quotes"),
        ('{"Version":"1",}', "The document: no JSON: "),
        ("\ufeff{}", "The document: no JSON: "),
        ('{"a\\u0000":1}', "a\\u0000: a lone surrogate or U+0000."),
        ('{"\\ud800":1}', "\\ud800: a lone surrogate or U+0000."),
    ],
)
def test_a_document_of_another_form_is_refused(text: str, fault: str) -> None:
    assert fault_of(text).startswith(fault)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (changed(Effect=None), "Statement[0]: Effect is missing."),
        (changed(Effect="allow"), 'Statement[0].Effect: expected Allow or Deny, not "allow".'),
        (changed(Effect=["Allow"]), "Statement[0].Effect: expected Allow or Deny, not a list."),
        (changed(Effect=True), "Statement[0].Effect: expected Allow or Deny, not true."),
        (changed(Action=None), "Statement[0]: expected exactly one of Action and NotAction, not neither."),
        (changed(NotAction="*"), "Statement[0]: expected exactly one of Action and NotAction, not both."),
        (changed(Action=[]), "Statement[0].Action: an empty list."),
        (changed(Action=""), 'Statement[0].Action: "" is no action.'),
        (changed(Action=["kms:*", "Encrypt"]), 'Statement[0].Action[1]: "Encrypt" is no action.'),
        (changed(Action="kms:Encrypt "), 'Statement[0].Action: "kms:Encrypt " is no action.'),
        (changed(Action="kms:Encrypt\n"), 'Statement[0].Action: "kms:Encrypt\\n" is no action.'),
        (changed(Action="kms:a:b"), 'Statement[0].Action: "kms:a:b" is no action.'),
        (changed(Action="kms:.*"), 'Statement[0].Action: "kms:.*" is no action.'),
        (changed(Action="ｋｍｓ:Encrypt"), "Statement[0].Action: "),
        (changed(Action=7), "Statement[0].Action: expected a string, not 7."),
        (changed(Action=[["kms:*"]]), "Statement[0].Action[0]: expected a string, not a list."),
        (changed(Action={"a": 1}), "Statement[0].Action: expected a string, not an object."),
        (changed(Resource=None), "Statement[0]: Resource is missing."),
        (changed(Resource=[]), "Statement[0].Resource: an empty list."),
        (changed(Resource="key/1"), 'Statement[0].Resource: "key/1" is no resource.'),
        (
            changed(Resource="acs:kms:cn-hangzhou:key"),
            'Statement[0].Resource: "acs:kms:cn-hangzhou:key" is no resource.',
        ),
        (changed(Resource="arn:aws:kms:::key/1"), "Statement[0].Resource: "),
        (changed(Resource=["*", "a\ud800"]), "Statement[0].Resource[1]: a lone surrogate or U+0000."),
        (changed(Resource=["*", "acs:kms:*:*:\0"]), "Statement[0].Resource[1]: a lone surrogate or U+0000."),
        (changed(NotResource="*"), "Statement[0].NotResource: no such element."),
        (changed(Principal={"RAM": "*"}), "Statement[0].Principal: no such element."),
        (changed(effect="Allow"), "Statement[0].effect: no such element."),
        (changed(Sid=""), "Statement[0].Sid: expected 1 to 128 letters"),
        (changed(Sid="a" * 129), "Statement[0].Sid: expected 1 to 128 letters"),
        (changed(Sid="<b>"), "Statement[0].Sid: expected 1 to 128 letters"),
        (changed(Sid=1), "Statement[0].Sid: expected a string, not 1."),
    ],
)
def test_a_statement_that_nobody_can_evaluate_is_refused(statement: dict[str, Any], fault: str) -> None:
    assert fault_of(document(statement)).startswith(fault)


@pytest.mark.parametrize(
    ("condition", "fault"),
    [
        ([], f"{CONDITION}: expected an object, not a list."),
        ({"StringIs": {}}, f"{CONDITION}.StringIs: no such condition operator. Expected one of StringEquals, "),
        ({"stringequals": {}}, f"{CONDITION}.stringequals: no such condition operator."),
        ({"StringEqualsIfExists": {}}, f"{CONDITION}.StringEqualsIfExists: no such condition operator."),
        ({"Bool": {}}, f"{CONDITION}.Bool: names no condition key."),
        ({"Bool": "true"}, f'{CONDITION}.Bool: expected an object, not "true".'),
        ({"Bool": {"acs:SecureTransprt": "true"}}, f"{CONDITION}.Bool.acs:SecureTransprt: no such condition key."),
        ({"StringEquals": {"kms:tag/": "a"}}, f"{CONDITION}.StringEquals.kms:tag/: no such condition key."),
        ({"Bool": {"acs:SecureTransport": []}}, f"{CONDITION}.Bool.acs:SecureTransport: an empty list."),
        ({"Bool": {"acs:SecureTransport": "yes"}}, f'{CONDITION}.Bool.acs:SecureTransport: "yes" is no boolean.'),
        (
            {"Bool": {"acs:SecureTransport": None}},
            f"{CONDITION}.Bool.acs:SecureTransport: expected a string, not null.",
        ),
        ({"Bool": {"acs:SourceIp": "true"}}, f"{CONDITION}.Bool.acs:SourceIp: is a"),
        ({"NumericLessThan": {"acs:CurrentTime": "1"}}, f"{CONDITION}.NumericLessThan.acs:CurrentTime: is a date"),
        (
            {"IpAddress": {"acs:SourceIp": ["10.0.0.0/8", "10.0.0.0/99"]}},
            f'{CONDITION}.IpAddress.acs:SourceIp[1]: "10.0.0.0/99" is no IP address or CIDR block.',
        ),
        *[
            ({"IpAddress": {"acs:SourceIp": text}}, f"{CONDITION}.IpAddress.acs:SourceIp: ")
            for text in (
                "10.0.0.0/255.0.0.0",
                "10.0.0",
                "010.0.0.1",
                "fe80::1%eth0",
                "10.0.*.*",
                "",
                "::/129",
                "１0.0.0.1",
            )
        ],
        *[
            ({"DateEquals": {"acs:CurrentTime": text}}, f"{CONDITION}.DateEquals.acs:CurrentTime: ")
            for text in (
                *("2026-11-24", "2026-11-24T12:00:00", "2026-02-30T12:00:00Z", "2026-11-24T24:00:01Z", "tomorrow"),
                *("2026-11-24T12:00:00+99:00", "0000-01-01T00:00:00Z", "2026-W48-2T12:00:00Z", "２026-11-24T12:00:00Z"),
            )
        ],
        *[
            ({"NumericEquals": {"kms:tag/a": text}}, f"{CONDITION}.NumericEquals.kms:tag/a: ")
            for text in (
                "",
                "ten",
                "1e3",
                "+1",
                "0x10",
                "Infinity",
                "NaN",
                "1" * 16,
                "1" * 5_000,
                "١",
                "1.",
                ".1",
                "1_0",
            )
        ],
    ],
)
def test_a_condition_that_nobody_can_evaluate_is_refused(condition: Any, fault: str) -> None:
    assert fault_of(document(changed(Condition=condition))).startswith(fault)


@pytest.mark.parametrize("number", ["1e999", "1" * 5_000, "NaN", "-Infinity", "1E400", "-1e-999"])
def test_a_number_that_no_one_can_hold_is_refused_as_it_was_written(number: str) -> None:
    text = document(changed(Condition={"NumericEquals": {"kms:tag/a": 0}})).replace(" 0}", f" {number}}}")
    fault = fault_of(text)
    assert fault.startswith(f"{CONDITION}.NumericEquals.kms:tag/a: ")
    assert number[:80] in fault


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ({**TRUSTING, "Resource": "*"}, "Statement[0].Resource: no such element."),
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "Statement[0]: Principal is missing."),
        ({**TRUSTING, "Principal": "*"}, 'Statement[0].Principal: expected an object, not "*".'),
        ({**TRUSTING, "Principal": {}}, "Statement[0].Principal: names nobody."),
        ({**TRUSTING, "Principal": {"RAM": []}}, "Statement[0].Principal.RAM: an empty list."),
        ({**TRUSTING, "Principal": {"AWS": "*"}}, "Statement[0].Principal.AWS: no such element."),
        *[
            ({**TRUSTING, "Principal": {"RAM": ["acs:ram::1:root", name]}}, "Statement[0].Principal.RAM[1]: ")
            for name in (
                *(
                    "*",
                    "1",
                    "acs:ram::*:root",
                    "acs:ram:::root",
                    "acs:ram::1:",
                    "acs:ram::1:user/",
                    "acs:ram::1:user/*",
                ),
                *("acs:ram::1:role/shop/monday", "acs:ram::1:group/a", "acs:kms::1:root", "acs:ram::１:root"),
            )
        ],
    ],
)
def test_a_trust_policy_that_trusts_nobody_or_everybody_is_refused(statement: dict[str, Any], fault: str) -> None:
    assert fault_of(document(statement), PolicyKind.TRUST).startswith(fault)


def test_the_statement_at_fault_is_counted() -> None:
    assert fault_of(document(ALLOW, ALLOW, changed(Effect=""))).startswith("Statement[2].Effect: ")
    assert fault_of(json.dumps({"Version": "1", "Statement": changed(Effect="")})).startswith("Statement.Effect: ")


def test_a_session_s_policy_is_refused_by_the_codes_of_sts() -> None:
    with pytest.raises(InvalidSessionPolicy, match="Statement is missing"):
        parse('{"Version":"1"}', kind=PolicyKind.SESSION)
    with pytest.raises(SessionPolicyTooLong):
        parse(" " * 1_025, kind=PolicyKind.SESSION)
    with pytest.raises(MalformedPolicyDocument):
        parse('{"Version":"1"}')


@pytest.mark.parametrize("name", ["a" * 6_000, "\U0001f608" * 1_000, "\\u001b[31m" * 500])
def test_a_fault_cites_little_and_in_plain_letters(name: str) -> None:
    for text in (
        f'{{"{name}":1}}',
        document(changed(Action=name)),
        document(changed(Condition={"Bool": {name: "true"}})),
    ):
        fault = fault_of(text)
        assert len(fault) < 1_200
        assert fault.isascii()
        assert fault.isprintable()


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
@settings(max_examples=200, deadline=None)
def test_any_json_is_read_or_refused(value: Any, kind: PolicyKind) -> None:
    said = read_or_refused(json.dumps(value), kind)
    assert isinstance(said, Policy) or said.isprintable()


@given(st.text(max_size=60), st.sampled_from(PolicyKind))
@settings(deadline=None)
def test_any_text_is_read_or_refused(text: str, kind: PolicyKind) -> None:
    said = read_or_refused(text, kind)
    assert isinstance(said, Policy) or said.isprintable()


@given(documents(), st.integers(0, 2**32), st.sampled_from(['"', "{", "}", "[", "]", ",", "\\", "\0", "é", "1", ""]))
@settings(max_examples=200, deadline=None)
def test_a_document_with_one_character_changed_is_read_or_refused(
    original: Document, seed: int, character: str
) -> None:
    text = json.dumps(original)
    at = random.Random(seed).randrange(len(text))
    said = read_or_refused(text[:at] + character + text[at + 1 :], PolicyKind.IDENTITY)
    assert isinstance(said, Policy) or said.isprintable()


@given(documents())
@settings(deadline=None)
def test_what_is_generated_for_other_tests_is_read(generated: Document) -> None:
    assert parse(json.dumps(generated)).statements
