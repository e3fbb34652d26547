r"""The enveloped file, version 1.

Integers are big-endian and unsigned. ``K`` and ``E`` are lengths that the header states.

======  ======  =====================================================================================================
offset  length  what
======  ======  =====================================================================================================
0       8       magic ``89 4B 4C 45 4E 56 0D 0A`` (``\x89KLENV\r\n``: a transfer that mangles line ends or the eighth
                bit is noticed at once)
8       2       format version, 1; everything below is version 1
10      2       ``K``, 1 to 512
12      2       ``E``, 1 to 16,384
14      K       id of the CMK as the KMS resolved it (printable ASCII); for people, the KMS does not need it
14+K    E       the enveloped data key: the CiphertextBlob of GenerateDataKey, as the KMS wrote it (printable ASCII)
14+K+E  1       40 (28 hex), the length of this and the next two fields
15+K+E  32      salt, random for each file
47+K+E  7       nonce prefix, random for each file
54+K+E          segments
======  ======  =====================================================================================================

The *header* is bytes 0 to 14+K+E. From there on the file is a ciphertext of Tink's AES-GCM-HKDF streaming AEAD
(https://developers.google.com/tink/streaming-aead/aes_gcm_hkdf_streaming; key 32 bytes, derived key 32 bytes, HKDF
with SHA-256, ciphertext segments of 1,048,576 bytes), whose associated data is the whole header:

* file key = HKDF-SHA256(input: data key, salt: the salt, info: the header, 32 bytes);
* segment ``i`` = AES-256-GCM(file key, nonce: prefix ‖ ``i`` in 4 bytes ‖ 1 for the last segment, else 0; no further
  associated data); it is ciphertext, then a 16-byte tag;
* the first segment holds up to 1,048,520 bytes of plaintext (with the 40 bytes before it, it fills 1 MiB), each
  further one up to 1,048,560. There is always a last one, so an empty file has one segment of 16 bytes. At most 2^32
  segments: 4 PiB.

So a changed byte anywhere, a segment moved, left out or appended, and a cut at any place are found: the header is in
the key derivation, the order and the end are in the nonces. A segment leaves :mod:`scripts.envelope.stream` only
after its tag was right.

The EncryptionContext is not in the file. The KMS binds it to the enveloped key, and whoever decrypts has to give it
again. The data key decrypts, at the KMS, to the *Base64 text* of its 32 bytes; that is how GenerateDataKey envelopes
it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Protocol

from scripts.envelope.failure import NotAuthentic

MAGIC: Final = b"\x89KLENV\r\n"
VERSION: Final = 1
DATA_KEY_BYTES: Final = 32
SEGMENT_BYTES: Final = 1 << 20

_FIXED: Final = struct.Struct(">8sHHH")
_KEY_ID_MAX: Final = 512
_ENVELOPED_KEY_MAX: Final = 16_384


class Readable(Protocol):
    def read(self, size: int, /) -> bytes:
        """Up to ``size`` bytes; ``b""`` at the end."""


@dataclass(frozen=True)
class Header:
    key_id: str
    enveloped_key: str

    def encoded(self) -> bytes:
        """The header's bytes; also the associated data of the body."""
        key_id, enveloped_key = self.key_id.encode("ascii"), self.enveloped_key.encode("ascii")
        if not _lengths_fit(len(key_id), len(enveloped_key)):
            raise ValueError("key id or enveloped key do not fit into a header")
        return _FIXED.pack(MAGIC, VERSION, len(key_id), len(enveloped_key)) + key_id + enveloped_key


def read_header(source: Readable) -> Header:
    """Read exactly the header from ``source``. What it says is unproved until the body's first segment is authentic.

    :raises NotAuthentic: another kind of file, a later version of ours, or a header that is cut short or damaged.
    """
    fixed = _read_exactly(source, _FIXED.size)
    _insist_on_ours(fixed)
    _, version, key_id_length, enveloped_key_length = _FIXED.unpack(fixed)
    if version != VERSION:
        raise NotAuthentic(
            f"The file has format version {version}; this key-ledger reads version {VERSION}.",
            "Decrypt it with a newer key-ledger, or check whether the file was damaged.",
        )
    if not _lengths_fit(key_id_length, enveloped_key_length):
        raise _damaged()
    return Header(_printable(source, key_id_length), _printable(source, enveloped_key_length))


def _insist_on_ours(fixed: bytes) -> None:
    if not fixed.startswith(MAGIC[: len(fixed)]) or not fixed:
        raise NotAuthentic(
            "This is not a file that key-ledger encrypted: it does not begin with our mark.",
            "Check that you named the encrypted file, and that it was transferred as binary.",
        )
    if len(fixed) < _FIXED.size:
        raise _cut_short()


def _lengths_fit(key_id_length: int, enveloped_key_length: int) -> bool:
    return 1 <= key_id_length <= _KEY_ID_MAX and 1 <= enveloped_key_length <= _ENVELOPED_KEY_MAX


def _printable(source: Readable, length: int) -> str:
    raw = _read_exactly(source, length)
    if len(raw) < length:
        raise _cut_short()
    if not all(0x21 <= byte <= 0x7E for byte in raw):
        raise _damaged()
    return raw.decode("ascii")


def _read_exactly(source: Readable, size: int) -> bytes:
    """``size`` bytes, fewer only at the end of the source (pipes deliver less than they are asked for)."""
    collected = b""
    while len(collected) < size and (piece := source.read(size - len(collected))):
        collected += piece
    return collected


def _cut_short() -> NotAuthentic:
    return NotAuthentic("The file ends within its header: it was cut short.", "Fetch it again from where it is whole.")


def _damaged() -> NotAuthentic:
    return NotAuthentic("The header of the file is damaged.", "Fetch it again from where it is whole.")
