"""Which of the signature families signed a request: exactly one, or the request is refused."""

from __future__ import annotations

import binascii

from adapters.signatures import acs, basic, rpc
from adapters.signatures.claim import ACCESS_KEY_ID_MAX, Claim
from adapters.signatures.received import Received
from domain.errors import IncompleteSignature


def identify(received: Received, secure: bool) -> Claim:
    """The claim that ``received`` makes; not proved yet.

    :param secure: the connection is TLS.
    :raises MissingParameter: AccessKeyId: the request is not signed.
    :raises IncompleteSignature: malformed, or of two families at once: each would vouch for another caller.
    :raises domain.errors.InvalidRequest: see the ``find`` of each family.
    """
    authorization = received.headers.get(b"authorization")
    if authorization is None:
        return rpc.find(received)
    values = received.parameters.values
    if "Signature" in values or "AccessKeyId" in values:
        raise IncompleteSignature(
            "The request is signed by its parameters and by its Authorization header; choose one."
        )
    scheme, _, rest = authorization.strip().partition(b" ")
    if scheme.startswith((b"ACS3-", b"ACS4-")):
        return acs.find(received, scheme, rest)
    if scheme.lower() == b"basic":
        return basic.find(received, rest.strip(), secure)
    raise IncompleteSignature("The Authorization header must begin with ACS3-HMAC-SHA256, ACS4-HMAC-SHA256 or Basic.")


def named_access_key_id(received: Received) -> str:
    """The access key that ``received`` names, however wrongly it is signed; empty where it names none.

    For counting what failed: a request that :func:`identify` refuses may still have been made against somebody.
    """
    authorization = received.headers.get(b"authorization", b"").strip()
    scheme, _, rest = authorization.partition(b" ")
    named = _of_basic(rest) if scheme.lower() == b"basic" else _of_acs(rest)
    name = named.decode("utf-8", "replace") or received.parameters.values.get("AccessKeyId", "")
    return name if len(name) <= ACCESS_KEY_ID_MAX else ""


def _of_acs(rest: bytes) -> bytes:
    """Up to the scope, which ACS4 has."""
    parts = (part.strip().partition(b"=") for part in rest.split(b","))
    return next((value.partition(b"/")[0] for name, _, value in parts if name == b"Credential"), b"")


def _of_basic(credentials: bytes) -> bytes:
    try:
        return binascii.a2b_base64(credentials).partition(b":")[0]
    except binascii.Error:
        return b""
