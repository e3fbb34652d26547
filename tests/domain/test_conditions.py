"""Conditions: each operator by examples, and what holds where a call has no such fact."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

import pytest

from domain.circumstances import Circumstances
from domain.condition_operators import OPERATORS
from domain.conditions import KEYS, Condition, parse
from domain.policy_document import Members
from tests.fixtures.ledger import ACCOUNT, NOON, a_call

PUBLISHED: Final = """
StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike
NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan NumericGreaterThanEquals
DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan DateGreaterThanEquals
Bool IpAddress NotIpAddress
"""
"""Alibaba Cloud RAM, "Conditional operators"."""

TAG: Final = "kms:tag/stage"
CALL: Final = dataclasses.replace(a_call(), source_ip="10.1.2.3")


def conditions(operator: str, key: str, values: Any) -> tuple[Condition, ...]:
    return parse("Condition", Members([(operator, Members([(key, values)]))]))


def holds(operator: str, values: Any, fact: str | None, key: str = TAG) -> bool:
    (condition,) = conditions(operator, key, values)
    return condition.holds(Circumstances(given={} if fact is None else {key: fact}))


def test_there_is_every_published_operator_and_no_other() -> None:
    assert set(OPERATORS) == set(PUBLISHED.split())


# --- operators -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operator", "values", "fact"),
    [
        ("StringEquals", "production", "production"),
        ("StringEquals", ["test", "production"], "production"),
        ("StringEquals", "", ""),
        ("StringEqualsIgnoreCase", "PRODUCTION", "production"),
        ("StringEqualsIgnoreCase", "STRASSE", "straße"),
        ("StringLike", "pro*", "production"),
        ("StringLike", "p?oduction", "production"),
        ("StringLike", "*", ""),
        ("NumericEquals", "10", "10.0"),
        ("NumericEquals", "-0.5", "-0.50"),
        ("NumericLessThan", "10", "9"),
        ("NumericLessThanEquals", ["1", "10"], "10"),
        ("NumericGreaterThan", "9", "10"),
        ("NumericGreaterThanEquals", "999999999999999", "999999999999999"),
        ("DateEquals", "2026-11-24T20:00:00+08:00", "2026-11-24T12:00:00Z"),
        ("DateEquals", "2026-11-24T12:00Z", "2026-11-24T12:00:00Z"),
        ("DateLessThan", "2026-11-24T12:00:01Z", "2026-11-24T12:00:00Z"),
        ("DateLessThanEquals", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z"),
        ("DateGreaterThan", "0001-01-01T00:00:00+08:00", "2026-11-24T12:00:00Z"),
        ("DateGreaterThanEquals", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z"),
        ("Bool", "true", "true"),
        ("Bool", "True", "true"),
        ("Bool", "FALSE", "false"),
        ("IpAddress", "10.1.2.3", "10.1.2.3"),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3"),
        ("IpAddress", "10.1.2.3/8", "10.200.0.1"),
        ("IpAddress", "0.0.0.0/0", "192.0.2.1"),
        ("IpAddress", ["192.0.2.0/24", "10.0.0.0/8"], "10.1.2.3"),
        ("IpAddress", "2001:db8::/32", "2001:DB8:1::1"),
        ("IpAddress", "10.0.0.0/8", "::ffff:10.1.2.3"),
        ("IpAddress", "::ffff:10.0.0.0/104", "10.1.2.3"),
    ],
)
def test_an_operator_holds(operator: str, values: Any, fact: str) -> None:
    assert holds(operator, values, fact)


@pytest.mark.parametrize(
    ("operator", "values", "fact"),
    [
        ("StringEquals", "production", "Production"),
        ("StringEquals", "prod*", "production"),
        ("StringEqualsIgnoreCase", "prod*", "production"),
        ("StringLike", "Pro*", "production"),
        ("StringLike", "production?", "production"),
        ("NumericEquals", "10", "100"),
        ("NumericEquals", "10", "ten"),
        ("NumericLessThan", "10", "10"),
        ("NumericLessThan", "10", ""),
        ("NumericGreaterThan", "9", "10000000000000000"),
        ("NumericGreaterThan", "9", "１０"),
        ("DateLessThan", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00Z"),
        ("DateEquals", "2026-11-24T12:00:00Z", "2026-11-24T12:00:00"),
        ("Bool", "true", "false"),
        ("Bool", "true", "yes"),
        ("IpAddress", "10.0.0.0/8", "11.0.0.1"),
        ("IpAddress", "10.0.0.0/8", "10.0.0.0/16"),
        ("IpAddress", "10.0.0.0/8", "nowhere"),
        ("IpAddress", "::/0", "10.1.2.3"),
        ("IpAddress", "0.0.0.0/0", "2001:db8::1"),
        ("IpAddress", "2001:db8::/32", "2001:db9::1"),
    ],
)
def test_an_operator_does_not_hold(operator: str, values: Any, fact: str) -> None:
    assert not holds(operator, values, fact)


NEGATIVES: Final = {
    name: name.replace("Not", "") for name in OPERATORS if "Not" in name and name.replace("Not", "") in OPERATORS
}
VALUES: Final = {
    "String": "a*",
    "Numeric": "10",
    "Date": "2026-11-24T12:00:00Z",
    "IpAddre": "10.0.0.0/8",
    "NotIp": "::/0",
}
EVERY_FACT: Final = (None, "", "a*", "A*", "abc", "10", "9", "2026-11-24T12:00:00Z", "10.1.2.3", "2001:db8::1")


def test_six_operators_are_negative() -> None:
    assert len(NEGATIVES) == 6


@pytest.mark.parametrize("negative", NEGATIVES)
@pytest.mark.parametrize("fact", EVERY_FACT)
def test_a_negative_operator_holds_exactly_where_its_positive_one_does_not(negative: str, fact: str | None) -> None:
    value = next(value for start, value in VALUES.items() if negative.startswith(start))
    assert holds(negative, value, fact) is not holds(NEGATIVES[negative], value, fact)


@pytest.mark.parametrize(("fact", "is_held"), [("10.1.2.3", False), ("192.0.2.1", False), ("8.8.8.8", True)])
def test_several_values_of_a_negative_operator_are_none_of_these(fact: str, is_held: bool) -> None:
    assert holds("NotIpAddress", ["10.0.0.0/8", "192.0.2.0/24"], fact) is is_held


# --- facts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", sorted(set(OPERATORS) - set(NEGATIVES)))
def test_a_positive_operator_does_not_hold_for_a_fact_that_the_call_has_not(operator: str) -> None:
    value = next((value for start, value in VALUES.items() if operator.startswith(start)), "true")
    assert not holds(operator, value, None)


def test_the_facts_of_a_call() -> None:
    facts = Circumstances(call=CALL)
    assert {key: facts.value(key) for key in KEYS} == {
        "acs:CurrentTime": f"{NOON:%Y-%m-%dT%H:%M:%S}Z",
        "acs:MFAPresent": "false",
        "acs:PrincipalARN": f"acs:ram::{ACCOUNT}:root",
        "acs:SecureTransport": "true",
        "acs:SourceIp": "10.1.2.3",
        "sts:ExternalId": None,
    }


def test_the_facts_of_nobody_s_call() -> None:
    assert {Circumstances().value(key) for key in (*KEYS, TAG)} == {None}


def test_a_call_without_an_address_has_none_that_a_condition_could_compare() -> None:
    assert Circumstances(call=dataclasses.replace(CALL, source_ip="")).value("acs:SourceIp") is None


def test_a_plain_connection_is_not_secure() -> None:
    assert Circumstances(call=dataclasses.replace(CALL, secure_transport=False)).value("acs:SecureTransport") == "false"


def test_the_principal_of_a_session_is_its_role() -> None:
    by = dataclasses.replace(CALL.by, principal=f"acs:ram::{ACCOUNT}:role/shop/monday")
    facts = Circumstances(call=dataclasses.replace(CALL, by=by))
    assert facts.value("acs:PrincipalARN") == f"acs:ram::{ACCOUNT}:role/shop"


def test_a_question_may_suppose_another_time_than_the_call_s() -> None:
    supposed = Circumstances(call=CALL, given={"acs:CurrentTime": "2030-01-01T00:00:00Z"})
    assert supposed.value("acs:CurrentTime") == "2030-01-01T00:00:00Z"


def test_tags_are_told_apart_by_case_and_other_keys_are_not() -> None:
    (tag,) = conditions("StringEquals", "KMS:Tag/Stage", "a")
    assert tag.key == "kms:tag/Stage"
    (address,) = conditions("IpAddress", "ACS:sourceip", "10.0.0.0/8")
    assert address.holds(Circumstances(call=CALL))


def test_keys_of_one_operator_and_operators_must_all_hold() -> None:
    block = Members(
        [
            ("StringEquals", Members([("kms:tag/a", "1"), ("kms:tag/b", "2")])),
            ("Bool", Members([("acs:SecureTransport", True)])),
        ]
    )
    assert [(c.operator, c.key, c.values) for c in parse("Condition", block)] == [
        ("StringEquals", "kms:tag/a", ("1",)),
        ("StringEquals", "kms:tag/b", ("2",)),
        ("Bool", "acs:SecureTransport", ("true",)),
    ]
