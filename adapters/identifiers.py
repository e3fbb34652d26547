"""UUIDs made and read in a fraction of the time: a request makes two, and a stored event has two to four of them.

:class:`uuid.UUID` looks for every spelling and for five other arguments first. Not here: what the numbers mean
(:mod:`adapters.signatures.stream`).
"""

from __future__ import annotations

import os
from typing import Final
from uuid import UUID, SafeUUID

_AT_ONCE: Final = 256
_BYTES: Final = 16
_RANDOM_BITS: Final = ~(0xF << 76 | 0x3 << 62)
_VERSION_4: Final = 4 << 76 | 2 << 62

_CHARACTERS: Final = 36
_UNKNOWN: Final = SafeUUID.unknown

_new: Final = object.__new__
_set: Final = object.__setattr__
"""As ``UUID.__setstate__`` does; its own ``__setattr__`` refuses."""


def uuid_of(number: int) -> UUID:
    """``UUID(int=number)``, for a number of 128 bits."""
    made = _new(UUID)
    _set(made, "int", number)
    _set(made, "is_safe", _UNKNOWN)
    return made


def uuid_read(text: str) -> UUID:
    """``UUID(text)``, of the one spelling that the ledger has.

    :raises ValueError: it is none.
    """
    if len(text) != _CHARACTERS:
        raise ValueError(f"{text!r} is no UUID")
    return uuid_of(int(text.replace("-", ""), 16))


class RandomIds:
    """UUIDs of version 4, whose random bits are asked of the system for many at once. For one process and thread."""

    def __init__(self) -> None:
        self._random = b""
        self._used = 0

    def __call__(self) -> UUID:
        start = self._used
        if start >= len(self._random):
            self._random, start = os.urandom(_BYTES * _AT_ONCE), 0
        self._used = start + _BYTES
        number = int.from_bytes(self._random[start : start + _BYTES], "big")
        return uuid_of(number & _RANDOM_BITS | _VERSION_4)
