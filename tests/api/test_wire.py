"""Answers are what clients parse: their fields, their statuses, their content types, in JSON and XML."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import orjson
import pytest
from aliyunsdkcore.client import AcsClient
from darabonba.utils import xml as tea_xml
from hypothesis import given
from hypothesis import strategies as st

from api.wire import RECOMMENDATIONS, STATUSES, Answer, failure, status_of, success
from domain import errors
from domain.errors import InvalidParameter, KeyDisabled, KeyLedgerError, KeyNotFound, SignatureDoesNotMatch

REQUEST = UUID("475f1620-b9d3-4d35-b5c6-3fbdd941423d")
KEYS = {"Keys": {"Key": [{"KeyId": "a"}, {"KeyId": "b"}]}, "TotalCount": 2, "Done": True, "Nothing": None}


def headers(answer: Answer) -> dict[bytes, bytes]:
    assert len(dict(answer.headers)) == len(answer.headers)
    return dict(answer.headers)


def parsed(answer: Answer) -> ElementTree.Element:
    assert headers(answer)[b"content-type"] == b"text/xml;charset=utf-8", "Tea compares the whole value"
    return ElementTree.fromstring(answer.body)  # noqa: S314


@pytest.mark.parametrize(
    "answer", [success(KEYS, REQUEST), failure(KeyNotFound(), REQUEST), success({}, REQUEST, "XML")]
)
def test_every_answer_tells_its_length_and_request_id(answer: Answer) -> None:
    assert headers(answer)[b"content-length"] == str(len(answer.body)).encode()
    assert headers(answer)[b"x-acs-request-id"] == str(REQUEST).encode()


@pytest.mark.parametrize("answer_format", ["JSON", "json", "", "None", "RAW", "YAML"])
def test_json_is_the_answer_to_every_format_but_xml(answer_format: str) -> None:
    answer = success(KEYS, REQUEST, answer_format)
    assert (answer.status, headers(answer)[b"content-type"]) == (200, b"application/json;charset=utf-8")
    assert orjson.loads(answer.body) == {"RequestId": str(REQUEST), **KEYS}
    assert orjson.loads(failure(KeyNotFound(), REQUEST, "", answer_format).body)["Code"] == "Forbidden.KeyNotFound"


def test_xml_has_kms_for_its_root_and_repeats_the_inner_element_of_a_list() -> None:
    answer = success(KEYS, REQUEST, "XML")
    assert answer.status == 200
    assert parsed(answer).tag == "KMS"
    assert answer.body.decode() == (
        "<?xml version='1.0' encoding='UTF-8'?><KMS><RequestId>475f1620-b9d3-4d35-b5c6-3fbdd941423d</RequestId>"
        "<Keys><Key><KeyId>a</KeyId></Key><Key><KeyId>b</KeyId></Key></Keys>"
        "<TotalCount>2</TotalCount><Done>true</Done><Nothing></Nothing></KMS>"
    )
    assert parsed(success({}, REQUEST, "xml", "ListUsersResponse")).tag == "ListUsersResponse"


def test_an_empty_list_is_an_empty_wrapper() -> None:
    assert orjson.loads(success({"Keys": {"Key": []}}, REQUEST).body)["Keys"] == {"Key": []}
    assert list(parsed(success({"Keys": {"Key": []}}, REQUEST, "XML")).iterfind("Keys")) != []


XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r")
)


@given(XML_TEXT)
def test_xml_carries_text_unchanged(text: str) -> None:
    assert (parsed(success({"Plaintext": text}, REQUEST, "XML")).findtext("Plaintext") or "") == text


@pytest.mark.parametrize("text", ["a\0b", "\x01", "\x1b", "\ufffe", "\uffff", "\x0b"])
def test_xml_refuses_a_plaintext_that_it_would_change(text: str) -> None:
    with pytest.raises(InvalidParameter, match="Format is not valid"):
        success({"A": {"B": [{"Plaintext": text}]}}, REQUEST, "XML")
    assert orjson.loads(success({"Plaintext": text}, REQUEST).body)["Plaintext"] == text


def test_a_name_that_is_no_element_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="cannot name an element"):
        success({"a b": "1"}, REQUEST, "XML")


def test_an_error_in_json_has_the_fields_of_kms_and_of_pop() -> None:
    answer = failure(KeyDisabled(), REQUEST, "kms.cn-hangzhou.aliyuncs.com")
    assert answer.status == 409
    assert orjson.loads(answer.body) == {
        "RequestId": str(REQUEST),
        "HostId": "kms.cn-hangzhou.aliyuncs.com",
        "HttpStatus": 409,
        "Code": "Rejected.Disabled",
        "Message": "The request was rejected because the key state is Disabled.",
        "Recommend": "Look at the state of what the message is about.",
    }


def test_tea_finds_an_error_in_xml() -> None:
    answer = failure(KeyDisabled(), REQUEST, "h", "XML")
    read: dict[str, Any] = tea_xml.XML.parse_xml(answer.body.decode(), None)
    assert read["Error"]["Code"] == "Rejected.Disabled"
    assert read["Error"]["RequestId"] == str(REQUEST)
    assert parsed(answer).findtext("HttpStatus") == "409"


@pytest.mark.parametrize("string_to_sign", ["GET&%2F&AccessKeyId%3Dtestid", "ACS3-HMAC-SHA256\n00", ""])
def test_the_classic_sdk_reads_a_signature_that_does_not_match(string_to_sign: str) -> None:
    """It splits the message at ``:``; without one it dies of an IndexError (and so did nobody's request)."""
    body = failure(SignatureDoesNotMatch(string_to_sign), REQUEST).body
    exception = AcsClient("ak", "sk")._get_server_exception(400, body, "h", "another")
    assert exception.get_error_code() == "SignatureDoesNotMatch"
    assert exception.get_request_id() == str(REQUEST)
    same = AcsClient("ak", "sk")._get_server_exception(400, body, "h", string_to_sign)
    assert same.get_error_code() == "InvalidAccessKeySecret"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("MissingParameter", 400),
        ("InvalidParameter", 400),
        ("SignatureDoesNotMatch", 400),
        ("InvalidTimeStamp.Expired", 400),
        ("SignatureNonceUsed", 400),
        ("Rejected.LimitExceeded", 400),
        ("InvalidAccessKeyId.Inactive", 400),
        ("Forbidden.NoPermission", 403),
        ("UnsupportedHTTPMethod", 403),
        ("InvalidAccessKeyId.NotFound", 404),
        ("Forbidden.KeyNotFound", 404),
        ("Forbidden.AliasNotFound", 404),
        ("InvalidApi.NotFound", 404),
        ("Rejected.Disabled", 409),
        ("Rejected.PendingDeletion", 409),
        ("Rejected.StateModifiedFailed", 409),
        ("Rejected.Throttling", 429),
        ("InternalFailure", 500),
        ("ServiceUnavailableTemporary", 503),
    ],
)
def test_a_code_has_the_published_status(code: str, status: int) -> None:
    kind = errors.REGISTRY[code]
    assert status_of(kind.__new__(kind)) == status


def test_every_code_belongs_to_exactly_one_family_and_is_recommended_something() -> None:
    for kind in errors.REGISTRY.values():
        assert len([family for family in STATUSES if issubclass(kind, family)]) == 1
    assert set(RECOMMENDATIONS) == set(STATUSES.values())


@pytest.mark.parametrize(
    ("seconds", "whole", "milliseconds"),
    [(0.0001, b"1", b"1"), (0.25, b"1", b"250"), (1.0, b"1", b"1000"), (1.5, b"2", b"1500")],
)
def test_who_is_throttled_is_told_when_to_come_back(seconds: float, whole: bytes, milliseconds: bytes) -> None:
    told = headers(failure(errors.TooManyRequests("Slower.", retry_after_seconds=seconds), REQUEST))
    assert (told[b"retry-after"], told[b"x-acs-retry-after"]) == (whole, milliseconds)
    assert headers(failure(errors.TooManyRequests(), REQUEST))[b"retry-after"] == b"1"
    assert b"retry-after" not in headers(failure(KeyNotFound(), REQUEST))


def test_an_error_without_a_family_is_ours() -> None:
    assert status_of(KeyLedgerError("what?")) == 500


@given(st.text(st.characters()), st.text(st.characters()), st.sampled_from(["XML", "JSON"]))
def test_telling_an_error_never_fails(message: str, host: str, answer_format: str) -> None:
    answer = failure(InvalidParameter("A", message), REQUEST, host, answer_format)
    if answer_format == "XML":
        assert "parameter A is not valid" in (parsed(answer).findtext("Message") or "")
    else:
        assert "parameter A is not valid" in orjson.loads(answer.body)["Message"]
