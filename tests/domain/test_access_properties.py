"""What holds for all policies: no Deny allows, no Allow forbids, order means nothing, sessions only narrow."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.decision import Outcome
from domain.policy import PolicyKind, parse
from tests.fixtures.naive_access import Document, Question, is_about, listed
from tests.fixtures.policies import access, circumstances, documents, parsed, questions, statements

policies = st.lists(documents(), max_size=3)
key_policies = st.none() | documents(PolicyKind.RESOURCE)
quietly = settings(max_examples=100)


def permitted(
    question: Question, identity: list[Document], session: Document | None = None, key_policy: Document | None = None
) -> bool:
    of_key = None if key_policy is None else parsed(key_policy, PolicyKind.RESOURCE)
    return access(question, identity, session).permits(
        question.action, question.resource, circumstances(question), of_key
    )


def alone(statement: Document) -> Document:
    return {"Version": "1", "Statement": [statement]}


@given(questions(), policies, statements(effect="Deny"), key_policies)
@quietly
def test_one_more_deny_allows_nothing_that_was_not_allowed(
    question: Question, identity: list[Document], deny: Document, key_policy: Document | None
) -> None:
    if permitted(question, [*identity, alone(deny)], None, key_policy):
        assert permitted(question, identity, None, key_policy)


@given(questions(), policies, statements(effect="Allow"), key_policies)
@quietly
def test_one_more_allow_revokes_nothing_that_was_allowed(
    question: Question, identity: list[Document], allow: Document, key_policy: Document | None
) -> None:
    if permitted(question, identity, None, key_policy):
        assert permitted(question, [*identity, alone(allow)], None, key_policy)


@given(questions(), policies, statements(PolicyKind.RESOURCE, "Deny"), documents(PolicyKind.RESOURCE))
@quietly
def test_one_more_deny_of_the_owner_allows_nothing(
    question: Question, identity: list[Document], deny: Document, key_policy: Document
) -> None:
    stricter = {**key_policy, "Statement": [*listed(key_policy["Statement"]), deny]}
    if permitted(question, identity, None, stricter):
        assert permitted(question, identity, None, key_policy)


@given(questions(), policies, documents(PolicyKind.SESSION), key_policies)
@quietly
def test_a_session_s_policy_only_narrows(
    question: Question, identity: list[Document], session: Document, key_policy: Document | None
) -> None:
    if permitted(question, identity, session, key_policy):
        assert permitted(question, identity, None, key_policy)


@given(questions(), policies, st.randoms(use_true_random=False))
@quietly
def test_the_order_of_policies_and_of_statements_means_nothing(
    question: Question, identity: list[Document], random: Any
) -> None:
    shuffled = [{**document, "Statement": listed(document["Statement"])[:]} for document in identity]
    random.shuffle(shuffled)
    for document in shuffled:
        random.shuffle(document["Statement"])
    assert permitted(question, shuffled) == permitted(question, identity)


@given(questions(), policies)
@quietly
def test_one_policy_of_all_statements_is_as_good_as_many(question: Question, identity: list[Document]) -> None:
    together = [each for document in identity for each in listed(document["Statement"])]
    merged = [{"Version": "1", "Statement": together}] if together else []
    assert permitted(question, merged) == permitted(question, identity)


@given(questions(), policies)
@quietly
def test_the_statement_that_is_named_is_one_that_decides_so(question: Question, identity: list[Document]) -> None:
    decided = access(question, identity).decide(question.action, question.resource, circumstances(question))
    if decided.statement is None:
        return
    document = identity[int(decided.policy.removeprefix("Custom/"))]
    statement = listed(document["Statement"])[decided.statement]
    assert statement["Effect"] == {Outcome.ALLOWED: "Allow", Outcome.DENIED: "Deny"}[decided.outcome]
    assert is_about(statement, question)


@given(questions(), policies, documents(PolicyKind.RESOURCE))
@quietly
def test_nothing_of_another_account_is_reached_without_its_word(
    question: Question, identity: list[Document], key_policy: Document
) -> None:
    foreign = f"acs:kms:cn-hangzhou:{int(question.account) + 1}:key/1"
    caller = access(question, identity)
    assert not caller.permits(question.action, foreign, circumstances(question))
    silent = parsed(
        {**key_policy, "Statement": [{**s, "Effect": "Deny"} for s in listed(key_policy["Statement"])]},
        PolicyKind.RESOURCE,
    )
    assert not caller.permits(question.action, foreign, circumstances(question), silent)


@given(st.sampled_from(PolicyKind).flatmap(lambda kind: st.tuples(st.just(kind), documents(kind))))
@quietly
def test_a_policy_s_text_says_what_it_said_when_it_is_read_again(given_: tuple[PolicyKind, Document]) -> None:
    kind, document = given_
    policy = parsed(document, kind, "Custom/a")
    assert parse(policy.document, kind=kind, name=policy.name) == policy
