"""However parameters travel, they mean the same: query, form body, split, headers; shapes of a context; formats."""

from __future__ import annotations

import json
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from tests.fixtures import signed
from tests.fixtures.service import Service

CONTEXT: Final = {"purpose": "tls", "é 1": "a=b&c 中"}
SHAPES: Final = {
    "a JSON string": {"EncryptionContext": json.dumps(CONTEXT)},
    "flattened": {f"EncryptionContext.{name}": value for name, value in CONTEXT.items()},
    "indexed": {
        f"EncryptionContext.{number}.{part}": text
        for number, pair in enumerate(CONTEXT.items(), start=1)
        for part, text in zip(("Key", "Value"), pair, strict=True)
    },
}
WAYS: Final = {
    "GET, query": ("GET", "query"),
    "POST, query": ("POST", "query"),
    "POST, form body": ("POST", "form"),
    "POST, split over both": ("POST", "split"),
    "GET, form body": ("GET", "form"),
}


@pytest.fixture(scope="module")
def key_id(service: Service) -> str:
    return service.create_key()


@pytest.mark.parametrize("algorithm", ["HMAC-SHA1", "HMAC-SHA256"])
@pytest.mark.parametrize("way", WAYS)
def test_rpc_parameters_travel_every_way(service: Service, key_id: str, way: str, algorithm: str) -> None:
    method, place = WAYS[way]
    how = {"method": method, "place": place, "algorithm": algorithm}
    sealed = service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "a +/=%&~*'()\n中"}, **how)
    assert sealed.status_code == 200, sealed.text
    opened = service.rpc("Decrypt", {"CiphertextBlob": sealed.json()["CiphertextBlob"]}, **how)
    assert opened.json()["Plaintext"] == "a +/=%&~*'()\n中"


@pytest.mark.parametrize("scheme", ["ACS3-HMAC-SHA256", "ACS4-HMAC-SHA256"])
@pytest.mark.parametrize("in_body", [False, True])
def test_an_acs_action_travels_in_headers_and_its_parameters_in_query_or_body(
    service: Service, key_id: str, scheme: str, in_body: bool
) -> None:
    given = {"KeyId": key_id, "Plaintext": "中 +"}
    if in_body:
        body = signed.encoded(given).encode()
        answer = service.acs("Encrypt", {}, scheme=scheme, body=body, content_type=signed.FORM)
    else:
        answer = service.acs("Encrypt", given, scheme=scheme)
    assert answer.status_code == 200, answer.text
    assert answer.json()["KeyId"] == key_id


def test_a_space_may_be_a_plus_sign(service: Service, key_id: str) -> None:
    asked = signed.rpc(service.root, "Encrypt", {"KeyId": key_id, "Plaintext": "a b"})
    sealed = service.send(asked.but(target=asked.target.replace("%20", "+")))
    assert sealed.status_code == 200, sealed.text
    opened = service.rpc("Decrypt", {"CiphertextBlob": sealed.json()["CiphertextBlob"]})
    assert opened.json()["Plaintext"] == "a b"


@pytest.mark.parametrize("encrypting", SHAPES)
@pytest.mark.parametrize("decrypting", SHAPES)
def test_a_context_is_the_same_in_each_of_its_shapes(
    service: Service, key_id: str, encrypting: str, decrypting: str
) -> None:
    sealed = service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x", **SHAPES[encrypting]}).json()
    blob = {"CiphertextBlob": sealed["CiphertextBlob"]}
    opened = service.rpc("Decrypt", {**blob, **SHAPES[decrypting]}, method="POST", place="split")
    assert opened.json()["Plaintext"] == "x"
    for none in ({}, {"EncryptionContext": ""}, {"EncryptionContext": "{}"}):
        assert service.rpc("Decrypt", {**blob, **none}).json()["Code"] == "InvalidParameter"
    (event,) = service.events_of(sealed["RequestId"])
    assert event.state["encryption_context"] == CONTEXT


@pytest.mark.parametrize("none", [{}, {"EncryptionContext": ""}, {"EncryptionContext": "{}"}])
def test_an_empty_context_is_none(service: Service, key_id: str, none: dict[str, str]) -> None:
    blob = service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x", **none}).json()["CiphertextBlob"]
    assert service.rpc("Decrypt", {"CiphertextBlob": blob}).json()["Plaintext"] == "x"


@pytest.mark.parametrize("spelling", ["True", "true"])
def test_true_is_spelled_as_python_or_as_javascript_does(service: Service, key_id: str, spelling: str) -> None:
    asked = service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x", "DryRun": spelling})
    assert asked.json()["Code"] == "DryRunOperationError"


@pytest.mark.parametrize("spelling", ["False", "false", ""])
def test_false_is_spelled_as_python_or_as_javascript_does(service: Service, key_id: str, spelling: str) -> None:
    assert service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x", "DryRun": spelling}).status_code == 200


def test_another_spelling_of_a_boolean_is_refused(service: Service, key_id: str) -> None:
    asked = service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x", "DryRun": "1"})
    assert asked.json()["Code"] == "InvalidParameter"


@pytest.mark.parametrize("name", ["JSON", "json", "None", "RAW", ""])
def test_every_format_but_xml_is_json(service: Service, key_id: str, name: str) -> None:
    answer = service.rpc("DescribeKey", {"KeyId": key_id, "Format": name})
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    assert answer.json()["KeyMetadata"]["KeyId"] == key_id


@pytest.mark.parametrize("name", ["XML", "xml"])
def test_an_answer_in_xml_has_the_root_kms(service: Service, key_id: str, name: str) -> None:
    answer = service.rpc("DescribeKey", {"KeyId": key_id, "Format": name})
    root = _xml(answer.content)
    assert answer.headers["content-type"] == "text/xml;charset=utf-8"
    assert root.tag == "KMS"
    assert root.findtext("KeyMetadata/KeyId") == key_id
    assert root.findtext("RequestId") == answer.headers["x-acs-request-id"]


def test_a_list_in_xml_repeats_its_element(service: Service, key_id: str) -> None:
    root = _xml(service.rpc("ListKeys", {"Format": "XML", "PageSize": "100"}).content)
    listed = [element.text for element in root.findall("Keys/Key/KeyId")]
    assert len(listed) == len(set(listed)) == min(100, int(root.findtext("TotalCount") or 0))
    regions = _xml(service.rpc("DescribeRegions", {"Format": "XML"}).content)
    assert regions.findtext("Regions/Region/RegionId") == "cn-hangzhou"


def test_a_text_survives_xml(service: Service, key_id: str) -> None:
    text = "<a>&amp;\"'\r\n\t 中😈]]>"
    blob = service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": text, "Format": "XML"}, method="POST", place="form")
    sealed = _xml(blob.content).findtext("CiphertextBlob") or ""
    opened = service.rpc("Decrypt", {"CiphertextBlob": sealed, "Format": "XML"})
    assert _xml(opened.content).findtext("Plaintext") == text


def test_an_error_in_xml_is_what_tea_and_the_classic_core_read(service: Service) -> None:
    answer = service.rpc("DescribeKey", {"KeyId": "nonsense", "Format": "XML"})
    root = _xml(answer.content)
    assert (answer.status_code, root.tag, root.findtext("Code")) == (400, "Error", "InvalidParameter")
    assert root.findtext("RequestId") == answer.headers["x-acs-request-id"]


@pytest.mark.parametrize(
    ("context", "size"),
    [
        (json.dumps({"é": "é" * 2_000, "b": "b" * 6_099}, ensure_ascii=False), 36_000),
        (json.dumps({"é": "é" * 4_050, "b": "中" * 900, "c": "c" * 3_148}, ensure_ascii=False), 49_000),
        # Longer than what httptools can take apart: as the Python SDKs escape 8,192 Chinese characters.
        (json.dumps({"a": "中" * 8_191}), 84_000),
        (json.dumps({"a": "😈" * 8_191}, ensure_ascii=False), 116_000),
    ],
)
def test_the_largest_requests_fit_into_the_query(service: Service, key_id: str, context: str, size: int) -> None:
    given = {"KeyId": key_id, "Plaintext": "/" * 6_144, "EncryptionContext": context}
    asked = signed.rpc(service.root, "Encrypt", given, method="POST")
    assert len(asked.target) > size
    sealed = service.send(asked)
    assert sealed.status_code == 200, sealed.text
    blob = {"CiphertextBlob": sealed.json()["CiphertextBlob"], "EncryptionContext": context}
    opened = service.acs("Decrypt", blob)
    assert opened.json()["Plaintext"] == "/" * 6_144


@pytest.mark.parametrize(
    ("given", "parameter"),
    [
        ({"Plaintext": "/" * 6_145}, "Plaintext"),
        ({"Plaintext": "中" * 2_049}, "Plaintext"),
        ({"Plaintext": "x", "EncryptionContext": json.dumps({"a": "b" * 8_192})}, "EncryptionContext"),
        ({"Plaintext": "x", "EncryptionContext": '{"a":1}'}, "EncryptionContext"),
        ({"Plaintext": "x", "EncryptionContext": '["a"]'}, "EncryptionContext"),
        ({"Plaintext": "x", "EncryptionContext": '{"a":"1","a":"2"}'}, "EncryptionContext"),
        ({"Plaintext": "x", "EncryptionContext": "{}", "EncryptionContext.1.Key": "a"}, "EncryptionContext"),
    ],
)
def test_a_parameter_beyond_its_bounds_is_refused_by_name(
    service: Service, key_id: str, given: dict[str, str], parameter: str
) -> None:
    answer = service.rpc("Encrypt", {"KeyId": key_id, **given}, method="POST", place="form")
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidParameter")
    assert parameter in answer.json()["Message"]


@pytest.mark.parametrize("given", [{"NumberOfBytes": "0"}, {"NumberOfBytes": "1025"}, {"KeySpec": "AES_192"}])
def test_a_data_key_has_1_to_1024_bytes(service: Service, key_id: str, given: dict[str, str]) -> None:
    assert service.rpc("GenerateDataKey", {"KeyId": key_id, **given}).json()["Code"] == "InvalidParameter"


@pytest.mark.parametrize("days", ["6", "367", "7.5", "seven", "-7"])
def test_a_pending_window_has_7_to_366_days(service: Service, key_id: str, days: str) -> None:
    given = {"KeyId": key_id, "PendingWindowInDays": days}
    assert service.rpc("ScheduleKeyDeletion", given).json()["Code"] == "InvalidParameter"


def test_parameters_that_sdks_always_send_change_nothing(service: Service, key_id: str) -> None:
    extra = {
        "RegionId": "cn-hangzhou",
        "SignatureType": "",
        "SourceIp": "192.0.2.1",
        "SecureTransport": "false",
        "ResourceOwnerAccount": "somebody@example.com",
        "STSToken": "",
    }
    answer = service.rpc("DescribeKey", {"KeyId": key_id, **extra})
    assert answer.status_code == 200
    (event,) = service.events_of(answer.json()["RequestId"])
    assert (event.call["source_ip"], event.call["secure_transport"]) == ("127.0.0.1", True)


def _xml(text: str | bytes) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314
