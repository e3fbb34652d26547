"""Uses of keys: encrypt, decrypt, make data keys. No result leaves before the use is in the ledger.

The order is always the same: admit (is there room in the ledger's queue?), look at the key, permit, let the HSM work,
record, release. If the process dies before the record, nothing was released; if it dies after, an event tells of a
result that nobody got: the safe side, and the caller's retry is a new use.
"""

from __future__ import annotations

import binascii
from typing import NamedTuple
from uuid import UUID

from domain import ciphertext
from domain.admission import admitted
from domain.ciphertext import CiphertextBlob
from domain.encryption_context import EncryptionContext, authenticated_data
from domain.errors import DryRunOperation, EncryptionsExhausted, InvalidParameter, ServiceUnavailable
from domain.key import Key
from domain.ports import CiphertextInvalid, Hsm, Keys, Ledger, Tally, TallyFull, WrappedKey, WrappingInvalid
from domain.recording import Case
from domain.vocabulary import ENCRYPTIONS_PER_KEY_VERSION_MAX, PLAINTEXT_BYTES_MAX


class Encrypted(NamedTuple):
    key_id: UUID
    key_version_id: UUID
    ciphertext_blob: str


class Decrypted(NamedTuple):
    key_id: UUID
    key_version_id: UUID
    plaintext: str


class DataKey(NamedTuple):
    """:param plaintext: Base64 of the key: what Decrypt gives back for ``encrypted``."""

    plaintext: str
    encrypted: Encrypted


class Custody:
    """:param encryptions_max: per key version; fewer than 2^32 (NIST SP 800-38D section 8.3)."""

    def __init__(
        self, keys: Keys, hsm: Hsm, ledger: Ledger, encryptions_max: int = ENCRYPTIONS_PER_KEY_VERSION_MAX
    ) -> None:
        self._keys = keys
        self._hsm = hsm
        self._ledger = ledger
        self._encryptions_max = encryptions_max

    async def encrypt(self, case: Case, key_id: UUID, plaintext: str, context: EncryptionContext) -> Encrypted:
        """:raises InvalidParameter: ``plaintext`` has more than 6,144 bytes of UTF-8, or no UTF-8 at all."""
        case.name(key_id, context)
        data = _utf8(plaintext)
        key, material = await self._usable(case, key_id)
        return await self._encrypted(case, key, material, data)

    async def generate_data_key(self, case: Case, key_id: UUID, size: int, context: EncryptionContext) -> DataKey:
        """A fresh data key of ``size`` bytes; what is encrypted is its Base64 text, as the live service does."""
        case.name(key_id, context)
        key, material = await self._usable(case, key_id)
        text = binascii.b2a_base64(await self._hsm.random(size), newline=False)
        encrypted = await self._encrypted(case, key, material, text)
        return DataKey(text.decode(), encrypted)

    async def decrypt(self, case: Case, blob: CiphertextBlob, context: EncryptionContext) -> Decrypted:
        """:raises InvalidParameter: altered, wrong context, or never encrypted here."""
        key_id = await self._keys.key_of_version(blob.key_version_id)
        case.name(key_id, context)
        if key_id is None:
            raise ciphertext.not_ours()
        _, material = await self._usable(case, key_id)
        if material.key_version_id != blob.key_version_id:
            raise ciphertext.not_ours()
        try:
            plaintext = await self._hsm.decrypt(material, blob.sealed, self._bound(case, material))
        except CiphertextInvalid:
            raise ciphertext.not_ours() from None
        except WrappingInvalid:
            raise _unusable() from None
        await self._ledger.append(case.used(material.key_version_id))
        return Decrypted(key_id, material.key_version_id, plaintext.decode())

    async def _usable(self, case: Case, key_id: UUID) -> tuple[Key, WrappedKey]:
        """The key, permitted to this call, and its material.

        :raises DryRunOperation: everything permits, and the caller wanted to know just that.
        """
        key, held = await admitted(case, key_id, self._keys, self._ledger)
        if held.material is None:
            # Only destruction deletes material, and that refuses above: a half-restored database, not a caller's fault.
            raise _unusable()
        if case.dry_run:
            raise DryRunOperation()
        return key, held.material

    async def _encrypted(self, case: Case, key: Key, material: WrappedKey, data: bytes) -> Encrypted:
        try:
            sealed = await self._hsm.encrypt(material, data, self._bound(case, material))
        except WrappingInvalid:
            raise _unusable() from None
        version_id = material.key_version_id
        tally = Tally(version_id, 1, self._encryptions_max)
        try:
            await self._ledger.append(case.used(version_id, (tally,)))
        except TallyFull:
            raise EncryptionsExhausted() from None
        return Encrypted(key.key_id, version_id, CiphertextBlob(version_id, sealed).encoded())

    def _bound(self, case: Case, material: WrappedKey) -> bytes:
        return authenticated_data(case.encryption_context, material.key_version_id, material.region_id)


def _utf8(plaintext: str) -> bytes:
    try:
        data = plaintext.encode()
    except UnicodeEncodeError:
        raise InvalidParameter("Plaintext", "It has a lone surrogate, which is not text.") from None
    if len(data) > PLAINTEXT_BYTES_MAX:
        raise InvalidParameter("Plaintext", f"It has {len(data)} bytes; at most {PLAINTEXT_BYTES_MAX} fit.")
    return data


def _unusable() -> ServiceUnavailable:
    """The service's own trouble, which an operator can mend; the caller did nothing wrong."""
    return ServiceUnavailable(
        "The key's material is missing or does not open. Operators: restore sealed_material or connect the right token."
    )
