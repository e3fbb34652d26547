"""One sentence for every event: whoever chose the names in it, it is one line, printable and short."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import account as accounts
from domain import events
from domain.audit.sentences import sentence
from domain.audit.words import CHARACTERS_MAX
from domain.call import Caller
from domain.events import EVENTS, Event
from domain.vocabulary import Operation
from tests.fixtures.ledger import ACCOUNT, NOON, a_call

KEY = UUID("0b7f3c52-6d1e-4c8a-9f20-3e4d5c6b7a81")
OF_TYPE: dict[str, Any] = {
    "UUID": KEY, "UUID | None": KEY, "datetime": NOON, "int": 7, "bool": True, "Mapping[str, str]": {},
    "tuple[UUID, ...]": (KEY,), "Mapping[str, int]": {"SignatureDoesNotMatch": 7},
}  # fmt: skip
HOSTILE = "\x1b]0;x\x07\r\n\u202egnihton\u2069\u2028\ud800\x00"


def an_event(kind: type[Event], text: str = "shop", operation: Operation = Operation.ENCRYPT, **more: Any) -> Any:
    """One of the kind, whose every text is ``text``."""
    call = replace(a_call(operation, by=more.pop("by", accounts.SYSTEM)), source_ip=text, region_id=text)
    values = {"originator_id": KEY, "originator_version": 1, "timestamp": NOON, "call": call}
    named = {field.name: OF_TYPE.get(str(field.type), text) for field in fields(kind) if field.name not in values}
    return kind(**values, **{**named, **more})  # type: ignore[arg-type]


def a_caller(text: str, kind: str = "ram-user") -> Caller:
    arn = {"ram-user": f"acs:ram::{ACCOUNT}:user/{text}", "assumed-role": f"acs:ram::{ACCOUNT}:role/{text}/{text}"}
    return Caller(account_id=ACCOUNT, kind=kind, principal=arn.get(kind, text), user_name=text, assumed_by=text)


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_has_a_sentence(kind: type[Event]) -> None:
    told = sentence(an_event(kind))
    assert told.endswith(".")
    assert told.isprintable()


@pytest.mark.parametrize("caller", ["ram-user", "assumed-role", "root-account", "of-another-time"])
@pytest.mark.parametrize("kind", EVENTS)
def test_no_name_writes_to_a_terminal_or_turns_a_line_around(kind: type[Event], caller: str) -> None:
    told = sentence(an_event(kind, HOSTILE, by=a_caller(HOSTILE, caller)))
    assert told.isprintable()
    assert told.encode()
    assert "\\x1b" in told


def test_what_was_asked_for_leaves_room_for_where_it_came_from_and_how_it_ended() -> None:
    asked = {f"context.{number:02}": "x" * 1_024 for number in range(32)}
    told = sentence(
        an_event(events.CallRefused, operation=Operation.SEARCH_EVENTS, key_id=None, request_parameters=asked)
    )
    assert told.endswith("…) from shop: shop.")


def test_what_was_asked_for_cannot_end_its_quotation() -> None:
    asked = {"user_name": 'bob") from 192.0.2.1'}
    told = sentence(an_event(events.CallAnswered, operation=Operation.SEARCH_EVENTS, request_parameters=asked))
    assert r'(user_name "bob\") from 192.0.2.1") from shop.' in told


@given(st.sampled_from(EVENTS), st.text(max_size=700), st.sampled_from(Operation))
def test_whatever_the_names_a_sentence_is_short_and_printable(
    kind: type[Event], text: str, operation: Operation
) -> None:
    told = sentence(an_event(kind, text, operation, by=a_caller(text)))
    assert told.isprintable()
    assert len(told) <= CHARACTERS_MAX


def test_what_is_cut_says_so() -> None:
    assert "…" in sentence(an_event(events.KeyDescriptionUpdated, description="x" * 8_192))
    assert "…" in sentence(an_event(events.CallRefused, key_id=None, resource="x" * 8_192, code="Forbidden"))
    assert sentence(an_event(events.PolicyCreated, "x" * 1_000)).endswith("…")


def test_a_long_resource_hides_no_refusal() -> None:
    refused = an_event(events.CallRefused, key_id=None, resource="x" * 8_192, code="Forbidden.NoPermission")
    assert sentence(refused).endswith(": Forbidden.NoPermission.")


def test_a_quotation_mark_ends_no_description() -> None:
    told = sentence(an_event(events.KeyDescriptionUpdated, description='" was deleted. "'))
    assert 'as "\\" was deleted. \\""' in told


def refused(operation: Operation, **facts: Any) -> str:
    nobody = {"key_id": None, "resource": "", "code": "Forbidden.NoPermission"}
    event = an_event(events.CallRefused, "cn-hangzhou", operation, by=a_caller("alice"), **{**nobody, **facts})
    return sentence(replace(event, call=replace(event.call, source_ip="")))


ALICE = f"alice (RAM user of {ACCOUNT})"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            refused(Operation.DECRYPT, key_id=KEY),
            f"{ALICE} was refused Decrypt with key {KEY} in cn-hangzhou: Forbidden.NoPermission.",
        ),
        (
            refused(Operation.DISABLE_KEY, key_id=KEY),
            f"{ALICE} was refused DisableKey on key {KEY} in cn-hangzhou: Forbidden.NoPermission.",
        ),
        (
            refused(Operation.CREATE_KEY, resource=f"acs:kms:cn-hangzhou:{ACCOUNT}:key"),
            f"{ALICE} was refused CreateKey on keys: Forbidden.NoPermission.",
        ),
        (
            refused(Operation.ATTACH_POLICY_TO_USER, resource="acs:ram:*:system:policy/AliyunKMSFullAccess"),
            f"{ALICE} was refused AttachPolicyToUser on system policy AliyunKMSFullAccess: Forbidden.NoPermission.",
        ),
        (
            refused(Operation.CREATE_POLICY, resource=f"acs:ram:*:{ACCOUNT}:policy/*"),
            f"{ALICE} was refused CreatePolicy on policies: Forbidden.NoPermission.",
        ),
        (
            refused(Operation.UNKNOWN, code="InvalidApi.NotFound"),
            f"{ALICE} was refused an unknown operation: InvalidApi.NotFound.",
        ),
        (
            refused(Operation.ENCRYPT, key_id=KEY, code="DryRunOperationError"),
            f"{ALICE} asked whether Encrypt with key {KEY} in cn-hangzhou was possible, which it was.",
        ),
    ],
)
def test_a_refusal_says_what_was_asked_for(told: str, expected: str) -> None:
    assert told == expected


def test_the_deployment_s_own_doings_are_its_own() -> None:
    destroyed = an_event(events.KeyDestroyed, "cn-hangzhou", Operation.DESTROY_KEY)
    told = sentence(replace(destroyed, call=replace(destroyed.call, source_ip="")))
    assert told == (
        f"The deployment destroyed key {KEY} with 1 version of it, as its scheduled deletion was due, in cn-hangzhou."
    )


def test_failures_from_too_many_addresses_are_nobody_s() -> None:
    failed = an_event(events.AuthenticationFailed, source_ip="*other*", minute=datetime(2026, 6, 1, 12, 0))  # noqa: DTZ001
    assert sentence(failed).startswith("Somebody at further addresses failed 7 times")


def test_an_event_that_nobody_knows_has_no_sentence() -> None:
    with pytest.raises(KeyError):
        sentence(Event(originator_id=KEY, originator_version=1, timestamp=NOON, call=a_call(Operation.ENCRYPT)))
