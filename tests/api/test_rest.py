"""The REST routes: what ``/`` does, for people with curl. HTTP Basic over TLS, or any of Alibaba's signatures."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

import pytest

from api import kms_operations
from tests.fixtures import signed
from tests.fixtures.service import Service, running
from tests.fixtures.signed import Credentials


def test_a_keys_life_on_rest(service: Service) -> None:
    made = service.rest("POST", "/v1/keys", {"Description": "by curl", "Tags": [{"TagKey": "a", "TagValue": "b"}]})
    key_id = made.json()["KeyMetadata"]["KeyId"]
    one = f"/v1/keys/{key_id}"
    assert service.rest("GET", one).json()["KeyMetadata"]["Description"] == "by curl"
    sealed = service.rest("POST", f"{one}:encrypt", {"Plaintext": "中", "EncryptionContext": {"a": "1"}}).json()
    opened = service.rest(
        "POST", "/v1/decrypt", {"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": {"a": "1"}}
    )
    assert opened.json()["Plaintext"] == "中"
    data_key = service.rest("POST", f"{one}:generateDataKey", {"NumberOfBytes": 24}).json()
    assert len(base64.b64decode(data_key["Plaintext"])) == 24
    assert "Plaintext" not in service.rest("POST", f"{one}:generateDataKeyWithoutPlaintext").json()
    assert service.rest("PATCH", one, {"Description": "anew"}).status_code == 200
    assert service.rest("POST", f"{one}:disable").status_code == 200
    assert service.rest("POST", f"{one}:encrypt", {"Plaintext": "x"}).json()["Code"] == "Rejected.Disabled"
    assert service.rest("POST", f"{one}:enable").status_code == 200
    assert service.rest("POST", f"{one}:scheduleDeletion", {"PendingWindowInDays": 7}).status_code == 200
    assert service.rest("POST", f"{one}:cancelDeletion").status_code == 200
    assert service.rest("GET", one).json()["KeyMetadata"]["KeyState"] == "Enabled"
    listed = service.rest("GET", "/v1/keys", params={"PageSize": 100}).json()
    assert listed["TotalCount"] >= 1
    assert len(service.rest("GET", "/v1/regions").json()["Regions"]["Region"]) == 10


def test_the_same_key_is_behind_both_doors(service: Service) -> None:
    key_id = service.create_key()
    blob = service.encrypt(key_id, "over RPC")
    assert service.rest("POST", "/v1/decrypt", {"CiphertextBlob": blob}).json()["Plaintext"] == "over RPC"


@pytest.mark.parametrize("slash", ["/", "%2F"])
def test_a_path_may_name_a_key_by_its_arn(service: Service, slash: str) -> None:
    made = service.rest("POST", "/v1/keys").json()["KeyMetadata"]
    key_id, arn = made["KeyId"], made["Arn"].replace("/", slash)
    one = f"/v1/keys/{arn}"
    assert service.rest("GET", one).json()["KeyMetadata"]["KeyId"] == key_id
    assert service.rest("POST", f"{one}:encrypt", {"Plaintext": "x"}).json()["KeyId"] == key_id
    assert service.rest("PATCH", one, {"Description": "anew"}).status_code == 200
    history = service.rest("GET", f"/audit/keys/{arn}/history", params={"wait": "true"}).json()
    assert [change["topic"] for change in history["changes"]] == ["kms.key.created", "kms.key.description-updated"]
    assert service.rest("GET", f"/audit/keys/{arn}/at").json()["key"]["description"] == "anew"
    assert service.rest("GET", f"{one}/other").json()["Code"] == "InvalidParameter"


@pytest.mark.parametrize("scheme", ["ACS3-HMAC-SHA256", "ACS4-HMAC-SHA256"])
def test_a_rest_request_may_be_signed(service: Service, scheme: str) -> None:
    path = f"/v1/keys/{service.create_key()}:encrypt"
    body = b'{"Plaintext": "x"}'
    asked = signed.acs(
        service.root,
        "Encrypt",
        host=service.address,
        path=path,
        body=body,
        content_type="application/json",
        scheme=scheme,
    )
    assert service.send(asked).status_code == 200
    assert service.send(asked).json()["Code"] == "SignatureNonceUsed"
    other = asked.but(target=asked.target.replace("encrypt", "disable"))
    assert service.send(other).json()["Code"] in {"SignatureDoesNotMatch", "InvalidParameter"}


@pytest.mark.parametrize(
    ("who", "code", "status"),
    [
        (Credentials("LTAIUnknown", "x"), "InvalidAccessKeyId.NotFound", 404),
        (None, "SignatureDoesNotMatch", 400),
    ],
)
def test_basic_with_wrong_credentials_is_refused(
    service: Service, who: Credentials | None, code: str, status: int
) -> None:
    header = signed.basic(who or Credentials(service.root.access_key_id, "guess"))
    answer = service.rest("GET", "/v1/keys", headers=header)
    assert (answer.json()["Code"], answer.status_code) == (code, status)
    assert service.root.access_key_secret not in answer.text


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic YQ==", "Bearer x", "", "Basic Og=="])
def test_a_malformed_authorization_is_refused_in_words(service: Service, header: str) -> None:
    answer = service.rest("GET", "/v1/keys", headers={"authorization": header})
    assert answer.status_code == 400
    assert answer.json()["Code"] in {"IncompleteSignature", "MissingParameter"}


def test_a_parameter_in_path_and_body_is_refused(service: Service) -> None:
    key_id = service.create_key()
    answer = service.rest("POST", f"/v1/keys/{key_id}:encrypt", {"KeyId": key_id, "Plaintext": "x"})
    assert answer.json()["Code"] == "InvalidParameter"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'"x"', "application/json"),
        (b"\xff", "application/json"),
        (b'{"Plaintext":"x","Plaintext":"y"}', "application/json"),
        (b'{"Plaintext":"\\ud800"}', "application/json"),
        (b'{"Plaintext":"\\u0000"}', "application/json"),
        (b"{" * 100_000, "application/json"),
        (b'{"Plaintext":"x"}', "text/plain"),
        (b'{"Plaintext":"x"}', ""),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(service: Service, content: bytes, media_type: str) -> None:
    path = f"/v1/keys/{service.create_key()}:encrypt"
    with service.http() as client:
        headers = {**signed.basic(service.root), "content-type": media_type}
        answer = client.post(path, content=content, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["Code"] in {"InvalidParameter", "ParseRequestParameterException"}
    (event,) = service.events_of(answer.json()["RequestId"])
    assert event.topic == "kms.call.refused"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "InvalidApi.NotFound"),
        ("DELETE", "/v1/keys", 403, "UnsupportedHTTPMethod"),
        ("GET", "/v1/decrypt", 403, "UnsupportedHTTPMethod"),
    ],
)
def test_what_is_no_route_is_refused_in_the_shape_of_every_error(
    service: Service, method: str, path: str, status: int, code: str
) -> None:
    answer = service.rest(method, path)
    told = answer.json()
    assert (answer.status_code, told["Code"]) == (status, code)
    assert told["HostId"]
    assert UUID(told["RequestId"]).version == 7


def test_a_method_that_a_path_does_not_take_is_answered_with_those_that_it_does(service: Service) -> None:
    assert service.rest("POST", "/audit/events").json()["Message"] == "This http method is not supported. Use GET."


def test_basic_is_refused_where_there_is_no_tls() -> None:
    with running(workers=1, program=("-m", "scripts.up", "--http")) as plain:
        answer = plain.rest("GET", "/v1/keys")
        assert answer.json()["Code"] == "IncompleteSignature"
        assert plain.rpc("ListKeys").status_code == 200
        (event,) = plain.events_of(plain.rpc("DescribeRegions").json()["RequestId"])
        assert event.call["secure_transport"] is False


def test_every_operation_of_kms_has_a_route(service: Service) -> None:
    described: dict[str, Any] = service.rest("GET", "/openapi.json").json()
    routes = {
        operation["operationId"]
        for path, operations in described["paths"].items()
        if path.startswith("/v1/")
        for operation in operations.values()
    }
    assert routes == {action.name for action in kms_operations.TABLE}
