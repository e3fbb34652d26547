"""HTTP Basic (RFC 7617) with access-key id and secret: for people with curl, over TLS only.

Nothing is signed, so there is no timestamp and no nonce, and a replay cannot be told from a second request.
"""

from __future__ import annotations

import binascii

from adapters.signatures import acs, claim
from adapters.signatures.claim import Claim, Family
from adapters.signatures.received import Received
from domain.errors import IncompleteSignature


def find(received: Received, credentials: bytes, secure: bool) -> Claim:
    """The claim of ``Authorization: Basic <credentials>``.

    :raises IncompleteSignature: the connection is not TLS, or the credentials are not Base64 of ``id:secret`` in UTF-8.
    """
    if not secure:
        raise IncompleteSignature("HTTP Basic shows the secret, so it is accepted over TLS only. Sign the request.")
    try:
        key_id, colon, secret = binascii.a2b_base64(credentials, strict_mode=True).partition(b":")
        text = key_id.decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _malformed() from None
    if not colon or not secret:
        raise _malformed()
    return Claim(
        Family.BASIC,
        claim.access_key_id(text),
        None,
        None,
        acs.security_token(received),
        "(HTTP Basic signs none)",
        secret,
    )


def _malformed() -> IncompleteSignature:
    return IncompleteSignature("Expected Authorization: Basic <Base64 of access-key id, a colon and the secret>.")
