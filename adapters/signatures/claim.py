"""Who a request claims to be from, the proof it brings, and the judgement of that proof.

Here: what all families share. Not here: how each family finds its claim in a request (:mod:`adapters.signatures.rpc`,
:mod:`~adapters.signatures.acs`, :mod:`~adapters.signatures.basic`), whose secret it is, and whether the request was
seen before: the ledger knows that by :mod:`adapters.signatures.stream`.
"""

from __future__ import annotations

import binascii
import hmac
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

from domain.errors import (
    IllegalTimestamp,
    IncompleteSignature,
    InvalidParameter,
    InvalidTimestampExpired,
    InvalidTimestampFormat,
    SignatureDoesNotMatch,
)

FRESH: Final = timedelta(minutes=15)
"""How far a signed time may lie from the server's clock, either way (POP gateway: InvalidTimeStamp.Expired)."""

_TIMESTAMP: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
ACCESS_KEY_ID_MAX: Final = 128
_NONCE_MAX: Final = 256


class Family(Enum):
    """The ways of proving who asks; each has one algorithm, so no request can choose a weaker one for its family."""

    RPC_HMAC_SHA1 = "RPC HMAC-SHA1"
    RPC_HMAC_SHA256 = "RPC HMAC-SHA256"
    ACS3_HMAC_SHA256 = "ACS3-HMAC-SHA256"
    ACS4_HMAC_SHA256 = "ACS4-HMAC-SHA256"
    BASIC = "Basic"


class Scope(NamedTuple):
    """What an ACS4 signing key is derived for. :param date: ``yyyymmdd`` in UTC."""

    date: str
    region_id: str
    product: str


class Claim(NamedTuple):
    """Not proved until :func:`verify` returns.

    :param timestamp: UTC; None for Basic, which signs nothing.
    :param nonce: None where the family has none or the client sent none.
    :param string_to_sign: as this server builds it. An RPC one contains every parameter, plaintexts included.
    :param signature: what the request brought, in the spelling of its family; for Basic the secret itself.
    :param scope: of ACS4 only.
    """

    family: Family
    access_key_id: str
    timestamp: datetime | None
    nonce: str | None
    security_token: str | None
    string_to_sign: str
    signature: bytes
    scope: Scope | None = None

    @property
    def covers_host(self) -> bool:
        """The Host header is among what was signed."""
        family = self.family  # compared by identity, since an Enum's hash is Python
        return family is Family.ACS3_HMAC_SHA256 or family is Family.ACS4_HMAC_SHA256

    def __repr__(self) -> str:
        """Neither secret, token nor what was signed."""
        return f"Claim({self.family.value}, {self.access_key_id!r}, {self.timestamp}, {self.nonce!r})"


def verify(claim: Claim, secret: bytes) -> None:
    """Return only if ``claim`` was made with ``secret``; compares in constant time.

    :raises SignatureDoesNotMatch: its message ends in the server's string to sign, which for RPC contains the request's
        parameters: answer it to the caller, but put it neither into a log nor into the ledger.
    """
    if not hmac.compare_digest(_EXPECTED[claim.family](claim, secret), claim.signature):
        raise SignatureDoesNotMatch(claim.string_to_sign)


def check_fresh(claim: Claim, now: datetime) -> None:
    """:raises InvalidTimestampExpired: the signed time lies more than 15 minutes from ``now``, either way."""
    if claim.timestamp is not None and abs(now - claim.timestamp) > FRESH:
        raise InvalidTimestampExpired


def timestamp(text: str | None) -> datetime:
    """``yyyy-MM-ddTHH:mm:ssZ`` as a time in UTC.

    :raises IllegalTimestamp: absent or empty. :raises InvalidTimestampFormat: any other spelling, or no such time.
    """
    if not text:
        raise IllegalTimestamp
    return _time(text)


@lru_cache(maxsize=2_048)
def _time(text: str) -> datetime:
    """Remembered: those of half an hour are fresh, and many requests have the same one."""
    if _TIMESTAMP.fullmatch(text) is None:
        raise InvalidTimestampFormat
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidTimestampFormat from None


def access_key_id(text: str) -> str:
    """:raises IncompleteSignature: longer than any access-key id is."""
    if not 0 < len(text) <= ACCESS_KEY_ID_MAX:
        raise IncompleteSignature(f"An access-key id has 1 to {ACCESS_KEY_ID_MAX} characters.")
    return text


def nonce(text: str | None) -> str | None:
    """An empty nonce is none. :raises InvalidParameter: longer than 256 characters."""
    if not text:
        return None
    if len(text) > _NONCE_MAX:
        raise InvalidParameter("SignatureNonce", f"It has {len(text)} characters; at most {_NONCE_MAX} fit.")
    return text


def _rpc(algorithm: str) -> Callable[[Claim, bytes], bytes]:
    def expected(claim: Claim, secret: bytes) -> bytes:
        digest = hmac.digest(secret + b"&", claim.string_to_sign.encode(), algorithm)
        return binascii.b2a_base64(digest, newline=False)

    return expected


def _acs3(claim: Claim, secret: bytes) -> bytes:
    return hmac.digest(secret, claim.string_to_sign.encode(), "sha256").hex().encode()


def _acs4(claim: Claim, secret: bytes) -> bytes:
    if claim.scope is None:
        raise ValueError("an ACS4 claim has a scope")
    key = b"aliyun_v4" + secret
    for part in (*claim.scope, "aliyun_v4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return _acs3(claim, key)


def _basic(claim: Claim, secret: bytes) -> bytes:
    return secret


_EXPECTED: Final[dict[Family, Callable[[Claim, bytes], bytes]]] = {
    Family.RPC_HMAC_SHA1: _rpc("sha1"),
    Family.RPC_HMAC_SHA256: _rpc("sha256"),
    Family.ACS3_HMAC_SHA256: _acs3,
    Family.ACS4_HMAC_SHA256: _acs4,
    Family.BASIC: _basic,
}
