"""CiphertextBlob: ``base64(36-byte key version id ‖ 12-byte IV ‖ ciphertext ‖ 16-byte tag)``.

The layout is Alibaba's own, visible in its documentation's samples. Only the blob's shape is known here; whether it
decrypts is the HSM's word.
"""

from __future__ import annotations

import binascii
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
        return binascii.b2a_base64(str(self.key_version_id).encode() + self.sealed, newline=False).decode()


def decode(text: str) -> CiphertextBlob:
    """Read a blob.

    :raises InvalidParameter: not strict Base64, too short, or not led by a key version id in its canonical spelling.
    """
    try:
        raw = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
        version_id = raw[:_VERSION_ID].decode("ascii")
        version = UUID(version_id)
    except (ValueError, binascii.Error):
        raise not_ours() from None
    if len(raw) < _VERSION_ID + _IV_AND_TAG or str(version) != version_id:
        raise not_ours()
    return CiphertextBlob(version, raw[_VERSION_ID:])


def not_ours() -> InvalidParameter:
    """One answer for a corrupt blob and for a wrong context: which of the two it was would help only an attacker."""
    return InvalidParameter(
        "CiphertextBlob", "It was altered, or it was encrypted by another service or under another EncryptionContext."
    )
