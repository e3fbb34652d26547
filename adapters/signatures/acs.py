"""ACS3-HMAC-SHA256 and ACS4-HMAC-SHA256: method, path, query, chosen headers and the body's hash are signed.

Alibaba Cloud: "V3 request body and signature mechanism"; ACS4 differs by a key derived for date, region and product
(read in ``alibabacloud_gateway_pop``). The client chooses which headers it signs; this module insists on those that
the service acts upon.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

from adapters.signatures import claim, rpc
from adapters.signatures.claim import Claim, Family, Scope
from adapters.signatures.received import Received
from domain.errors import IllegalTimestamp, IncompleteSignature, InvalidParameter, InvalidSignatureMethod

SCHEMES: Final = {b"ACS3-HMAC-SHA256": Family.ACS3_HMAC_SHA256, b"ACS4-HMAC-SHA256": Family.ACS4_HMAC_SHA256}

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
    parts = _parts(rest)
    signed = _signed(parts[b"SignedHeaders"])
    key_id, scope = _credential(family, parts[b"Credential"], received)
    _check_covered(received, signed)
    _check_body(received)
    return Claim(
        family,
        _same_access_key_id(received, key_id),
        claim.timestamp(_text(received, b"x-acs-date")),
        _nonce(received),
        security_token(received),
        _string_to_sign(received, scheme, parts[b"SignedHeaders"], signed),
        parts[b"Signature"],
        scope,
    )


def _parts(rest: bytes) -> dict[bytes, bytes]:
    pairs = [part.strip().partition(b"=") for part in rest.split(b",")]
    parts = {name: value for name, _, value in pairs}
    if len(pairs) != len(_PARTS) or parts.keys() != _PARTS or not all(parts.values()):
        raise IncompleteSignature(
            "The Authorization header must have Credential=, SignedHeaders= and Signature=, each once, between commas."
        )
    return parts


@lru_cache(maxsize=64)
def _signed(names: bytes) -> tuple[bytes, ...]:
    """The names of a SignedHeaders list. Remembered, because every request of a client has the same list."""
    signed = tuple(names.split(b";"))
    if len(set(signed)) != len(signed) or names != names.lower() or b"" in signed:
        raise IncompleteSignature("SignedHeaders must be distinct names in lower case with a semicolon between them.")
    for name in _MUST_BE_SIGNED:
        if name not in signed:
            raise IncompleteSignature(f"SignedHeaders lacks {name.decode()}.")
    return signed


def _check_covered(received: Received, signed: tuple[bytes, ...]) -> None:
    """Every header that is signed stands in the request once, and every header that is acted upon is signed."""
    headers = received.headers
    for name in signed:
        if name not in headers:
            raise IllegalTimestamp() if name == b"x-acs-date" else _absent(name)
    for name in received.repeated.intersection(signed):
        raise IncompleteSignature(f"The signed header {_shown(name)} occurs more than once.")
    for name in _SIGNED_IF_SENT:
        if name in headers and name not in signed:
            raise IncompleteSignature(f"The header {name.decode()} is sent but not signed.")
    # Without this, whoever carries the request could make a form into something unread by changing its Content-Type.
    if received.body and b"content-type" in headers and b"content-type" not in signed:
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


def _string_to_sign(received: Received, scheme: bytes, names: bytes, signed: tuple[bytes, ...]) -> str:
    headers = received.headers
    canonical = b"\n".join(
        (
            received.method.encode(),
            received.path,
            received.query.canonical().encode(),
            b"".join([b"%b:%b\n" % (name, headers[name].strip()) for name in signed]),
            names,
            headers[b"x-acs-content-sha256"].strip(),
        )
    )
    return f"{scheme.decode()}\n{hashlib.sha256(canonical).hexdigest()}"


def _text(received: Received, name: bytes) -> str:
    """The value of a header; empty where it is absent."""
    return _ascii(received.headers.get(name, b"").strip(), name.decode())


def _ascii(value: bytes, where: str) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise IncompleteSignature(f"{where} must be ASCII.") from None


def _absent(name: bytes) -> IncompleteSignature:
    return IncompleteSignature(f"The header {_shown(name)} is signed but not sent.")


def _shown(name: bytes) -> str:
    return ascii(name[:64].decode("latin-1"))[1:-1]
