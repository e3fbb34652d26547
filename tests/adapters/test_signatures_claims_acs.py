"""ACS3 and ACS4: what must be signed, what must not differ from it, and what is malformed."""

from __future__ import annotations

import hashlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.signatures.claim import Scope
from domain.errors import (
    IllegalTimestamp,
    IncompleteSignature,
    InvalidParameter,
    InvalidSignatureMethod,
    InvalidTimestampFormat,
    KeyLedgerError,
    SignatureDoesNotMatch,
)
from tests.fixtures.claims import PARAMETERS, judge, refusal
from tests.wire.recordings import Request, acs, encoded


@given(PARAMETERS, PARAMETERS, st.sampled_from(["ACS3-HMAC-SHA256", "ACS4-HMAC-SHA256"]))
def test_acs_requests_verify_with_query_and_body(query: dict[str, str], body: dict[str, str], scheme: str) -> None:
    body = {f"body.{name}": value for name, value in body.items() if f"body.{name}" not in query}
    request = acs(query, encoded(body), scheme=scheme)
    assert request.verdict() is True
    claim = judge(request)
    assert claim.family.value == scheme
    assert (claim.access_key_id, claim.nonce) == ("testak", "n-1")


def test_acs4_tells_its_scope() -> None:
    assert judge(acs(scheme="ACS4-HMAC-SHA256")).scope == Scope("20261123", "cn-hangzhou", "Kms")


@pytest.mark.parametrize(
    "header",
    ["host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"],
)
def test_acs_must_sign_the_headers_that_say_what_is_asked(header: str) -> None:
    everything = (
        "host",
        "x-acs-action",
        "x-acs-content-sha256",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-version",
    )
    error = refusal(acs(signed=tuple(name for name in everything if name != header)))
    assert isinstance(error, IncompleteSignature)
    assert error.message == f"SignedHeaders lacks {header}."
    absent = refusal(acs(changed={header: "-"}, signed=everything))
    assert isinstance(absent, IllegalTimestamp if header == "x-acs-date" else IncompleteSignature)


@pytest.mark.parametrize("header", ["x-acs-security-token", "x-acs-accesskey-id", "content-type"])
def test_acs_must_sign_the_headers_that_are_acted_upon_where_they_are_sent(header: str) -> None:
    request = acs(body=b"a=b", changed={header: "testak"})
    names = b";".join(sorted(name for name, _ in request.headers if name not in (b"authorization", header.encode())))
    error = refusal(acs(body=b"a=b", changed={header: "testak"}, signed=tuple(names.decode().split(";"))))
    assert isinstance(error, IncompleteSignature)
    assert header in error.message


@pytest.mark.parametrize("scheme", ["ACS3-HMAC-SHA256", "ACS4-HMAC-SHA256"])
@pytest.mark.parametrize(
    "changed", ["UNSIGNED-PAYLOAD", "", hashlib.sha256(b"a=c").hexdigest(), hashlib.sha256(b"a=b").hexdigest().upper()]
)
def test_the_body_must_have_the_hash_that_is_signed(scheme: str, changed: str) -> None:
    error = refusal(acs(body=b"a=b", changed={"x-acs-content-sha256": changed}, scheme=scheme))
    assert isinstance(error, InvalidParameter)
    assert "x-acs-content-sha256" in error.message


@pytest.mark.parametrize(
    ("header", "value", "expected"),
    [
        ("x-acs-date", "20261123T181022Z", InvalidTimestampFormat),
        ("x-acs-date", "", IllegalTimestamp),
        ("x-acs-signature-nonce", "", IncompleteSignature),
        ("x-acs-signature-nonce", "n" * 257, InvalidParameter),
        ("x-acs-accesskey-id", "another", InvalidParameter),
    ],
)
def test_acs_headers_must_make_sense(header: str, value: str, expected: type[KeyLedgerError]) -> None:
    assert type(refusal(acs(changed={header: value}))) is expected


@pytest.mark.parametrize(
    "signed",
    [
        (
            "host",
            "host",
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-signature-nonce",
            "x-acs-version",
        ),
        (
            "Host",
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-signature-nonce",
            "x-acs-version",
            "host",
        ),
        ("", "host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version"),
        (
            "accept",
            "host",
            "x-acs-action",
            "x-acs-content-sha256",
            "x-acs-date",
            "x-acs-signature-nonce",
            "x-acs-version",
        ),
    ],
    ids=["twice", "upper case", "empty", "absent"],
)
def test_signed_headers_are_distinct_lower_case_and_there(signed: tuple[str, ...]) -> None:
    assert isinstance(refusal(acs(signed=signed)), IncompleteSignature)


@pytest.mark.parametrize(
    "name", [b"authorization", b"host", b"content-type", b"x-acs-date", b"x-acs-whatever", b"accept"]
)
def test_a_header_that_matters_occurs_once(name: bytes) -> None:
    request = acs(body=b"a=b", changed={"accept": "*/*", "x-acs-whatever": "1"})
    twice = request._replace(headers=[*request.headers, (name, dict(request.headers)[name])])
    assert "occurs more than once" in refusal(twice).message


def test_a_header_that_nobody_signs_or_reads_may_occur_twice() -> None:
    request = acs()
    judge(request._replace(headers=[*request.headers, (b"via", b"a"), (b"via", b"b")]))


@pytest.mark.parametrize(
    "authorization",
    [
        b"",
        b"ACS3-HMAC-SHA256",
        b"ACS3-HMAC-SHA256 ",
        b"ACS3-HMAC-SHA256 Credential=testak",
        b"ACS3-HMAC-SHA256 Credential=testak,SignedHeaders=host,Signature=",
        b"ACS3-HMAC-SHA256 Credential=testak,Credential=testak,SignedHeaders=host,Signature=00",
        b"ACS3-HMAC-SHA256 Credential=testak,SignedHeaders=host,Signature=00,Signature=00",
        b"ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00",
        b"ACS3-HMAC-SHA256 Credential=\xe4,SignedHeaders=host,Signature=00",
        b"ACS3-HMAC-SHA256 Signature=00",
        b"ACS3-HMAC-SHA256 Credential=testak,SignedHeaders=hostSignature=00",
        b"ACS3-HMAC-SHA256 Signature=00,Credential=testak,SignedHeaders=host,Signature=00",
        b"ACS3-HMAC-SHA256 Credential=" + b"a" * 2_000 + b",SignedHeaders=host,Signature=00",
        b"Bearer abc",
        b"acs testak:c2ln",
        b"\xff",
    ],
)
def test_a_malformed_authorization_header_is_refused(authorization: bytes) -> None:
    headers = [*(pair for pair in acs().headers if pair[0] != b"authorization"), (b"authorization", authorization)]
    assert isinstance(refusal(acs()._replace(headers=headers)), IncompleteSignature)


@pytest.mark.parametrize("scheme", ["ACS3-HMAC-SHA1", "ACS3-HMAC-SM3", "ACS3-RSA-SHA256", "ACS4-HMAC-SM3", "ACS3-none"])
def test_another_algorithm_is_not_chosen_by_the_client(scheme: str) -> None:
    assert isinstance(refusal(acs(scheme=scheme)), InvalidSignatureMethod)


def test_acs3_and_acs4_are_not_interchangeable() -> None:
    request = acs(scheme="ACS4-HMAC-SHA256")
    value = dict(request.headers)[b"authorization"].replace(b"ACS4", b"ACS3")
    headers = [*(pair for pair in request.headers if pair[0] != b"authorization"), (b"authorization", value)]
    assert isinstance(refusal(request._replace(headers=headers)), SignatureDoesNotMatch)


@pytest.mark.parametrize(
    ("credential", "sentence"),
    [
        ("testak", "Expected Credential="),
        ("testak/20261123/cn-hangzhou/Kms", "Expected Credential="),
        ("testak/20261123/cn-hangzhou/Kms/aws4_request", "Expected Credential="),
        ("testak/20261123//Kms/aliyun_v4_request", "Expected Credential="),
        ("testak/20261124/cn-hangzhou/Kms/aliyun_v4_request", "date"),
        ("testak/2026-11-23/cn-hangzhou/Kms/aliyun_v4_request", "date"),
        ("testak/20261123/cn-hangzhou/kms/aliyun_v4_request", "product"),
        ("testak/20261123/cn-hangzhou/Ram/aliyun_v4_request", "product"),
    ],
)
def test_an_acs4_key_is_derived_for_this_date_and_product(credential: str, sentence: str) -> None:
    error = refusal(acs(scheme="ACS4-HMAC-SHA256", credential=credential))
    assert isinstance(error, IncompleteSignature)
    assert sentence in error.message


def test_the_path_is_signed_by_acs() -> None:
    judge(acs(path="/v1/keys"))
    assert isinstance(refusal(acs(path="/v1/keys")._replace(path=b"/v1/key%73")), SignatureDoesNotMatch)


def test_a_security_token_in_header_and_parameter_must_agree() -> None:
    same = acs({"SecurityToken": "tok=/+"}, changed={"x-acs-security-token": "tok=/+"})
    assert judge(same).security_token == "tok=/+"
    other = acs({"SecurityToken": "tok"}, changed={"x-acs-security-token": "tok=/+"})
    assert isinstance(refusal(other), InvalidParameter)


@pytest.mark.parametrize("order", list(itertools.permutations(("Credential", "SignedHeaders", "Signature"))))
@pytest.mark.parametrize("separator", [",", ", ", " , "])
def test_the_parts_of_an_authorization_header_come_in_any_order(order: tuple[str, ...], separator: str) -> None:
    value = dict(acs().headers)[b"authorization"].decode()
    scheme, _, rest = value.partition(" ")
    parts = dict(part.partition("=")[::2] for part in rest.split(","))
    assert isinstance(refusal(_authorized(f"{rest}0")), IncompleteSignature), "the scheme is missing"
    said = separator.join(f"{name}={parts[name]}" for name in order)
    assert judge(_authorized(f"{scheme} {said}")).access_key_id == "testak"
    altered = separator.join(f"{name}={parts[name]}{'0' if name == 'Signature' else ''}" for name in order)
    assert isinstance(refusal(_authorized(f"{scheme} {altered}")), SignatureDoesNotMatch)


@pytest.mark.parametrize("prefix", ["x", "0", "Signature="])
def test_what_stands_before_the_right_signature_makes_it_another_one(prefix: str) -> None:
    value = dict(acs().headers)[b"authorization"].decode().replace("Signature=", f"Signature={prefix}")
    assert isinstance(refusal(_authorized(value)), SignatureDoesNotMatch)


def _authorized(value: str) -> Request:
    headers = [*(pair for pair in acs().headers if pair[0] != b"authorization"), (b"authorization", value.encode())]
    return acs()._replace(headers=headers)
