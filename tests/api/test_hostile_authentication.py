"""Forgeries, confusions and smuggled fields: each has a clear error with Alibaba's code, and changes nothing.

Where HTTP itself is bent, the bytes go through a socket. Not here: what is no HTTP or no text (``test_hostile_input``).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.fixtures import signed
from tests.fixtures.service import Service
from tests.fixtures.signed import Raw
from tests.fixtures.talking import as_bytes, codes, talk, with_line

ACS3, ACS4 = "ACS3-HMAC-SHA256", "ACS4-HMAC-SHA256"
NONE_OF_OURS: Final = ("none", "NONE", "BEARERTOKEN", "HMAC-MD5", "hmac-sha1", "HMAC-SHA1 ", "SHA256withRSA")


def _acs(service: Service, action: str = "DescribeRegions", scheme: str = ACS3) -> Raw:
    return signed.acs(service.root, action, host=service.address, method="GET", scheme=scheme)


def _authorization(raw: Raw, change: Callable[[str], str]) -> Raw:
    return raw.with_header("authorization", change(raw.headers["authorization"]))


# --- algorithm confusion ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", NONE_OF_OURS)
def test_an_rpc_request_does_not_choose_an_algorithm_of_its_own(service: Service, method: str) -> None:
    for proof in ({}, {"Signature": ""}, {"Signature": "none"}):
        asked = signed.rpc(service.root, "DescribeRegions", {"SignatureMethod": method})
        query = asked.target.partition("&Signature=")[0] if proof else asked.target
        more = "".join(f"&{name}={value}" for name, value in proof.items())
        told = service.send(asked.but(target=query + more))
        assert (told.status_code, told.json()["Code"]) in {
            (400, "InvalidSignatureMethod"),
            (400, "IncompleteSignature"),
        }


def test_a_bearer_token_is_no_signature(service: Service) -> None:
    given = {"SignatureType": "BEARERTOKEN", "BearerToken": "x", "SignatureMethod": "HMAC-SHA1"}
    assert service.rpc("DescribeRegions", given).json()["Code"] == "InvalidSignatureMethod"
    bearer = Raw("GET", "/?Action=DescribeRegions&Version=2016-01-20", {"authorization": "Bearer x"})
    assert service.send(bearer).json()["Code"] == "IncompleteSignature"


@pytest.mark.parametrize(
    "scheme", ["ACS3-HMAC-SHA1", "ACS3-HMAC-SM3", "ACS3-RSA-SHA256", "ACS4-NONE", "ACS3-", "ACS4-"]
)
def test_an_acs_request_does_not_choose_an_algorithm_of_its_own(service: Service, scheme: str) -> None:
    asked = _authorization(_acs(service), lambda said: said.replace(ACS3, scheme))
    assert service.send(asked).json()["Code"] == "InvalidSignatureMethod"


@pytest.mark.parametrize("scheme", ["acs3-hmac-sha256", "ACS2-HMAC-SHA256", "acs", "AWS4-HMAC-SHA256", "Digest", "-"])
def test_another_scheme_is_refused_by_name(service: Service, scheme: str) -> None:
    asked = _authorization(_acs(service), lambda said: said.replace(ACS3, scheme))
    assert service.send(asked).json()["Code"] == "IncompleteSignature"


def test_the_proof_of_one_scheme_under_the_name_of_another_does_not_match(service: Service) -> None:
    """ACS4 derives its key; ACS3 takes the secret. Neither proof may count for the other, with or without a scope."""
    acs4, acs3 = _acs(service, scheme=ACS4), _acs(service)
    scope = acs4.headers["authorization"].partition("Credential=")[2].partition(",")[0].partition("/")[2]
    key_id = service.root.access_key_id
    told = [
        service.send(_authorization(acs4, lambda said: said.replace(ACS4, ACS3))),
        service.send(_authorization(acs4, lambda said: said.replace(ACS4, ACS3).replace(f"/{scope}", ""))),
        service.send(_authorization(acs3, lambda said: said.replace(ACS3, ACS4))),
        service.send(_authorization(acs3, lambda said: said.replace(ACS3, ACS4).replace(key_id, f"{key_id}/{scope}"))),
    ]
    assert [one.json()["Code"] for one in told] == [
        "InvalidAccessKeyId.NotFound",  # the whole of "id/scope" is nobody's id
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "SignatureDoesNotMatch",
    ]


@pytest.mark.parametrize("who", ["root", "nobody"])
@pytest.mark.parametrize("scheme", [ACS3, ACS4])
def test_two_families_at_once_are_refused_whoever_they_name(service: Service, scheme: str, who: str) -> None:
    rpc = signed.rpc(service.root, "DescribeRegions")
    if who == "nobody":
        rpc = rpc.but(target="/?AccessKeyId=LTAInobody")
    told = service.send(rpc.but(headers=_acs(service, scheme=scheme).headers))
    assert told.json()["Code"] == "IncompleteSignature"
    assert "choose one" in told.json()["Message"]


# --- the same field twice, or nearly ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "twice", ["Authorization", "AUTHORIZATION", "x-acs-date", "X-Acs-Version", "Content-Type", "Host"]
)
def test_a_header_that_is_acted_upon_stands_once(service: Service, twice: str) -> None:
    asked = _acs(service).with_header("content-type", signed.FORM)
    sent = as_bytes(service, asked)
    value = {**asked.headers, "host": service.address}[twice.lower()]
    for again in (value, "another"):
        assert codes(talk(service, with_line(sent, f"{twice}: {again}".encode()))) == ["IncompleteSignature"]


@pytest.mark.parametrize("parameter", ["Action", "%41ction", "AccessKeyId", "Signature", "Timestamp", "RegionId"])
def test_a_parameter_stands_once_however_it_is_spelt(service: Service, parameter: str) -> None:
    asked = signed.rpc(service.root, "DescribeRegions", {"RegionId": "cn-hangzhou"})
    told = service.send(asked.but(target=f"{asked.target}&{parameter}=x"))
    assert (told.status_code, told.json()["Code"]) == (400, "InvalidParameter")


@pytest.mark.parametrize("twin", ["x_acs_action: CreateKey", "x_acs_security_token: t", "x-acs-action_: CreateKey"])
def test_a_name_with_an_underscore_is_another_name(service: Service, twin: str) -> None:
    before = service.head()
    heard = talk(service, with_line(as_bytes(service, _acs(service)), twin.encode()))
    assert codes(heard) == [None]
    (event,) = service.events(before)
    assert event.call["operation"] == "DescribeRegions"


@pytest.mark.parametrize(
    "line",
    [b"x-acs-action : CreateKey", b'"x-acs-action": CreateKey', b" x-acs-action: CreateKey", b"\tfolded", b": x"],
)
def test_a_field_that_is_no_field_ends_the_connection(service: Service, line: bytes) -> None:
    heard = talk(service, with_line(as_bytes(service, _acs(service)), line))
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert codes(heard) == []


def test_a_folded_authorization_is_refused(service: Service) -> None:
    sent = as_bytes(service, _acs(service)).replace(b",SignedHeaders", b",\r\n SignedHeaders")
    heard = talk(service, sent)
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert codes(heard) == []


def test_another_method_in_a_header_is_not_the_method(service: Service) -> None:
    before = service.head()
    for name in (b"X-HTTP-Method-Override", b"X-Method-Override"):
        assert codes(talk(service, with_line(as_bytes(service, _acs(service)), name + b": DELETE"))) == [None]
    assert [event.call["operation"] for event in service.events(before)] == ["DescribeRegions"] * 2


# --- where one request ends and the next begins -----------------------------------------------------------------------


def _with_body(service: Service, framing: bytes, body: Callable[[bytes], bytes]) -> bytes:
    """A signed request whose body is framed by the lines ``framing``, and behind it another signed request."""
    raw = signed.rpc(service.root, "DescribeRegions", method="POST", place="form")
    head = as_bytes(service, raw.but(body=b""))[:-2]
    behind = as_bytes(service, signed.rpc(service.root, "CreateKey"))
    return head + framing % {b"size": len(raw.body)} + b"\r\n" + body(raw.body) + behind


def _plain(body: bytes) -> bytes:
    return body


def _chunked(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"content-length: %(size)d\r\ntransfer-encoding: chunked\r\n", _chunked),
        (b"content-length: 0\r\ntransfer-encoding: chunked\r\n", _chunked),
        (b"transfer-encoding: chunked\r\ncontent-length: 0\r\n", _chunked),
        (b"content-length: %(size)d\r\ncontent-length: %(size)d\r\n", _plain),
        (b"content-length: %(size)d\r\ncontent-length: 0\r\n", _plain),
        (b"content-length: %(size)d, %(size)d\r\n", _plain),
        (b"content-length: +%(size)d\r\n", _plain),
        (b"content-length: 0x%(size)x\r\n", _plain),
        (b"content-length: 99999999999999999999\r\n", _plain),
        (b"transfer-encoding: identity\r\n", _chunked),
        (b"transfer-encoding: xchunked\r\n", _chunked),
        (b"transfer-encoding: chunked, identity\r\n", _chunked),
        (b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", _chunked),
        (b"transfer-encoding: \x0bchunked\r\n", _chunked),
        (b"transfer-encoding : chunked\r\n", _chunked),
        (b"transfer-encoding:\r\n chunked\r\n", _chunked),
        (b"transfer-encoding: chunked\r\n", lambda body: b"ffffffffffffffffff\r\n%b\r\n0\r\n\r\n" % body),
        (b"transfer-encoding: chunked\r\n", lambda body: b"-1\r\n%b\r\n0\r\n\r\n" % body),
        (b"transfer-encoding: chunked\r\n", lambda body: b"%x\n%b\n0\n\n" % (len(body), body)),
        (b"transfer-encoding: chunked\r\n", lambda body: b"%x\r\n%b0\r\n\r\n" % (len(body), body)),
    ],
)
def test_of_a_request_with_two_ends_nothing_behind_it_is_done(
    service: Service, framing: bytes, body: Callable[[bytes], bytes]
) -> None:
    before = service.head()
    heard = talk(service, _with_body(service, framing, body))
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert heard.count(b"HTTP/1.1 ") == 1
    assert service.events(before) == []


def test_a_framing_that_only_looks_like_one_is_no_framing(service: Service) -> None:
    before = service.head()
    sent = _with_body(service, b"transfer_encoding: chunked\r\ncontent-length: %(size)d\r\n", _plain)
    assert codes(talk(service, sent)) == [None, None]
    assert [event.call["operation"] for event in service.events(before)] == ["DescribeRegions", "CreateKey"]


@pytest.mark.parametrize("line", [b"authorization: Basic x", b"x-acs-security-token: t", b"host: kms.cn-shanghai.x"])
def test_a_field_behind_the_body_is_no_header(service: Service, line: bytes) -> None:
    before = service.head()

    def trailed(body: bytes) -> bytes:
        return b"%x\r\n%b\r\n0\r\n%b\r\n\r\n" % (len(body), body, line)

    assert codes(talk(service, _with_body(service, b"transfer-encoding: chunked\r\n", trailed))) == [None, None]
    assert {event.call["region_id"] for event in service.events(before)} == {"cn-hangzhou"}


# --- nonces and clocks ------------------------------------------------------------------------------------------------


def test_a_nonce_is_used_once_whichever_family_signs_it(service: Service) -> None:
    nonce, at = uuid.uuid4().hex, datetime.now(UTC)
    rpc = signed.rpc(service.root, "DescribeRegions", {"SignatureNonce": nonce}, at=at)
    more = {"x-acs-signature-nonce": nonce}
    acs3 = signed.acs(service.root, "DescribeRegions", host=service.address, at=at, more=more)
    acs4 = signed.acs(service.root, "DescribeRegions", host=service.address, at=at, more=more, scheme=ACS4)
    told = [service.send(asked).json().get("Code") for asked in (acs3, rpc, acs4)]
    assert told == [None, "SignatureNonceUsed", "SignatureNonceUsed"]


def test_a_nonce_that_is_too_long_is_refused(service: Service) -> None:
    assert service.rpc("DescribeRegions", {"SignatureNonce": "n" * 256}).status_code == 200
    assert service.rpc("DescribeRegions", {"SignatureNonce": "n" * 257}).json()["Code"] == "InvalidParameter"


@pytest.mark.parametrize("minutes", [-16, 16, -1_440, 525_600])
@pytest.mark.parametrize("scheme", ["RPC", ACS3, ACS4])
def test_a_clock_that_goes_wrong_is_told_so_in_every_family(service: Service, scheme: str, minutes: int) -> None:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    ask = service.rpc if scheme == "RPC" else lambda action, at: service.acs(action, at=at, scheme=scheme)
    told = ask("DescribeRegions", at=at)
    assert (told.status_code, told.json()["Code"]) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize(
    "stamp", ["2026-06-01T23:59:60Z", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "now", "1e9"]
)
def test_a_time_that_is_none_is_told_so(service: Service, stamp: str) -> None:
    assert service.rpc("DescribeRegions", {"Timestamp": stamp}).json()["Code"] == "InvalidTimeStamp.Format"


# --- too much of what authenticates -----------------------------------------------------------------------------------


def test_an_access_key_id_that_is_too_long_is_refused(service: Service) -> None:
    told = service.rpc("DescribeRegions", {"AccessKeyId": "L" * 129})
    assert (told.status_code, told.json()["Code"]) == (400, "IncompleteSignature")


@pytest.mark.parametrize("size", [8_193, 100_000])
def test_a_token_that_is_too_long_is_refused(service: Service, size: int) -> None:
    told = service.rpc("DescribeRegions", {"SecurityToken": "t" * size}, method="POST", place="form")
    assert told.json()["Code"] == "InvalidSecurityToken.Malformed"


@pytest.mark.parametrize(
    "authorization",
    [
        f"{ACS3} Credential=x,SignedHeaders={'a;' * 40_000}host,Signature=x",
        f"{ACS3} {'Credential=x,' * 10_000}SignedHeaders=host,Signature=x",
        f"{ACS3} Credential={'x' * 100_000},SignedHeaders=host,Signature=x",
        f"{ACS4} Credential={'/' * 100_000},SignedHeaders=host,Signature=x",
        f"Basic {'QUFB' * 30_000}",
        f"Basic {'=' * 100_000}",
        ACS3,
        "Basic",
        ",,,",
    ],
)
def test_an_authorization_that_is_too_much_or_nothing_is_refused_in_words(service: Service, authorization: str) -> None:
    told = service.send(_acs(service).with_header("authorization", authorization))
    assert (told.status_code, told.json()["Code"]) == (400, "IncompleteSignature")
    assert len(told.json()["Message"]) < 500
