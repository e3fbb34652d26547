"""What each kind of event had to be allowed: every kind is known, and the service's own doings asked nobody."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Final
from uuid import UUID

import pytest

from domain import events
from domain.account import SYSTEM
from domain.call import Call
from domain.events import EVENTS, Event
from domain.history.asked import asked_of, key_of
from domain.key import replay
from domain.vocabulary import Operation
from tests.fixtures.ledger import ACCOUNT, NOON, a_call, a_new_key

KEY: Final = UUID("0b7f3c52-6d1e-4c8a-9f20-3e4d5c6b7a81")
KEY_ARN: Final = f"acs:kms:cn-hangzhou:{ACCOUNT}:key/{KEY}"
ROLE: Final = "acs:ram::2222222222222222:role/shop"
NOBODY_WAS_ASKED: Final = {
    events.RegionOpened, events.AccountCreated, events.QuotaRaised, events.AuthenticationFailed,
}  # fmt: skip


def an_event(kind: type[Event], call: Call, **facts: Any) -> Event:
    place = {"originator_id": KEY, "originator_version": 2, "timestamp": NOON, "call": call}
    known = {"policy_type": "Custom", "target_kind": "user", "key_id": KEY, "role_arn": ROLE, "resource": KEY_ARN}
    given = {field.name: {**known, **facts, **place}.get(field.name, "shop") for field in fields(kind)}
    return kind(**given)


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_says_what_its_call_had_to_be_allowed(kind: type[Event]) -> None:
    needed = asked_of(an_event(kind, a_call(Operation.ENCRYPT)))
    assert (needed is None) == (kind in NOBODY_WAS_ASKED)


@pytest.mark.parametrize("kind", EVENTS)
def test_the_deployment_asks_nobody(kind: type[Event]) -> None:
    assert asked_of(an_event(kind, a_call(Operation.SET_UP, by=SYSTEM))) is None


@pytest.mark.parametrize(
    ("kind", "operation", "expected"),
    [
        (events.KeyUsed, Operation.DECRYPT, ("kms:Decrypt", (KEY_ARN,))),
        (events.KeyDisabled, Operation.DISABLE_KEY, ("kms:DisableKey", (KEY_ARN,))),
        (events.CallAnswered, Operation.DESCRIBE_KEY, ("kms:DescribeKey", (KEY_ARN,))),
        (events.KeyCreated, Operation.CREATE_KEY, ("kms:CreateKey", (f"acs:kms:cn-hangzhou:{ACCOUNT}:key",))),
        (events.RoleAssumed, Operation.ASSUME_ROLE, ("sts:AssumeRole", (ROLE,))),
        (events.CallRefused, Operation.DISABLE_KEY, ("kms:DisableKey", (KEY_ARN,))),
    ],
)
def test_an_event_asked_for_its_operation_on_what_it_is_about(
    kind: type[Event], operation: Operation, expected: tuple[str, tuple[str, ...]]
) -> None:
    assert asked_of(an_event(kind, a_call(operation))) == expected


@pytest.mark.parametrize(
    ("kind", "operation", "facts", "expected"),
    [
        (events.CallAnswered, Operation.LIST_KEYS, {}, ("kms:ListKeys", (f"acs:kms:cn-hangzhou:{ACCOUNT}:key",))),
        (
            events.CallAnswered,
            Operation.GET_USER,
            {"resource": f"acs:ram:*:{ACCOUNT}:user/bob"},
            ("ram:GetUser", (f"acs:ram:*:{ACCOUNT}:user/bob",)),
        ),
        (events.CallAnswered, Operation.GET_CALLER_IDENTITY, {"resource": f"acs:ram::{ACCOUNT}:root"}, None),
        (events.CallAnswered, Operation.DESCRIBE_REGIONS, {}, None),
        (events.CallRefused, Operation.ASSUME_ROLE, {"resource": ROLE}, ("sts:AssumeRole", (ROLE,))),
        (events.CallRefused, Operation.ENCRYPT, {}, None),
    ],
)
def test_what_names_no_key_asked_for_its_resource(
    kind: type[Event], operation: Operation, facts: dict[str, str], expected: tuple[str, tuple[str, ...]] | None
) -> None:
    assert asked_of(an_event(kind, a_call(operation), **{"key_id": None, "resource": "", **facts})) == expected


def test_a_key_s_arn_follows_from_the_calls_that_reach_it() -> None:
    created = a_new_key().submission.events[0]
    key = replay((created,))
    assert key is not None
    disabled = key.disable(a_call(Operation.DISABLE_KEY))
    needed = asked_of(disabled)
    assert needed is not None
    assert needed.resources == (key.arn,)
    assert key_of(disabled) == key.key_id


def test_an_event_that_nobody_knows_is_no_event_that_needed_nothing() -> None:
    call = a_call(Operation.ENCRYPT)
    with pytest.raises(KeyError):
        asked_of(Event(originator_id=KEY, originator_version=1, timestamp=NOON, call=call))
    assert asked_of(an_event(events.KeyUsed, replace(call, by=SYSTEM))) is None
