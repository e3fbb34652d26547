"""A refused call that names a key is recorded with it, whatever else is wrong with the call and in whatever order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import pytest

from api.kms_operations import TABLE
from tests.fixtures import signed
from tests.fixtures.service import Recorded, Service

Given = Mapping[str, str]

LONG: Final = "x" * 8_193
UNKNOWN: Final = "0b7f3c52-6d1e-4c8a-9f20-3e4d5c6b7a81"

_CONTEXTS: Final[tuple[Given, ...]] = (
    {"EncryptionContext": "{"},
    {"EncryptionContext": "[]"},
    {"EncryptionContext": json.dumps({"a": LONG})},
    {"EncryptionContext.1.Key": "a"},
)
_OF_DATA_KEYS: Final[tuple[Given, ...]] = (
    {"NumberOfBytes": "5000"},
    {"NumberOfBytes": "many"},
    {"KeySpec": "DES"},
    {"Recipient": "x"},
    {"DryRun": "maybe"},
    *_CONTEXTS,
)

WRONG: Final[Mapping[str, tuple[Given, ...]]] = {
    "UpdateKeyDescription": ({}, {"Description": LONG}),
    "ScheduleKeyDeletion": ({}, {"PendingWindowInDays": "3"}, {"PendingWindowInDays": "a week"}),
    "Encrypt": (
        {},
        {"Plaintext": "x" * 6_145},
        {"Plaintext": "x", "DryRun": "maybe"},
        *({"Plaintext": "x", **context} for context in _CONTEXTS),
    ),
    "GenerateDataKey": _OF_DATA_KEYS,
    "GenerateDataKeyWithoutPlaintext": _OF_DATA_KEYS,
}
"""What is refused beside a KeyId that is right, of each operation that takes one and more."""

NAMING: Final = {action.name: action for action in TABLE if action.names_key}

CASES: Final = [(action, given) for action, wrong in WRONG.items() for given in wrong]


@pytest.fixture(scope="module")
def key_id(service: Service) -> str:
    return service.create_key()


def refused(service: Service, action: str, given: Given, *, code: str = "") -> Recorded:
    """By POST, for what is too long."""
    answer = service.rpc(action, given, method="POST", place="form")
    told = answer.json()
    assert answer.status_code >= 400, told
    assert code in ("", told["Code"]), told
    (event,) = service.events_of(told["RequestId"])
    assert (event.topic, event.state["code"]) == ("kms.call.refused", told["Code"])
    return event


def arn(service: Service, key_id: str, region_id: str = "cn-hangzhou", account_id: str = "") -> str:
    return f"acs:kms:{region_id}:{account_id or service.account_id}:key/{key_id}"


def test_every_operation_that_takes_a_key_and_more_is_tried() -> None:
    assert WRONG.keys() == {name for name, action in NAMING.items() if len(action.parameters) > 1}


@pytest.mark.parametrize(("action", "given"), CASES)
def test_what_is_refused_for_another_parameter_names_the_key(
    service: Service, key_id: str, action: str, given: Given
) -> None:
    for named in (key_id, arn(service, key_id)):
        event = refused(service, action, {"KeyId": named, **given})
        assert event.state["key_id"] == key_id
        assert "resource" not in event.state, "permission was not asked for yet"


@pytest.mark.parametrize("action", list(NAMING))
def test_what_is_refused_for_its_region_names_the_key(service: Service, key_id: str, action: str) -> None:
    event = refused(service, action, {"KeyId": key_id, "RegionId": "mars"}, code="InvalidParameter")
    assert event.state["key_id"] == key_id


@pytest.mark.parametrize("action", list(NAMING))
def test_a_key_that_is_not_there_is_recorded_as_it_was_named(service: Service, key_id: str, action: str) -> None:
    right = {"Plaintext": "x", "Description": "x", "PendingWindowInDays": "7"}
    elsewhere = arn(service, key_id, "cn-beijing"), arn(service, key_id, account_id="1111111111111111")
    for named in (UNKNOWN, *elsewhere):
        event = refused(service, action, {"KeyId": named, **right}, code="Forbidden.KeyNotFound")
        assert event.state["key_id"] == named[-len(UNKNOWN) :]
    asked = refused(service, action, {"KeyId": UNKNOWN, **right})
    assert asked.state["resource"] == arn(service, UNKNOWN)


@pytest.mark.parametrize("named", ["", "alias/shop", "no key", UNKNOWN.upper(), f"{UNKNOWN}/x"])
@pytest.mark.parametrize("action", list(NAMING))
def test_what_is_no_key_is_not_recorded_as_one(service: Service, action: str, named: str) -> None:
    assert refused(service, action, {"KeyId": named}).state["key_id"] is None


def test_an_operation_that_takes_no_key_names_none(service: Service, key_id: str) -> None:
    for action, given in (("ListKeys", {"PageSize": "0"}), ("Decrypt", {"CiphertextBlob": "x"}), ("Nothing", {})):
        assert refused(service, action, {"KeyId": key_id, **given}).state["key_id"] is None


@pytest.mark.parametrize(
    ("action", "given", "message"),
    [
        ("UpdateKeyDescription", {"KeyId": "alias/x"}, '"Description"'),
        ("ScheduleKeyDeletion", {"KeyId": "?", "PendingWindowInDays": "3"}, "PendingWindowInDays"),
        ("Encrypt", {"KeyId": "?", "EncryptionContext": "{", "DryRun": "maybe"}, "KeyId"),
        ("Encrypt", {"KeyId": UNKNOWN, "EncryptionContext": "{"}, '"Plaintext"'),
        ("GenerateDataKey", {"KeyId": "?", "Recipient": "x"}, "Recipient"),
        ("GenerateDataKey", {"KeyId": "?", "NumberOfBytes": "0", "EncryptionContext": "{"}, "KeyId"),
        ("GenerateDataKey", {"KeyId": UNKNOWN, "NumberOfBytes": "0", "EncryptionContext": "{"}, "EncryptionContext"),
    ],
)
def test_of_several_parameters_that_are_wrong_the_same_one_is_told_as_ever(
    service: Service, action: str, given: Given, message: str
) -> None:
    assert message in refused(service, action, given).state["message"]


def test_a_rest_request_whose_body_cannot_be_read_names_the_key_of_its_path(service: Service, key_id: str) -> None:
    one = f"/v1/keys/{key_id}"
    json_headers = {**signed.basic(service.root), "content-type": "application/json"}
    with service.http() as client:
        answers = [
            client.post(f"{one}:encrypt", content=content, headers=json_headers)
            for content in ("{", "[]", '{"KeyId": "x"}', '{"Plaintext": 7, "DryRun": "maybe"}')
        ]
    for answer in (*answers, service.rest("POST", f"{one}:scheduleDeletion", {"PendingWindowInDays": 3})):
        assert answer.status_code == 400
        (event,) = service.events_of(answer.json()["RequestId"])
        assert event.state["key_id"] == key_id


def test_whoever_looks_for_a_key_finds_such_refusals(service: Service) -> None:
    key_id = service.create_key()
    events = [refused(service, action, {"KeyId": key_id, **given}) for action, given in CASES]
    asked = {"key_id": key_id, "outcome": "refused", "order": "asc", "limit": 100, "wait": "true"}
    found = service.rest("GET", "/audit/events", params=asked).json()["events"]
    assert [event["request_id"] for event in found] == [event.request_id for event in events]
    history = service.rest("GET", f"/audit/keys/{key_id}/history", params={"wait": "true"}).json()
    assert sum(use["count"] for use in history["uses"] if use["outcome"] == "refused") == len(events)
