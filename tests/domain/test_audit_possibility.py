"""What somebody may do, asked about no call, is what they may in every call, in none, or in those that are told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.access import Access
from domain.audit.possibility import Answer, May, Question, answer
from domain.call import Caller
from domain.circumstances import Circumstances
from domain.policy import PolicyKind, parse
from domain.vocabulary import Operation
from tests.fixtures.ledger import ACCOUNT, a_call
from tests.fixtures.naive_access import Document
from tests.fixtures.policies import actions, callers, documents, parsed, resources

ALICE: Final = f"acs:ram::{ACCOUNT}:user/alice"
KEY: Final = f"acs:kms:cn-hangzhou:{ACCOUNT}:key/1"

addresses = st.sampled_from(["10.0.0.1", "10.200.0.9", "192.0.2.7", "2001:db8::1", "2001:db9::1", "", "nowhere"])
times = st.one_of(
    st.sampled_from([datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC) + timedelta(seconds=n) for n in (-61, -1, 0, 1)]),
    st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),  # noqa: DTZ001
)
tags = st.dictionaries(st.just("stage"), st.sampled_from(["production", "test", "10", "9.5"]))
policies = st.lists(documents(), max_size=3)


@st.composite
def circumstances(draw: st.DrawFn, by: Caller) -> Circumstances:
    call = a_call(Operation.ENCRYPT, by=by, at=draw(times))
    made = replace(call, source_ip=draw(addresses), secure_transport=draw(st.booleans()))
    given_ = draw(st.sampled_from([{}, {"sts:ExternalId": "shop-7"}, {"sts:ExternalId": "SHOP-7"}]))
    return Circumstances(call=made, given=given_)


def access(account: str, principal: str, is_root: bool, identity: list[Document]) -> Access:
    parsed_ones = [parsed(document, name=f"Custom/{n}") for n, document in enumerate(identity)]
    return Access(account_id=account, principal=principal, is_root=is_root, policies=parsed_ones)


def asking(account: str, name: str) -> tuple[Caller, str]:
    """Who calls, and the principal that is asked about: of a session, its role."""
    principal = f"acs:ram::{account}:{name}"
    by = Caller(account_id=account, kind="ram-user", principal=principal, access_key_id="LTAI1")
    return by, "/".join(principal.split("/")[:2])


def agrees(told: Answer, allowed: bool) -> bool:
    return {May.YES: allowed, May.NO: not allowed}.get(told.may, True)


@given(st.data(), callers, actions, resources, tags, policies)
@settings(max_examples=400)
def test_every_call_is_decided_as_the_answer_says(
    data: st.DataObject, caller: tuple[str, str], action: str, resource: str, of_key: dict[str, str], identity: Any
) -> None:
    account, name = caller
    by, principal = asking(account, name)
    told = answer(access(account, principal, name == "root", identity), Question(action, resource, of_key))
    whose = access(account, by.principal, name == "root", identity)
    for _ in range(6):
        facts = data.draw(circumstances(by))._replace(tags=of_key, given={})
        decided = whose.decide(action, resource, facts)
        assert agrees(told, decided.is_allowed), (told, facts)


@given(st.data(), callers, policies, documents(PolicyKind.TRUST))
@settings(max_examples=200)
def test_every_assumption_of_a_role_is_decided_as_the_answer_says(
    data: st.DataObject, caller: tuple[str, str], identity: list[Document], trust_document: Document
) -> None:
    account, name = caller
    by, principal = asking(account, name)
    trust = parsed(with_external_id(data, trust_document), PolicyKind.TRUST)
    role = "acs:ram::1000000000000001:role/shop"
    question = Question("sts:AssumeRole", role, trust=trust)
    told = answer(access(account, principal, name == "root", identity), question)
    whose = access(account, by.principal, name == "root", identity)
    for _ in range(6):
        facts = data.draw(circumstances(by))
        assert agrees(told, whose.decide_assume_role(role, trust, facts).is_allowed), (told, facts)


def with_external_id(data: st.DataObject, trust: Document) -> Document:
    operator = data.draw(st.sampled_from(["StringEquals", "StringNotEqualsIgnoreCase", "StringLike"]))
    statements = trust["Statement"] if isinstance(trust["Statement"], list) else [trust["Statement"]]
    asking_for_it = {"Condition": {operator: {"sts:ExternalId": "shop-7"}}}
    return {**trust, "Statement": [{**one, **(asking_for_it if n == 0 else {})} for n, one in enumerate(statements)]}


# --- told one by one -------------------------------------------------------------------------------------------------


def statement(effect: str, operator: str = "", key: str = "", *values: str) -> Document:
    condition = {"Condition": {operator: {key: list(values)}}} if operator else {}
    return {"Effect": effect, "Action": "kms:Decrypt", "Resource": KEY, **condition}


def alice(*statements: Document, **tags: str) -> Answer:
    document = json.dumps({"Version": "1", "Statement": list(statements)})
    policies_of_alice = [parse(document, name="Custom/use")] if statements else []
    mine = Access(account_id=ACCOUNT, principal=ALICE, policies=policies_of_alice)
    return answer(mine, Question("kms:Decrypt", KEY, tags))


OFFICE: Final = ("acs:SourceIp", "10.0.0.0/8")
NEW_YEAR: Final = ("acs:CurrentTime", "2027-01-01T00:00:00Z")


ALLOWED: Final = "allowed by Statement[0] of Custom/use"


@pytest.mark.parametrize(
    ("statements", "may", "text"),
    [
        ([], May.NO, "may not: no policy of the caller allows it"),
        ([statement("Allow")], May.YES, "may: allowed by Statement[0] of Custom/use"),
        (
            [statement("Allow", "IpAddress", *OFFICE)],
            May.UNDER_CONDITIONS,
            "may, where acs:SourceIp is in 10.0.0.0/8: allowed by Statement[0] of Custom/use",
        ),
        (
            [statement("Allow", "IpAddress", *OFFICE), statement("Allow", "DateLessThan", *NEW_YEAR)],
            May.UNDER_CONDITIONS,
            "may, where acs:SourceIp is in 10.0.0.0/8, or acs:CurrentTime is before 2027-01-01T00:00:00Z: " + ALLOWED,
        ),
        (
            [statement("Allow"), statement("Deny", "NotIpAddress", *OFFICE)],
            May.UNLESS_DENIED,
            "may, unless acs:SourceIp is not in 10.0.0.0/8: allowed by Statement[0] of Custom/use",
        ),
        ([statement("Allow"), statement("Deny")], May.NO, "may not: explicitly denied by Statement[1] of Custom/use"),
        # What excludes each other, and what leaves no gap, is seen.
        (
            [
                statement("Allow", "IpAddress", *OFFICE),
                statement("Deny", "NotIpAddress", "acs:SourceIp", "192.168.0.0/16"),
            ],
            May.NO,
            "may not: explicitly denied by Statement[1] of Custom/use",
        ),
        (
            [statement("Allow", "IpAddress", *OFFICE), statement("Allow", "NotIpAddress", *OFFICE)],
            May.YES,
            "may: allowed by Statement[1] of Custom/use",
        ),
        (
            [
                statement("Allow", "DateLessThan", *NEW_YEAR),
                statement("Deny", "DateLessThanEquals", "acs:CurrentTime", "2027-01-01T08:00:00+08:00"),
            ],
            May.NO,
            "may not: explicitly denied by Statement[1] of Custom/use",
        ),
        (
            [
                statement("Allow", "Bool", "acs:SecureTransport", "true"),
                statement("Allow", "StringEquals", "acs:SecureTransport", "false"),
            ],
            May.YES,
            "may: allowed by Statement[0] of Custom/use",
        ),
        # What is known of the caller and of the key is no condition.
        ([statement("Allow", "StringEquals", "kms:tag/stage", "test")], May.YES, None),
        ([statement("Allow", "StringEquals", "kms:tag/stage", "production")], May.NO, None),
        ([statement("Allow", "StringEquals", "acs:PrincipalARN", ALICE)], May.YES, None),
        ([statement("Allow"), statement("Deny", "Bool", "acs:MFAPresent", "false")], May.NO, None),
        # Nobody gives an ExternalId to KMS.
        ([statement("Allow", "StringEquals", "sts:ExternalId", "shop-7")], May.NO, None),
    ],
)
def test_the_answer_names_what_decides(statements: list[Document], may: May, text: str | None) -> None:
    told = alice(*statements, stage="test")
    assert told.may is may
    assert told.is_exact
    if text is not None:
        assert told.text == text


def test_a_pattern_on_an_address_is_left_open_and_said_to_be() -> None:
    told = alice(statement("Allow", "StringLike", "acs:SourceIp", "10.*"))
    assert (told.may, told.is_exact) == (May.UNDER_CONDITIONS, False)
    assert told.where == ('acs:SourceIp is like "10.*"',)


def test_more_circumstances_than_can_be_looked_at_are_left_open() -> None:
    days = [statement("Allow", "DateEquals", "acs:CurrentTime", f"2027-01-{day:02}T00:00:00Z") for day in range(1, 29)]
    blocks = [statement("Deny", "IpAddress", "acs:SourceIp", f"10.{number}.0.0/16") for number in range(0, 80, 2)]
    policies = [parse(json.dumps({"Version": "1", "Statement": one})) for one in (*days, *blocks)]
    told = answer(Access(account_id=ACCOUNT, principal=ALICE, policies=policies), Question("kms:Decrypt", KEY))
    assert (told.may, told.is_exact) == (May.UNDER_CONDITIONS, False)


def test_conditions_that_turn_out_alike_are_one_circumstance() -> None:
    blocks = [f"10.{number}.0.0/16" for number in range(256)]
    told = alice(statement("Allow", "IpAddress", "acs:SourceIp", *blocks), statement("Deny", "IpAddress", *OFFICE))
    assert (told.may, told.is_exact) == (May.NO, True)


def test_a_role_s_trust_may_ask_for_an_external_id() -> None:
    trust = parse(
        json.dumps(
            {
                "Version": "1",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": "sts:AssumeRole",
                        "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]},
                        "Condition": {"StringEquals": {"sts:ExternalId": "shop-7"}},
                    }
                ],
            }
        ),
        kind=PolicyKind.TRUST,
        name="Trust/shop",
    )
    root = Access(account_id=ACCOUNT, principal=f"acs:ram::{ACCOUNT}:root", is_root=True)
    told = answer(root, Question("sts:AssumeRole", f"acs:ram::{ACCOUNT}:role/shop", trust=trust))
    assert told.where == ('sts:ExternalId is "shop-7"',)
    assert told.may is May.UNDER_CONDITIONS


def test_a_value_that_would_write_to_a_terminal_is_shown() -> None:
    told = alice(statement("Allow", "StringLike", "acs:SourceIp", "\x1b[2J"))
    assert "\\x1b" in told.text
    assert told.text.isprintable()
