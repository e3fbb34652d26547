"""The body of an enveloped file: streaming AEAD by Tink, a segment at a time, in constant memory.

Here: making Tink's primitive from a raw data key, and the two loops. The format is described in
:mod:`scripts.envelope.file_format`; files, terminals and the KMS are elsewhere.

Two properties of Tink 1.16's Python streams decide the shape of this module (both tried):

* an encrypting stream that is dropped half-way writes a valid *last* segment when it is collected. Had we given it
  the real destination, an interrupted encryption into a pipe would look like a whole, shorter file. So it writes into
  an :class:`_Outbox` which we empty; what it does after we have stopped emptying goes nowhere;
* exceptions raised inside its callbacks come back as ``TinkError``, or not at all. Hence destinations are written
  outside of the callbacks, and :class:`_Inbox` keeps the exception of a failing source for us to raise.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, Final, Protocol

from tink import TinkError, proto_keyset_format, secret_key_access, streaming_aead
from tink.proto import (
    aes_gcm_hkdf_streaming_pb2,
    common_pb2,
    tink_pb2,
)

from scripts.envelope.failure import NotAuthentic
from scripts.envelope.file_format import DATA_KEY_BYTES, SEGMENT_BYTES, Readable

_TYPE_URL: Final = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"

Passed = Callable[[], None]
"""Called after each piece, to show progress; may raise to stop."""


class Writable(Protocol):
    def write(self, data: bytes, /) -> object:
        """Write all of ``data``."""


def seal(data_key: bytes, header: bytes, source: Readable, target: Writable, passed: Passed) -> None:
    """Encrypt ``source`` to its end into ``target``, bound to ``header`` (which the caller writes).

    When this raises, what ``target`` received has no last segment and will not decrypt as a whole file.
    """
    outbox = _Outbox()
    encrypting = _primitive(data_key).new_encrypting_stream(outbox, header)
    while piece := source.read(SEGMENT_BYTES):
        encrypting.write(piece)
        target.write(outbox.emptied())
        passed()
    encrypting.close()
    target.write(outbox.emptied())


def unseal(data_key: bytes, header: bytes, source: Readable, target: Writable, passed: Passed) -> None:
    """Decrypt ``source`` into ``target``. A segment is written only after it was authenticated, and in its order.

    :raises NotAuthentic: altered, reordered, cut short, appended to, or sealed with another key or header. What was
        written until then is an authentic beginning, nothing else.
    """
    for piece in _opened(data_key, header, _Inbox(source)):
        target.write(piece)
        passed()


def _opened(data_key: bytes, header: bytes, inbox: _Inbox) -> Iterator[bytes]:
    try:
        decrypting = _primitive(data_key).new_decrypting_stream(inbox, header)
        while piece := decrypting.read(SEGMENT_BYTES):
            yield piece
    except TinkError:
        raise inbox.trouble or _altered() from None
    if inbox.trouble:
        raise inbox.trouble


def _altered() -> NotAuthentic:
    return NotAuthentic(
        "The file is not as it was written: it was altered, damaged or cut short.",
        "Fetch it again from where it is whole; do not use anything of it that was already written.",
    )


def _primitive(data_key: bytes) -> Any:
    """Tink's streaming AEAD for one raw key. The keyset exists only in memory."""
    if len(data_key) != DATA_KEY_BYTES:
        raise ValueError("a data key has 32 bytes")
    _register()
    keyset = tink_pb2.Keyset(primary_key_id=1, key=[_keyset_key(data_key)])
    handle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    return handle.primitive(streaming_aead.StreamingAead)


def _keyset_key(data_key: bytes) -> Any:
    parameters = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
        ciphertext_segment_size=SEGMENT_BYTES, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256
    )
    key = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(version=0, key_value=data_key, params=parameters)
    data = tink_pb2.KeyData(
        type_url=_TYPE_URL, value=key.SerializeToString(), key_material_type=tink_pb2.KeyData.SYMMETRIC
    )
    return tink_pb2.Keyset.Key(key_id=1, status=tink_pb2.ENABLED, output_prefix_type=tink_pb2.RAW, key_data=data)


@cache
def _register() -> None:
    streaming_aead.register()


class _Outbox(io.RawIOBase):
    """Holds what Tink wrote until we take it; at most a few segments."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        self._held += data
        return len(data)

    def emptied(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        return taken


class _Inbox(io.RawIOBase):
    """Lets Tink read from the source, and remembers why the source failed."""

    def __init__(self, source: Readable) -> None:
        super().__init__()
        self._source = source
        self.trouble: BaseException | None = None

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._source.read(size)
        except BaseException as trouble:
            self.trouble = trouble
            raise
