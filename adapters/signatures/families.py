"""Which of the signature families signed a request: exactly one, or the request is refused."""

from __future__ import annotations

from adapters.signatures import acs, basic, rpc
from adapters.signatures.claim import Claim
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
