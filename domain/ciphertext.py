"""CiphertextBlob: ``base64(36-byte key version id ‖ 12-byte IV ‖ ciphertext ‖ 16-byte tag)``.

The layout is Alibaba's own, visible in its documentation's samples. Only the blob's shape is known here; whether it
decrypts is the HSM's word.
"""

from __future__ import annotations

import binascii
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from domain.errors import InvalidParameter

_VERSION_ID: Final = 36
_IV_AND_TAG: Final = 12 + 16


class CiphertextBlob(NamedTuple):
    """``sealed`` is IV ‖ ciphertext ‖ tag."""

    key_version_id: UUID
    sealed: bytes

    def encoded(self) -> str:
        return binascii.b2a_base64(_spelled(self.key_version_id) + self.sealed, newline=False).decode()


@lru_cache(maxsize=4_096)
def _spelled(key_version_id: UUID) -> bytes:
    """A key is used more than once, and UUIDs are spelled in Python."""
    return str(key_version_id).encode()


def decode(text: str) -> CiphertextBlob:
    """Read a blob.

    :raises InvalidParameter: too short, or not what :meth:`CiphertextBlob.encoded` writes, to the last bit: Base64 has
        bits that decoders ignore, and ids have other spellings, but an altered blob is refused wherever it was altered.
    """
    try:
        raw = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
        blob = CiphertextBlob(UUID(raw[:_VERSION_ID].decode("ascii")), raw[_VERSION_ID:])
    except ValueError:
        raise not_ours() from None
    if len(blob.sealed) < _IV_AND_TAG or blob.encoded() != text:
        raise not_ours()
    return blob


def not_ours() -> InvalidParameter:
    """One answer for a corrupt blob and for a wrong context: which of the two it was would help only an attacker."""
    return InvalidParameter(
        "CiphertextBlob", "It was altered, or it was encrypted by another service or under another EncryptionContext."
    )
