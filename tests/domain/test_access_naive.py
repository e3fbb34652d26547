"""The decision agrees with one that was written a second time, from the published text, on policies by chance."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.policy import PolicyKind
from tests.fixtures import naive_access
from tests.fixtures.naive_access import Document, Question
from tests.fixtures.policies import access, circumstances, documents, parsed, questions

policies = st.lists(documents(), max_size=3)
sessions = st.none() | documents(PolicyKind.SESSION)


@given(questions(), policies, sessions, st.none() | documents(PolicyKind.RESOURCE))
@settings(max_examples=250)
def test_the_domain_and_the_published_text_agree_on_who_may_do_what(
    question: Question, identity: list[Document], session: Document | None, key_policy: Document | None
) -> None:
    of_key = None if key_policy is None else parsed(key_policy, PolicyKind.RESOURCE)
    decided = access(question, identity, session).decide(
        question.action, question.resource, circumstances(question), of_key
    )
    assert decided.is_allowed == naive_access.may(question, identity, session, key_policy), decided


@given(questions(), policies, sessions, documents(PolicyKind.TRUST))
@settings(max_examples=120)
def test_they_agree_on_who_may_assume_a_role(
    question: Question, identity: list[Document], session: Document | None, trust: Document
) -> None:
    asked = Question(
        **{name: getattr(question, name) for name in ("account", "principal", "is_root", "facts")},
        action="sts:AssumeRole",
        resource="acs:ram::1000000000000001:role/shop",
    )
    decided = access(asked, identity, session).decide_assume_role(
        asked.resource, parsed(trust, PolicyKind.TRUST), circumstances(asked)
    )
    assert decided.is_allowed == naive_access.may_assume(asked, identity, trust, session), decided


@given(policies, st.lists(questions(), min_size=2, max_size=6))
def test_what_was_asked_before_changes_no_decision(identity: list[Document], asked: list[Question]) -> None:
    first: dict[str, Any] = {}
    for question in asked * 2:
        whose = first.setdefault(question.principal, access(question, identity))
        decided = whose.permits(question.action, question.resource, circumstances(question))
        assert decided == naive_access.may(question, identity)
