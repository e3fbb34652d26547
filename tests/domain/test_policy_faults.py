"""Policy documents that nobody can evaluate are refused, with the place of the fault."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from domain.policy import PolicyKind, parse
from domain.ram.errors import InvalidSessionPolicy, MalformedPolicyDocument, SessionPolicyTooLong
from tests.fixtures.policy_texts import ALLOW, TRUSTING, changed, document, fault_of

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
