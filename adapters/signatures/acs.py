"""ACS3-HMAC-SHA256 and ACS4-HMAC-SHA256: method, path, query, chosen headers and the body's hash are signed.

Alibaba Cloud: "V3 request body and signature mechanism"; ACS4 differs by a key derived for date, region and product
(read in ``alibabacloud_gateway_pop``). The client chooses which headers it signs; this module insists on those that
the service acts upon.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final, NamedTuple

from adapters.signatures import claim, rpc
from adapters.signatures.claim import Claim, Family, Scope
from adapters.signatures.received import Received
from domain.errors import IllegalTimestamp, IncompleteSignature, InvalidParameter, InvalidSignatureMethod

SCHEMES: Final = {b"ACS3-HMAC-SHA256": Family.ACS3_HMAC_SHA256, b"ACS4-HMAC-SHA256": Family.ACS4_HMAC_SHA256}

_SIGNATURE: Final = b"Signature="
_PARTS: Final = frozenset((b"Credential", b"SignedHeaders", b"Signature"))
_MUST_BE_SIGNED: Final = (
    b"host",
    b"x-acs-action",
    b"x-acs-content-sha256",
    b"x-acs-date",
    b"x-acs-signature-nonce",
    b"x-acs-version",
)
_SIGNED_IF_SENT: Final = (b"x-acs-accesskey-id", b"x-acs-security-token")
_PRODUCTS: Final = {"2016-01-20": "Kms", "2015-04-01": "Sts", "2015-05-01": "Ram"}
_TERMINATOR: Final = "aliyun_v4_request"
_REMEMBERED_BYTES_MAX: Final = 1_024
_NO_BODY: Final = hashlib.sha256(b"").hexdigest().encode()


def find(received: Received, scheme: bytes, rest: bytes) -> Claim:
    """The claim of an Authorization header that says ``scheme``, then ``rest``.

    :raises InvalidSignatureMethod: another algorithm than HMAC-SHA256.
    :raises IncompleteSignature: a part is missing, repeated or malformed; a header that must be signed is not, or is
        signed but absent or repeated.
    :raises InvalidParameter: the body's hash, the access-key id or a token contradicts another part of the request.
    """
    family = SCHEMES.get(scheme)
    if family is None:
        raise InvalidSignatureMethod("Specified signature method is not supported. Use ACS3-HMAC-SHA256.")
    before, signature = _apart(rest)
    credential, signed = _said(before)
    key_id, scope = _credential(family, credential, received)
    _check_covered(received, signed)
    _check_body(received)
    return Claim(
        family,
        _same_access_key_id(received, key_id),
        claim.timestamp(_text(received, b"x-acs-date")),
        _nonce(received),
        security_token(received),
        _string_to_sign(received, scheme, signed),
        signature,
        scope,
    )


class Signed(NamedTuple):
    """A SignedHeaders list.

    :param text: as it was sent. :param names: in its order. :param every: the same names.
    :param canonical: what is signed of the headers, with a place for each one's value.
    """

    text: bytes
    names: tuple[bytes, ...]
    every: frozenset[bytes]
    canonical: bytes


def _apart(rest: bytes) -> tuple[bytes, bytes]:
    """What else an Authorization header says, and the signature, which stands last in those of all SDKs."""
    before, _, signature = rest.partition(_SIGNATURE)
    if signature and b"," not in signature:
        return before, signature
    parts = _parts(rest)
    others = [name + b"=" + value + b"," for name, value in parts.items() if name != b"Signature"]
    return b"".join(others), parts[b"Signature"]


def _said(before: bytes) -> tuple[bytes, Signed]:
    """The Credential and the SignedHeaders before a signature."""
    return _said_often(before) if len(before) <= _REMEMBERED_BYTES_MAX else _said_once(before)


def _said_once(before: bytes) -> tuple[bytes, Signed]:
    parts = _parts(before + _SIGNATURE + b"0")
    return parts[b"Credential"], _signed(parts[b"SignedHeaders"])


_said_often: Final = lru_cache(maxsize=1_024)(_said_once)
"""Remembered, because every request of a client says the same."""


def _parts(rest: bytes) -> dict[bytes, bytes]:
    pairs = [part.strip().partition(b"=") for part in rest.split(b",")]
    parts = {name: value for name, _, value in pairs}
    if len(pairs) != len(_PARTS) or parts.keys() != _PARTS or not all(parts.values()):
        raise IncompleteSignature(
            "The Authorization header must have Credential=, SignedHeaders= and Signature=, each once, between commas."
        )
    return parts


def _signed(text: bytes) -> Signed:
    names = tuple(text.split(b";"))
    if len(set(names)) != len(names) or text != text.lower() or b"" in names:
        raise IncompleteSignature("SignedHeaders must be distinct names in lower case with a semicolon between them.")
    for name in _MUST_BE_SIGNED:
        if name not in names:
            raise IncompleteSignature(f"SignedHeaders lacks {name.decode()}.")
    canonical = b"".join([name.replace(b"%", b"%%") + b":%b\n" for name in names])
    return Signed(text, names, frozenset(names), canonical)


def _check_covered(received: Received, signed: Signed) -> None:
    """Every header that is signed stands in the request once, and every header that is acted upon is signed."""
    headers, names = received.headers, signed.every
    if not names <= headers.keys():
        absent = next(name for name in signed.names if name not in headers)
        raise IllegalTimestamp() if absent == b"x-acs-date" else _absent(absent)
    if received.repeated:
        for name in received.repeated.intersection(names):
            raise IncompleteSignature(f"The signed header {_shown(name)} occurs more than once.")
    for name in _SIGNED_IF_SENT:
        if name in headers and name not in names:
            raise IncompleteSignature(f"The header {name.decode()} is sent but not signed.")
    # Without this, whoever carries the request could make a form into something unread by changing its Content-Type.
    if received.body and b"content-type" in headers and b"content-type" not in names:
        raise IncompleteSignature("The request has a body, so its content-type must be signed.")


def _check_body(received: Received) -> None:
    body = received.body
    actual = hashlib.sha256(body).hexdigest().encode() if body else _NO_BODY
    if received.headers[b"x-acs-content-sha256"].strip() != actual:
        raise InvalidParameter("x-acs-content-sha256", "It is not the body's SHA-256 in hexadecimal, in lower case.")


def _credential(family: Family, credential: bytes, received: Received) -> tuple[str, Scope | None]:
    text = _ascii(credential, "Credential")
    if family is Family.ACS3_HMAC_SHA256:
        return claim.access_key_id(text), None
    parts = text.split("/")
    if len(parts) != 5 or not all(parts) or parts[4] != _TERMINATOR:
        raise IncompleteSignature(f"Expected Credential=<access-key id>/<yyyymmdd>/<region>/<product>/{_TERMINATOR}.")
    key_id, date, region_id, product, _ = parts
    if date != _text(received, b"x-acs-date")[:10].replace("-", ""):
        raise IncompleteSignature("The date in Credential is not the date of x-acs-date.")
    # A key derived for one product must not open another. Of a version that nobody serves, the API says so itself.
    if product != _PRODUCTS.get(_text(received, b"x-acs-version"), product):
        raise IncompleteSignature(
            "The product in Credential is not that of x-acs-version: Kms, Sts or Ram, so spelled."
        )
    return claim.access_key_id(key_id), Scope(date, region_id, product)


def _nonce(received: Received) -> str:
    nonce = claim.nonce(_text(received, b"x-acs-signature-nonce"))
    if nonce is None:
        raise IncompleteSignature("The header x-acs-signature-nonce is empty.")
    return nonce


def _same_access_key_id(received: Received, key_id: str) -> str:
    named = _text(received, b"x-acs-accesskey-id")
    if named and named != key_id:
        raise InvalidParameter("x-acs-accesskey-id", "It is not the access-key id of Credential.")
    return key_id


def security_token(received: Received) -> str | None:
    """Of the header, else of the parameters (both are signed). :raises InvalidParameter: both, and they differ."""
    in_header = _text(received, b"x-acs-security-token")
    in_parameters = rpc.security_token(received.parameters.values)
    if in_header and in_parameters and in_header != in_parameters:
        raise InvalidParameter("SecurityToken", "It differs from x-acs-security-token; send one of them.")
    return in_header or in_parameters


def _string_to_sign(received: Received, scheme: bytes, signed: Signed) -> str:
    headers = received.headers
    canonical = b"\n".join(
        (
            received.method.encode(),
            received.path,
            received.query.canonical().encode(),
            signed.canonical % tuple([headers[name].strip() for name in signed.names]),
            signed.text,
            headers[b"x-acs-content-sha256"].strip(),
        )
    )
    return f"{scheme.decode()}\n{hashlib.sha256(canonical).hexdigest()}"


def _text(received: Received, name: bytes) -> str:
    """The value of a header; empty where it is absent."""
    value = received.headers.get(name)
    return _ascii(value.strip(), name.decode()) if value else ""


def _ascii(value: bytes, where: str) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise IncompleteSignature(f"{where} must be ASCII.") from None


def _absent(name: bytes) -> IncompleteSignature:
    return IncompleteSignature(f"The header {_shown(name)} is signed but not sent.")


def _shown(name: bytes) -> str:
    return ascii(name[:64].decode("latin-1"))[1:-1]
