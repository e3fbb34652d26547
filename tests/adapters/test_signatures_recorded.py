"""What official clients really sent verifies, and no bit of it may change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.signatures import Claim, Family, identify, verify
from domain.errors import KeyLedgerError, SignatureDoesNotMatch
from tests.wire.recordings import RECORDED, SECRET, VECTORS, Request, encoded, recorded


def judge(request: Request, secret: bytes = SECRET) -> Claim:
    claim = identify(request.received(), secure=False)
    verify(claim, secret)
    return claim


def test_all_recordings_are_here() -> None:
    assert len(RECORDED) == 61


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_request_verifies(path: Path) -> None:
    claim = judge(recorded(path))
    assert claim.access_key_id == "testak"
    assert claim.nonce is not None
    assert claim.timestamp is not None
    assert claim.timestamp.date() == datetime(2026, 11, 23, tzinfo=UTC).date()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_recorded_request_does_not_verify_under_another_secret(path: Path) -> None:
    with pytest.raises(SignatureDoesNotMatch):
        judge(recorded(path), b"testsk2")


def test_the_recordings_cover_every_family_that_sdks_send_and_sts() -> None:
    claims = [judge(recorded(path)) for path in RECORDED]
    assert {claim.family for claim in claims} == {
        Family.RPC_HMAC_SHA1,
        Family.ACS3_HMAC_SHA256,
        Family.ACS4_HMAC_SHA256,
    }
    assert {claim.security_token for claim in claims if claim.family is Family.RPC_HMAC_SHA1} == {None, "tok=/+"}
    assert {claim.security_token for claim in claims if claim.family is Family.ACS3_HMAC_SHA256} == {None, "tok=/+"}


@pytest.mark.parametrize("vector", VECTORS["rpc_v1"])
def test_the_official_rpc_vector_verifies(vector: dict[str, Any]) -> None:
    query = encoded({**vector["params"], "Signature": vector["signature"]})
    claim = judge(Request(vector["method"], b"/", query, [(b"host", b"kms")]), vector["secret"].encode())
    assert claim.timestamp == datetime(2016, 3, 28, 3, 13, 8, tzinfo=UTC)
    assert claim.nonce is None


@pytest.mark.parametrize("vector", VECTORS["acs3"])
def test_the_official_acs3_vectors_verify(vector: dict[str, Any]) -> None:
    headers = [(name.encode(), value.encode()) for name, value in vector["headers"].items()]
    names = ";".join(sorted(vector["headers"]))
    authorization = f"ACS3-HMAC-SHA256 Credential=ak,SignedHeaders={names},Signature={vector['signature']}"
    request = Request(
        vector["method"], b"/", encoded(vector["query"]), [*headers, (b"authorization", authorization.encode())]
    )
    judge(request, vector["secret"].encode())


def _flipped(text: bytes, bit: int) -> bytes:
    index = bit // 8 % len(text)
    return text[:index] + bytes([text[index] ^ (1 << bit % 8)]) + text[index + 1 :]


@given(st.sampled_from(RECORDED), st.integers(0, 2**16))
def test_no_bit_of_a_query_may_change(path: Path, bit: int) -> None:
    """Unless it changes only how the same parameters are spelled: the oracle decides on those."""
    request = recorded(path)
    if not request.query:
        return
    edited = request._replace(query=_flipped(request.query, bit))
    try:
        judge(edited)
    except KeyLedgerError:
        return
    assert edited.received().parameters.values == request.received().parameters.values


@given(st.sampled_from(RECORDED), st.data())
def test_no_bit_of_a_signed_header_may_change(path: Path, data: st.DataObject) -> None:
    request = recorded(path)
    names = b"".join(value for name, value in request.headers if name == b"authorization")
    signed = [index for index, (name, _) in enumerate(request.headers) if name in names and name != b"authorization"]
    if not signed:
        return
    index = data.draw(st.sampled_from(signed))
    name, value = request.headers[index]
    edited = _flipped(value, data.draw(st.integers(0, 8 * len(value) - 1)))
    with pytest.raises(KeyLedgerError):
        judge(request._replace(headers=[*request.headers[:index], (name, edited), *request.headers[index + 1 :]]))


@given(st.sampled_from(RECORDED), st.integers(0, 2**16))
def test_no_bit_of_an_authorization_header_may_change(path: Path, bit: int) -> None:
    request = recorded(path)
    value = dict(request.headers).get(b"authorization")
    if value is None:
        return
    others = [(name, text) for name, text in request.headers if name != b"authorization"]
    edited = request._replace(headers=[*others, (b"authorization", _flipped(value, bit))])
    try:
        claim = judge(edited)
    except KeyLedgerError:
        return
    assert claim.access_key_id != "testak", "another caller's id, whose secret would not be testsk"


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_method_and_the_body_are_signed(path: Path) -> None:
    request = recorded(path)
    for edited in (request._replace(method="PUT"), request._replace(body=request.body + b"&PageNumber=2")):
        with pytest.raises(KeyLedgerError):
            judge(edited)


def test_a_mismatch_of_rpc_shows_the_string_to_sign_after_a_colon() -> None:
    with pytest.raises(SignatureDoesNotMatch) as caught:
        judge(recorded(RECORDED[0]), b"wrong")
    before, shown = caught.value.message.split(":", 1)
    assert before.endswith("server string to sign is")
    assert shown.startswith("POST&%2F&AccessKeyId%3Dtestak%26Action%3D")
    assert ":" not in shown, "the classic SDK compares what stands between the first and the second colon"


def test_a_mismatch_of_acs3_shows_the_string_to_sign_after_a_colon() -> None:
    path = next(path for path in RECORDED if path.name == "tea3.002.Encrypt.req")
    with pytest.raises(SignatureDoesNotMatch, match=r"is:ACS3-HMAC-SHA256\n[0-9a-f]{64}$"):
        judge(recorded(path), b"wrong")
