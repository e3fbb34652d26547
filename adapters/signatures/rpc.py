"""RPC signature, version 1.0: the parameters are signed, and nothing but them and the HTTP method.

So path, headers and other bodies than forms are not proved to be the caller's: a request that relies on them is
refused here, or (Action and Version from headers) in :mod:`api.parameters`. Alibaba Cloud KMS: "Signature", whose own
example has no SignatureNonce: absence is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.signatures import claim
from adapters.signatures.claim import Claim, Family
from adapters.signatures.received import Received
from domain.errors import IncompleteSignature, InvalidParameter, InvalidSignatureMethod, MissingParameter

_METHODS: Final = {"HMAC-SHA1": Family.RPC_HMAC_SHA1, "HMAC-SHA256": Family.RPC_HMAC_SHA256}


def find(received: Received) -> Claim:
    """The claim that the parameters make.

    :raises MissingParameter: AccessKeyId (the request is not signed at all) or SignatureMethod.
    :raises IncompleteSignature: no Signature, another SignatureVersion, or a path or body that it does not cover.
    :raises InvalidSignatureMethod: neither HMAC-SHA1 nor HMAC-SHA256.
    """
    values = received.parameters.values
    key_id = values.get("AccessKeyId")
    if not key_id:
        raise MissingParameter("AccessKeyId")
    _check_covered(received)
    return Claim(
        _family(values),
        claim.access_key_id(key_id),
        claim.timestamp(values.get("Timestamp")),
        claim.nonce(values.get("SignatureNonce")),
        security_token(values),
        _string_to_sign(received),
        _signature(values),
    )


def security_token(values: Mapping[str, str]) -> str | None:
    """``SecurityToken``, or ``STSToken`` as the SDKs of 2016 to 2018 call it; empty is none.

    :raises InvalidParameter: both, and they differ.
    """
    token, early = values.get("SecurityToken"), values.get("STSToken")
    if token and early and token != early:
        raise InvalidParameter("STSToken", "It differs from SecurityToken; send one of them.")
    return token or early or None


def _check_covered(received: Received) -> None:
    if received.path != b"/":
        raise IncompleteSignature("The RPC signature covers no path but /. Sign with ACS3-HMAC-SHA256.")
    if received.unread_body:
        raise IncompleteSignature(
            "The RPC signature covers only form bodies. Send Content-Type: application/x-www-form-urlencoded, or sign "
            "with ACS3-HMAC-SHA256."
        )


def _family(values: Mapping[str, str]) -> Family:
    if values.get("SignatureVersion") != "1.0":
        raise IncompleteSignature("SignatureVersion is needed, and 1.0 is the only one.")
    method = values.get("SignatureMethod")
    if not method:
        raise MissingParameter("SignatureMethod")
    if method not in _METHODS or values.get("SignatureType"):
        raise InvalidSignatureMethod
    return _METHODS[method]


def _signature(values: Mapping[str, str]) -> bytes:
    signature = values.get("Signature")
    if not signature:
        raise IncompleteSignature("The request has an AccessKeyId but no Signature.")
    return signature.encode()


def _string_to_sign(received: Received) -> str:
    # All that is left to escape of a canonical text is %, & and =: three replacements do what quoting would.
    canonical = received.parameters.canonical(without="Signature")
    escaped = canonical.replace("%", "%25").replace("&", "%26").replace("=", "%3D")
    return f"{received.method}&%2F&{escaped}"
