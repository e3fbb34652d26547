"""The stream id of a request: a replay of the same signed request gets the same one, on every node, for ever.

A UUIDv8 (RFC 9562 section 5.8): 48 bits of the signed time in milliseconds, so that the ledger's index grows at its
end, then 74 bits of a hash of access-key id and nonce. So the ledger's own key is the nonce table: no other is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from adapters.identifiers import uuid_of
from adapters.signatures.claim import Claim

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_VERSION_8: Final = 8 << 76
_VARIANT: Final = 2 << 62
_LOW_62: Final = (1 << 62) - 1
_LOW_12: Final = (1 << 12) - 1


def request_stream(claim: Claim, now: datetime, entropy: Callable[[], int]) -> UUID:
    """The stream of the request that made ``claim``.

    :param now: stands in for a signed time where there is none (HTTP Basic).
    :param entropy: gives 74 random bits; asked only where the request has no nonce, and so can be told from no other.
    """
    tail = entropy() if claim.nonce is None else _hash(claim.access_key_id, claim.nonce)
    milliseconds = ((claim.timestamp or now) - _EPOCH) // _MILLISECOND
    return uuid_of(milliseconds << 80 | _VERSION_8 | (tail >> 62 & _LOW_12) << 64 | _VARIANT | tail & _LOW_62)


def _hash(access_key_id: str, nonce: str) -> int:
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    key_id = access_key_id.encode()
    return int.from_bytes(hashlib.sha256(b"%d:%b%b" % (len(key_id), key_id, nonce.encode())).digest()[:10], "big")
