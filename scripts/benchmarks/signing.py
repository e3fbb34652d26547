"""Freshly signed requests as the official SDKs send them, made fast.

Two families: ``acs3`` as the Tea SDK (``alibabacloud_kms20160120``) sends by default, ``rpc`` as the classic SDK
(``aliyun-python-sdk-kms``) does. Both put the parameters into the query of a POST without a body. Everything but nonce,
time and signature is the same for all requests of a run, so it is made once (:class:`Form`) and a request costs two
hashes. Not here: writing many of them to disk (``stockpile.py``).
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

VERSION: Final = "2016-01-20"
NO_BODY_SHA256: Final = hashlib.sha256(b"").hexdigest()
FORM_OPERATIONS: Final = frozenset({"Decrypt", "GenerateDataKey"})
"""Operations for which the Tea SDK sends ``content-type: application/x-www-form-urlencoded`` with its empty body."""

TEA_USER_AGENT: Final = "AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2"
CLASSIC_USER_AGENT: Final = "AlibabaCloud (Linux;x86_64) Python/3.11.7 Core/2.16.1 python-requests/2.18.3"

Form = Callable[[str], bytes]
"""Nonce (32 hexadecimal digits) -> the bytes of a signed request."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key and where it is used."""

    access_key_id: str
    access_key_secret: str
    region_id: str


@dataclass(frozen=True, slots=True)
class Question:
    """One call, not yet signed. ``host`` is what the Host header says; ``version`` is the API's, and tells products
    apart."""

    operation: str
    parameters: Mapping[str, str]
    host: str
    version: str = VERSION


def form(family: str, question: Question, credentials: Credentials, at: datetime) -> Form:
    """The request of ``question`` signed at ``at`` (aware), but for its nonce.

    :param family: ``acs3`` or ``rpc``.
    """
    timestamp = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return FAMILIES[family](question, credentials, timestamp)


def _acs3(question: Question, credentials: Credentials, timestamp: str) -> Form:
    nonce_mark = "\0"
    headers = {
        "accept": "application/json",
        "host": question.host,
        "user-agent": TEA_USER_AGENT,
        "x-acs-action": question.operation,
        "x-acs-content-sha256": NO_BODY_SHA256,
        "x-acs-credentials-provider": "static_ak",
        "x-acs-date": timestamp,
        "x-acs-signature-nonce": nonce_mark,
        "x-acs-version": question.version,
    }
    if question.operation in FORM_OPERATIONS:
        headers["content-type"] = "application/x-www-form-urlencoded"
    query, names = _query(question.parameters), ";".join(sorted(headers))
    canonical_headers = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n/\n{query}\n{canonical_headers}\n{names}\n{NO_BODY_SHA256}"
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    credential = f"Credential={credentials.access_key_id},SignedHeaders={names}"
    request = (
        f"POST /?{query} HTTP/1.1\r\nAccept-Encoding: identity\r\n{lines}"
        f"Authorization: ACS3-HMAC-SHA256 {credential},Signature=\1\r\nContent-Length: 0\r\n\r\n"
    )
    secret = credentials.access_key_secret.encode()
    return _acs3_form(canonical.encode().split(b"\0"), request.encode(), secret)


def _acs3_form(canonical: list[bytes], request: bytes, secret: bytes) -> Form:
    before, after = canonical
    head, rest = request.split(b"\0")
    middle, tail = rest.split(b"\1")

    def signed(nonce: str) -> bytes:
        word = nonce.encode()
        digest = hashlib.sha256(before + word + after).hexdigest()
        signature = hmac.digest(secret, b"ACS3-HMAC-SHA256\n" + digest.encode(), "sha256").hex()
        return b"".join((head, word, middle, signature.encode(), tail))

    return signed


def _rpc(question: Question, credentials: Credentials, timestamp: str) -> Form:
    nonce_mark = "NONCE"
    parameters = {
        **question.parameters,
        "Version": question.version,
        "Action": question.operation,
        "Format": "JSON",
        "RegionId": credentials.region_id,
        "Timestamp": timestamp,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureType": "",
        "SignatureVersion": "1.0",
        "SignatureNonce": nonce_mark,
        "AccessKeyId": credentials.access_key_id,
    }
    canonical = "&".join(f"{_escaped(name)}={_escaped(parameters[name])}" for name in sorted(parameters))
    to_sign = f"POST&%2F&{_escaped(canonical)}"
    request = (
        f"POST /?{_query(parameters)}&Signature=\1 HTTP/1.1\r\nHost: {question.host}\r\n"
        f"User-Agent: {CLASSIC_USER_AGENT}\r\nAccept-Encoding: identity\r\nAccept: */*\r\nConnection: keep-alive\r\n"
        f"x-acs-action: {question.operation}\r\nx-acs-version: {question.version}\r\nx-sdk-invoke-type: normal\r\n"
        "x-sdk-client: python/2.0.0\r\nContent-Length: 0\r\n\r\n"
    )
    secret = (credentials.access_key_secret + "&").encode()
    return _rpc_form(_around(to_sign, nonce_mark), _around(request, nonce_mark), secret)


def _rpc_form(to_sign: tuple[bytes, bytes], request: tuple[bytes, bytes], secret: bytes) -> Form:
    before, after = to_sign
    head, rest = request
    middle, tail = rest.split(b"\1")

    def signed(nonce: str) -> bytes:
        word = nonce.encode()
        digest = hmac.digest(secret, before + word + after, "sha1")
        signature = quote(binascii.b2a_base64(digest, newline=False), safe="").encode()
        return b"".join((head, word, middle, signature, tail))

    return signed


def _around(text: str, nonce_mark: str) -> tuple[bytes, bytes]:
    """What stands before and after the nonce. The parameter's name is part of the search: a value may say "NONCE"."""
    for name in ("SignatureNonce=", "SignatureNonce%3D"):
        before, found, after = text.partition(name + nonce_mark)
        if found:
            return (before + name).encode(), after.encode()
    raise AssertionError("a signed request has a nonce")


def _query(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in sorted(parameters.items()))


def _escaped(text: str) -> str:
    """RFC 3986: everything but letters, digits and ``-_.~``."""
    return quote(text, safe="~")


FAMILIES: Final[Mapping[str, Callable[[Question, Credentials, str], Form]]] = {"acs3": _acs3, "rpc": _rpc}
