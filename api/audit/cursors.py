"""Where the next page of a question begins: opaque to whoever carries it, and good for that question alone.

A cursor holds two positions, the last row of its page and the last event that the first page knew of, and a digest of
them and of the question with its asker. Nothing in it is a secret or a permission: whoever sends one is authenticated,
permitted and confined to their account like anybody else. The digest tells mistakes: another question, a lost letter.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from struct import Struct
from typing import Final, NamedTuple

from domain.errors import InvalidParameter

_POSITIONS: Final = Struct(">qq")
_DIGEST_BYTES: Final = 16
_CHARACTERS: Final = 43


class Cursor(NamedTuple):
    """:param after: the last row that was told. :param until: no page of the question has a row beyond it."""

    after: int
    until: int


def question(operation: str, account_id: str, asked: Mapping[str, str]) -> bytes:
    """What a cursor belongs to. :param asked: parameters that decide which rows there are and in which order."""
    parts = (operation, account_id, *(f"{name}={value}" for name, value in sorted(asked.items())))
    return hashlib.sha256(b"".join(_framed(part) for part in parts)).digest()


def written(cursor: Cursor, of: bytes) -> str:
    positions = _POSITIONS.pack(*cursor)
    return base64.urlsafe_b64encode(positions + _digest(positions, of)).decode().rstrip("=")


def read(text: str, of: bytes, parameter: str = "cursor") -> Cursor | None:
    """None where there is none.

    :raises InvalidParameter: it is no cursor, or belongs to another question.
    """
    if not text:
        return None
    try:
        if len(text) != _CHARACTERS:
            raise ValueError(text)
        told = base64.b64decode(f"{text}=", altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        told = b""
    positions, digest = told[: _POSITIONS.size], told[_POSITIONS.size :]
    if len(positions) != _POSITIONS.size or digest != _digest(positions, of):
        raise InvalidParameter(parameter, "Expected what the page before told, with the same question otherwise.")
    return Cursor(*_POSITIONS.unpack(positions))


def _digest(positions: bytes, of: bytes) -> bytes:
    return hashlib.sha256(of + positions).digest()[:_DIGEST_BYTES]


def _framed(part: str) -> bytes:
    encoded = part.encode()
    return len(encoded).to_bytes(8, "big") + encoded
