"""What is signed by nobody, by two at once, in part, or malformed is refused, each with a sentence that says so."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.signatures import Family, check_fresh, identify, named_access_key_id
from domain.errors import (
    IllegalTimestamp,
    IncompleteSignature,
    InvalidParameter,
    InvalidSignatureMethod,
    InvalidTimestampExpired,
    InvalidTimestampFormat,
    KeyLedgerError,
    MissingParameter,
    SignatureDoesNotMatch,
)
from tests.fixtures.claims import FORM, NAMES, PARAMETERS, TEXTS, get, judge, refusal
from tests.wire.recordings import Headers, Request, acs, encoded, rpc

# --- RPC ----------------------------------------------------------------------------------------------------------


@given(PARAMETERS, st.sampled_from(["GET", "POST"]), st.sampled_from(["HMAC-SHA1", "HMAC-SHA256"]), st.integers(0, 20))
def test_rpc_requests_verify_wherever_their_parameters_travel(
    parameters: dict[str, str], method: str, algorithm: str, in_body: int
) -> None:
    signed = list(rpc("Encrypt", method, **{**parameters, "SignatureMethod": algorithm}).items())
    query, body = dict(signed[in_body:]), encoded(dict(signed[:in_body]))
    request = Request(method, b"/", encoded(query), [(b"host", b"kms"), FORM], body)
    assert request.verdict() is True
    assert judge(request).family.value == f"RPC {algorithm}"


@given(PARAMETERS, NAMES, TEXTS)
def test_an_rpc_parameter_that_was_added_or_changed_is_refused(
    parameters: dict[str, str], name: str, value: str
) -> None:
    signed = rpc("Encrypt", **parameters)
    if signed.get(name) != value:
        assert get({**signed, name: value}).verdict() in (False, None)
        refusal(get({**signed, name: value}))


def test_sha1_and_sha256_are_not_interchangeable() -> None:
    signed = rpc(SignatureMethod="HMAC-SHA256")
    assert isinstance(refusal(get({**signed, "SignatureMethod": "HMAC-SHA1"})), SignatureDoesNotMatch)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"AccessKeyId": "-"}, MissingParameter),
        ({"AccessKeyId": ""}, MissingParameter),
        ({"AccessKeyId": "x" * 129}, IncompleteSignature),
        ({"Timestamp": "-"}, IllegalTimestamp),
        ({"Timestamp": ""}, IllegalTimestamp),
        ({"SignatureVersion": "-"}, IncompleteSignature),
        ({"SignatureVersion": "2.0"}, IncompleteSignature),
        ({"SignatureMethod": "-"}, MissingParameter),
        ({"SignatureMethod": "HMAC-MD5"}, InvalidSignatureMethod),
        ({"SignatureMethod": "hmac-sha1"}, InvalidSignatureMethod),
        ({"SignatureMethod": "BEARERTOKEN"}, InvalidSignatureMethod),
        ({"SignatureType": "BEARERTOKEN"}, InvalidSignatureMethod),
        ({"SignatureNonce": "n" * 257}, InvalidParameter),
        ({"SecurityToken": "a", "STSToken": "b"}, InvalidParameter),
    ],
)
def test_an_rpc_request_without_its_parts_is_refused(changes: dict[str, str], expected: type[KeyLedgerError]) -> None:
    assert type(refusal(get(rpc(**changes)))) is expected


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-11-23T18:10:22",
        "2026-11-23 18:10:22Z",
        "2026-11-23T18:10:22+00:00",
        "2026-11-23T18:10:22.5Z",
        "2026-11-23T18:10:22Z\n",
        "2026-13-23T18:10:22Z",
        "2026-02-30T18:10:22Z",
        "2026-11-23T18:10:60Z",
        "２０２６-11-23T18:10:22Z",
        "Mon, 23 Nov 2026 18:10:22 GMT",
        "1795457422",
    ],
)
def test_a_timestamp_in_another_spelling_is_refused(timestamp: str) -> None:
    assert type(refusal(get(rpc(Timestamp=timestamp)))) is InvalidTimestampFormat


def test_an_empty_signature_type_nonce_and_token_are_none() -> None:
    claim = judge(get(rpc(SignatureType="", SignatureNonce="", SecurityToken="")))
    assert (claim.nonce, claim.security_token) == (None, None)


@pytest.mark.parametrize("name", ["SecurityToken", "STSToken"])
def test_the_security_token_has_two_names_in_rpc(name: str) -> None:
    assert judge(get(rpc(**{name: "tok=/+"}))).security_token == "tok=/+"


@pytest.mark.parametrize("signature", [None, "", "ä", "!", "AAAA"])
def test_an_rpc_request_without_the_right_signature_is_refused(signature: str | None) -> None:
    signed = {name: value for name, value in rpc().items() if name != "Signature"}
    error = refusal(get(signed if signature is None else {**signed, "Signature": signature}))
    assert type(error) is (SignatureDoesNotMatch if signature else IncompleteSignature)


def test_an_unsigned_request_is_told_what_is_missing() -> None:
    error = refusal(get({"Action": "ListKeys"}))
    assert isinstance(error, MissingParameter)
    assert error.message == 'The parameter "AccessKeyId" is needed but not provided.'


def test_rpc_covers_no_other_path() -> None:
    error = refusal(get(rpc())._replace(path=b"/v1/keys"))
    assert "covers no path" in error.message
    judge(get(rpc())._replace(path=b""))


@pytest.mark.parametrize("headers", [[], [(b"content-type", b"application/json")], [(b"content-type", b"")]])
def test_rpc_covers_no_body_but_a_form(headers: Headers) -> None:
    request = Request("POST", b"/", encoded(rpc("CreateKey", "POST")), headers, b'{"Description":"x"}')
    assert "covers only form bodies" in refusal(request).message


@pytest.mark.parametrize(
    "content_type", [b"application/x-www-form-urlencoded; charset=UTF-8", b"APPLICATION/X-WWW-Form-urlencoded"]
)
def test_a_form_is_known_by_its_media_type_alone(content_type: bytes) -> None:
    judge(Request("POST", b"/", b"", [(b"content-type", content_type)], encoded(rpc("CreateKey", "POST"))))


# --- Basic --------------------------------------------------------------------------------------------------------


def basic(credentials: bytes, **parameters: str) -> Request:
    value = b"Basic " + base64.b64encode(credentials)
    return get({"Action": "ListKeys", **parameters}, [(b"host", b"kms"), (b"authorization", value)])


def test_basic_proves_the_secret_over_tls() -> None:
    claim = judge(basic(b"testak:testsk"), secure=True)
    assert (claim.family, claim.access_key_id, claim.timestamp, claim.nonce) == (Family.BASIC, "testak", None, None)


def test_basic_is_refused_without_tls() -> None:
    assert "over TLS only" in refusal(basic(b"testak:testsk")).message


@pytest.mark.parametrize("secret", [b"testsk2", b"tests", b"Testsk", b"testsk\n", "ä".encode(), b"test:sk"])
def test_basic_with_another_secret_does_not_match(secret: bytes) -> None:
    error = refusal(basic(b"testak:" + secret), secure=True)
    assert isinstance(error, SignatureDoesNotMatch)
    assert secret.decode() not in error.message


@pytest.mark.parametrize("credentials", [b"", b"testak", b"testak:", b":testsk", b"\xff:testsk"])
def test_basic_needs_id_and_secret(credentials: bytes) -> None:
    assert isinstance(refusal(basic(credentials), secure=True), IncompleteSignature)


@pytest.mark.parametrize("value", [b"Basic", b"Basic !!!", b"Basic dGVzdGFrOnRlc3Rzaw", b"Basic dGVz dGFrOnRlc3Rzaw=="])
def test_basic_must_be_base64(value: bytes) -> None:
    assert isinstance(refusal(get({}, [(b"authorization", value)]), secure=True), IncompleteSignature)


def test_basic_carries_a_security_token_too() -> None:
    request = basic(b"testak:testsk")
    with_token = request._replace(headers=[*request.headers, (b"x-acs-security-token", b"tok=/+")])
    assert judge(with_token, secure=True).security_token == "tok=/+"


# --- all ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [acs().headers, basic(b"testak:testsk").headers])
def test_two_families_at_once_are_refused(other: Headers) -> None:
    assert "choose one" in refusal(get(rpc(), other), secure=True).message
    assert "choose one" in refusal(get({"AccessKeyId": "testak"}, other), secure=True).message


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        (get(rpc()), "testak"),
        (get({"AccessKeyId": "LTAI1"}), "LTAI1"),
        (acs(), "testak"),
        (acs(scheme="ACS4-HMAC-SHA256"), "testak"),
        (basic(b"testak:testsk"), "testak"),
        (basic(b"testak"), "testak"),
        (get({}, [(b"authorization", b"ACS9-NONE Credential=LTAI1/a/b")]), "LTAI1"),
        (get({"AccessKeyId": "LTAI1"}, [(b"authorization", b"Bearer x")]), "LTAI1"),
        (get(rpc(), acs().headers), "testak"),
        (get({"AccessKeyId": "x" * 128}), "x" * 128),
        (get({"AccessKeyId": "x" * 129}), ""),
        (get({}, [(b"authorization", b"Basic !")]), ""),
        (get({}, [(b"authorization", b"")]), ""),
        (get({}), ""),
    ],
)
def test_whom_a_request_was_made_against_is_told_however_it_is_signed(request_: Request, named: str) -> None:
    assert named_access_key_id(request_.received()) == named


@pytest.mark.parametrize("minutes", [-15, 0, 15])
def test_fifteen_minutes_either_way_are_fresh(minutes: int) -> None:
    claim = judge(get(rpc()))
    assert claim.timestamp == datetime(2026, 11, 23, 18, 10, 22, tzinfo=UTC)
    check_fresh(claim, claim.timestamp + timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", [-15, 15])
def test_more_than_fifteen_minutes_either_way_are_expired(minutes: int) -> None:
    claim = judge(acs())
    assert claim.timestamp is not None
    edge = timedelta(minutes=minutes)
    with pytest.raises(InvalidTimestampExpired):
        check_fresh(claim, claim.timestamp + edge + edge / 1_000_000_000)


def test_basic_is_always_fresh() -> None:
    check_fresh(judge(basic(b"testak:testsk"), secure=True), datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "request_", [get(rpc(Plaintext="hidden")), acs({"Plaintext": "hidden"}), basic(b"testak:hidden")]
)
def test_neither_secret_nor_parameters_show(request_: Request) -> None:
    received = request_.received()
    claim = identify(received, secure=True)
    shown: Any = (received, claim)
    assert "hidden" not in repr(shown)
    assert "hidden" not in f"{received} {claim}"


def test_a_malformed_request_never_becomes_another_exception() -> None:
    """What is not ours is an error of ours: nothing that a client sends may end in a traceback."""

    @given(st.binary(max_size=60), st.lists(st.tuples(st.sampled_from(HEADERS), st.binary(max_size=60))), st.booleans())
    def attempt(query: bytes, headers: Headers, secure: bool) -> None:
        refusal(Request("POST", b"/", query, headers, query), secure)

    attempt()


HEADERS = [b"authorization", b"host", b"content-type", b"x-acs-date", b"x-acs-security-token", b"x-acs-action"]
