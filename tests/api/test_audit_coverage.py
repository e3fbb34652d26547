"""One event for each answered request, refused ones too, and each names its caller; nothing secret stands anywhere.

:data:`SCENES`, :data:`tests.fixtures.ram_scenes.SCENES` and :data:`tests.fixtures.audit_scenes.SCENES` have every
operation of the table: one that is missing fails the build.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import psutil
import pytest

from api import audit_operations, kms_operations, operations
from api.action import Action, Effect, Product
from tests.fixtures import audit_scenes, ram_scenes, signed
from tests.fixtures.cast import STS, ask, cast, fresh, user_with
from tests.fixtures.service import Recorded, Service
from tests.fixtures.signed import Credentials

KMS: Final = {action.name: action for action in kms_operations.TABLE}
AUDIT: Final = {action.name: action for action in audit_operations.TABLE}
OTHERS: Final = {a.name: a for a in operations.OPERATIONS.values() if a.name not in KMS | AUDIT}
UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"
Given = dict[str, str]

KEY: Final[Callable[[str, str], Given]] = lambda key_id, _: {"KeyId": key_id}  # noqa: E731

SCENES: Final[dict[str, tuple[Callable[[str, str], Given], Given]]] = {
    "CreateKey": (lambda *_: {"Description": "x"}, {"Origin": "EXTERNAL"}),
    "ListKeys": (lambda *_: {}, {"PageSize": "0"}),
    "DescribeKey": (KEY, {"KeyId": UNKNOWN}),
    "UpdateKeyDescription": (lambda key_id, _: {"KeyId": key_id, "Description": "x"}, {"KeyId": UNKNOWN}),
    "EnableKey": (KEY, {"KeyId": UNKNOWN}),
    "DisableKey": (KEY, {"KeyId": "nonsense"}),
    "ScheduleKeyDeletion": (lambda key_id, _: {"KeyId": key_id, "PendingWindowInDays": "30"}, {"KeyId": UNKNOWN}),
    "CancelKeyDeletion": (KEY, {"KeyId": UNKNOWN}),
    "Encrypt": (lambda key_id, _: {"KeyId": key_id, "Plaintext": "x"}, {"KeyId": "alias/x", "Plaintext": "x"}),
    "Decrypt": (lambda _, blob: {"CiphertextBlob": blob}, {"CiphertextBlob": "nonsense"}),
    "GenerateDataKey": (KEY, {"KeyId": UNKNOWN, "NumberOfBytes": "0"}),
    "GenerateDataKeyWithoutPlaintext": (KEY, {"KeyId": UNKNOWN}),
    "DescribeRegions": (lambda *_: {}, {"RegionId": "mars-1"}),
}
"""By operation: parameters that are answered, of a key and a blob of it, and parameters that are refused."""

TOPICS: Final = {Effect.READS: "kms.call.answered", Effect.USES: "kms.key.used", Effect.CHANGES: "kms.key."}


@pytest.fixture
def key(service: Service) -> tuple[str, str]:
    key_id = service.create_key()
    return key_id, service.encrypt(key_id)


def test_every_operation_is_covered() -> None:
    assert SCENES.keys() == KMS.keys()
    assert ram_scenes.SCENES.keys() == OTHERS.keys()
    assert audit_scenes.SCENES.keys() == AUDIT.keys()
    assert len(KMS) + len(OTHERS) + len(AUDIT) == len(operations.OPERATIONS)


@pytest.mark.parametrize("door", ["RPC", "ACS3"])
@pytest.mark.parametrize("operation", KMS)
def test_an_answered_request_has_one_event_that_names_its_caller(
    service: Service, key: tuple[str, str], operation: str, door: str
) -> None:
    if operation == "CancelKeyDeletion":
        service.rpc("ScheduleKeyDeletion", {"KeyId": key[0], "PendingWindowInDays": "7"})
    before = service.head()
    ask = service.rpc if door == "RPC" else service.acs
    answer = ask(operation, SCENES[operation][0](*key))
    assert answer.status_code == 200, answer.text
    (event,) = service.events(before)
    assert event.topic.startswith(TOPICS[KMS[operation].effect])
    _names_the_root(service, event, operation, answer.json()["RequestId"])


@pytest.mark.parametrize("operation", KMS)
def test_a_refused_request_has_one_event_with_the_code(service: Service, operation: str) -> None:
    before = service.head()
    answer = service.rpc(operation, SCENES[operation][1])
    assert answer.status_code in {400, 404, 409}, answer.text
    (event,) = service.events(before)
    assert (event.topic, event.state["code"]) == ("kms.call.refused", answer.json()["Code"])
    assert event.state["message"] == answer.json()["Message"]
    _names_the_root(service, event, operation, answer.json()["RequestId"])


@pytest.mark.parametrize("door", ["RPC", "ACS3"])
@pytest.mark.parametrize("operation", OTHERS)
def test_an_answered_request_of_ram_or_sts_has_one_event_that_names_its_caller(
    service: Service, operation: str, door: str
) -> None:
    action, given = OTHERS[operation], ram_scenes.SCENES[operation].answered(cast(service))
    before = service.head()
    asked = service.rpc if door == "RPC" else service.acs
    answer = asked(operation, given, version=action.product.version)
    assert answer.status_code == 200, answer.text
    (event,) = service.events(before)
    assert event.topic.startswith(_topic_of(action))
    assert event.call["region_id"] == ""
    if action.effect is Effect.READS:
        assert event.state["resource"].startswith("acs:ram:")
    _names_the_root(service, event, operation, answer.json()["RequestId"])


@pytest.mark.parametrize("operation", [name for name in OTHERS if ram_scenes.SCENES[name].code])
def test_a_refused_request_of_ram_or_sts_has_one_event_with_the_code(service: Service, operation: str) -> None:
    action, (_, given, code) = OTHERS[operation], ram_scenes.SCENES[operation]
    before = service.head()
    answer = service.rpc(operation, given, version=action.product.version)
    assert answer.json()["Code"] == code, answer.text
    (event,) = service.events(before)
    assert (event.topic, event.state["code"]) == ("kms.call.refused", code)
    assert event.state["message"] == answer.json()["Message"]
    assert action.product is Product.STS or event.state.get("resource", "").startswith("acs:ram:")
    _names_the_root(service, event, operation, answer.json()["RequestId"])


@pytest.fixture(scope="module")
def somebody(service: Service) -> str:
    """The ARN of a user."""
    return f"acs:ram::{service.account_id}:user/{user_with(service)[0]}"


def _door(service: Service, action: Action, door: str, given: Given) -> httpx.Response:
    if door != "REST":
        return (service.rpc if door == "RPC" else service.acs)(action.name, given, version=action.product.version)
    method, path = action.route.split(" ")
    in_path = {name: value for name, value in given.items() if f"{{{name}}}" in path}
    others = {name: value for name, value in given.items() if name not in in_path}
    if method == "GET":
        return service.rest(method, path.format(**in_path), params=others)
    return service.rest(method, path.format(**in_path), {name: _read(value) for name, value in others.items()})


def _read(value: str) -> Any:
    return json.loads(value) if value[0] in "[{" or value.isdecimal() else value


@pytest.mark.parametrize("door", ["RPC", "ACS3", "REST"])
@pytest.mark.parametrize("operation", AUDIT)
def test_whoever_reads_the_audit_trail_leaves_one_event_in_it(
    service: Service, key: tuple[str, str], somebody: str, operation: str, door: str
) -> None:
    action, scene = AUDIT[operation], audit_scenes.SCENES[operation]
    if door == "REST" and not action.route:
        assert action.product is Product.ACTIONTRAIL
        return
    before = service.head()
    answer = _door(service, action, door, scene.answered(key[0], somebody))
    assert answer.status_code == 200, answer.text
    (event,) = service.events(before)
    assert (event.topic, event.call["region_id"]) == ("kms.call.answered", "")
    assert event.state["resource"] == f"acs:{action.product.prefix}:*:{service.account_id}:trail"
    assert "key_id" not in event.state or event.state["key_id"] is None
    _names_the_root(service, event, operation, answer.headers["x-acs-request-id"])


@pytest.mark.parametrize("operation", AUDIT)
def test_a_refused_question_about_the_audit_trail_has_one_event_with_the_code(service: Service, operation: str) -> None:
    action, scene = AUDIT[operation], audit_scenes.SCENES[operation]
    before = service.head()
    answer = service.rpc(operation, scene.refused, version=action.product.version)
    assert answer.json()["Code"] == scene.code, answer.text
    (event,) = service.events(before)
    assert (event.topic, event.state["code"]) == ("kms.call.refused", scene.code)
    assert event.state["message"] == answer.json()["Message"]
    assert event.state["resource"] == f"acs:{action.product.prefix}:*:{service.account_id}:trail"
    _names_the_root(service, event, operation, answer.json()["RequestId"])


@pytest.mark.parametrize("state", ["Disabled", "PendingDeletion"])
@pytest.mark.parametrize("operation", ["Encrypt", "Decrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"])
def test_a_use_that_the_state_refuses_tells_key_and_context(
    service: Service, key: tuple[str, str], operation: str, state: str
) -> None:
    if state == "Disabled":
        service.rpc("DisableKey", {"KeyId": key[0]})
    else:
        service.rpc("ScheduleKeyDeletion", {"KeyId": key[0], "PendingWindowInDays": "7"})
    given = {**SCENES[operation][0](*key), "EncryptionContext": '{"purpose":"tls"}'}
    answer = service.rpc(operation, given)
    assert answer.json()["Code"] == f"Rejected.{state}"
    (event,) = service.events_of(answer.json()["RequestId"])
    assert (event.state["key_id"], event.state["encryption_context"]) == (key[0], {"purpose": "tls"})


def test_what_a_known_caller_asks_that_does_not_exist_is_recorded(service: Service) -> None:
    for given in ({}, {"Version": "2015-05-01"}, {"Version": "2015-04-01"}):
        answer = service.rpc("NoSuchOperation", given)
        assert answer.json()["Code"] == "InvalidApi.NotFound"
        (event,) = service.events_of(answer.json()["RequestId"])
        assert event.call["operation"] == "Unknown"
        assert "NoSuchOperation" in event.state["message"]


def test_a_rest_request_is_recorded_as_the_operation_that_it_is(service: Service, key: tuple[str, str]) -> None:
    answer = service.rest("POST", f"/v1/keys/{key[0]}:encrypt", {"Plaintext": "x"}, headers={"user-agent": "curl/8"})
    (event,) = service.events_of(answer.json()["RequestId"])
    assert (event.topic, event.call["operation"]) == ("kms.key.used", "Encrypt")
    assert event.call["user_agent"] == "curl/8"


def test_nobody_known_leaves_no_event(service: Service) -> None:
    before = service.head()
    for stranger in (Credentials("LTAIUnknown", "x"), Credentials(service.root.access_key_id, "forged")):
        for action in ("DescribeRegions", "CreateKey"):
            assert service.send(signed.rpc(stranger, action)).status_code in {400, 404}
    service.rest("GET", "/v1/nothing")
    service.is_ready()
    assert service.events(before) == []


def test_all_events_stand_in_one_gapless_order_and_name_who_asked(service: Service) -> None:
    before = service.head()
    events = service.events(all_of_them=True)
    assert [event.position for event in events] == list(range(1, len(events) + 1))
    assert len(events) >= before
    assert len({(event.stream, event.version) for event in events}) == len(events)
    for event in events:
        assert event.call["kind"] in {"root-account", "ram-user", "assumed-role", "system"}
        assert event.call["principal"]
        assert event.call["kind"] == "system" or event.call["access_key_id"]


def test_nothing_secret_stands_in_events_logs_metrics_or_argument_lists(service: Service) -> None:
    told = list(_secrets_told(service))
    places = {
        "the ledger": repr([event.state for event in service.events(all_of_them=True)]).encode(),
        "the metrics": service.rest("GET", "/metrics").content,
        **{f"log {path.name}": path.read_bytes() for path in (service.folder / "log").iterdir()},
        **{f"arguments of {pid}": line for pid, line in _argument_lists(service)},
    }
    assert len(places) > 8
    for place, content in places.items():
        for secret in told:
            for spelling in _spellings(secret):
                assert spelling not in content, f"a secret stands in {place}"


def _secrets_told(service: Service) -> Iterator[str]:
    """Everything that must not be written down, after it passed through the service in every way there is."""
    key_id = service.create_key()
    plaintext = f"plaintext {secrets.token_hex(16)} 中"
    given = {"KeyId": key_id, "Plaintext": plaintext}
    sealed = service.rpc("Encrypt", given).json()
    data_key = service.rpc("GenerateDataKey", {"KeyId": key_id}).json()
    service.rpc("Decrypt", {"CiphertextBlob": sealed["CiphertextBlob"]}, method="POST", place="form")
    service.rest("POST", f"/v1/keys/{key_id}:encrypt", {"Plaintext": plaintext})
    yield from (plaintext, sealed["CiphertextBlob"], data_key["Plaintext"], data_key["CiphertextBlob"])
    refused = f"refused {secrets.token_hex(16)}"
    forger = Credentials(service.root.access_key_id, "forged")
    for wrong in (
        signed.rpc(service.root, "Encrypt", {"KeyId": "nonsense", "Plaintext": refused}),
        signed.rpc(service.root, "Encrypt", {"KeyId": key_id, "Plaintext": refused * 300}, method="POST", place="form"),
        signed.rpc(forger, "Encrypt", {"KeyId": key_id, "Plaintext": refused}),
        signed.rpc(service.root, "Nothing", {"KeyId": key_id, "Plaintext": refused}),
        signed.rpc(service.root, "Decrypt", {"CiphertextBlob": refused}),
        signed.rpc(service.root, "Encrypt", {"Plaintext": refused, "EncryptionContext": "{"}),
        signed.rpc(service.root, "Encrypt", {"Plaintext": refused, "SecurityToken": refused}),
        signed.Raw("GET", f"/?Action=Encrypt&Plaintext={quote(refused)}&Plaintext={quote(refused)}"),
        signed.Raw("POST", "/v1/decrypt", {"content-type": "application/json"}, refused.encode()),
    ):
        assert service.send(wrong).status_code >= 400
    yield from _secrets_of_ram(service)
    yield from (refused, service.root.access_key_secret, base64.b64decode(data_key["Plaintext"]).hex())
    for path in _files_of_secrets(service.folder):
        yield path.read_text(errors="ignore").strip()


def _secrets_of_ram(service: Service) -> Iterator[str]:
    everybody = cast(service)
    yield ask(service, "CreateAccessKey", UserName=everybody.loner)["AccessKey"]["AccessKeySecret"]
    given = {"RoleArn": everybody.role_arn, "RoleSessionName": fresh("session")}
    credentials = service.rpc("AssumeRole", given, version=STS).json()["Credentials"]
    yield from (credentials["AccessKeySecret"], credentials["SecurityToken"])


def _topic_of(action: Action) -> str:
    if action.effect is Effect.READS:
        return "kms.call.answered"
    return "sts.role.assumed" if action.product is Product.STS else "ram."


def _files_of_secrets(folder: Path) -> list[Path]:
    return [folder / "hsm" / "softhsm" / "user-pin", folder / "hsm" / "softhsm" / "so-pin",
            folder / "secrets" / "service-password", folder / "postgresql" / "superuser-password"]  # fmt: skip


def _spellings(secret: str) -> set[bytes]:
    raw = secret.encode()
    plain = {raw, base64.b64encode(raw), raw.hex().encode(), quote(secret, safe="").encode()}
    return plain | {secret.encode("unicode_escape"), base64.b64encode(raw)[:-4], quote(quote(secret, safe="")).encode()}


def _argument_lists(service: Service) -> Iterator[tuple[int, bytes]]:
    for process in psutil.Process(service.up.pid).children(recursive=True):
        yield process.pid, " ".join(process.cmdline()).encode()


def _names_the_root(service: Service, event: Recorded, operation: str, request_id: str) -> None:
    expected: dict[str, Any] = {
        "account_id": service.account_id,
        "kind": "root-account",
        "principal": f"acs:ram::{service.account_id}:root",
        "access_key_id": service.root.access_key_id,
        "operation": operation,
        "request_id": request_id,
        "source_ip": "127.0.0.1",
        "secure_transport": True,
    }
    assert event.call.items() >= expected.items()
