"""UUIDs made and read in a fraction of the time: a request makes two, and a stored event has two to four of them.

:class:`uuid.UUID` looks for every spelling and for five other arguments first. Not here: what the numbers mean
(:mod:`adapters.signatures.stream`).
"""

from __future__ import annotations

import os
import time
from typing import Final
from uuid import UUID, SafeUUID

_AT_ONCE: Final = 256
_BYTES: Final = 16
_RANDOM_BITS: Final = ~(0xF << 76 | 0x3 << 62)
_VERSION_4: Final = 4 << 76 | 2 << 62
_RANDOM_BITS_OF_7: Final = _RANDOM_BITS & (1 << 80) - 1
_VERSION_7: Final = 7 << 76 | 2 << 62
_NANOSECONDS: Final = 1_000_000

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


class _RandomNumbers:
    """Numbers of 128 bits, asked of the system for many at once. For one process and thread."""

    def __init__(self) -> None:
        self._random = b""
        self._used = 0

    def _number(self) -> int:
        start = self._used
        if start >= len(self._random):
            self._random, start = os.urandom(_BYTES * _AT_ONCE), 0
        self._used = start + _BYTES
        return int.from_bytes(self._random[start : start + _BYTES], "big")


class RandomIds(_RandomNumbers):
    """UUIDs of version 4, which tell nothing: keys and their versions."""

    def __call__(self) -> UUID:
        return uuid_of(self._number() & _RANDOM_BITS | _VERSION_4)


class RequestIds(_RandomNumbers):
    """UUIDs of version 7 (RFC 9562 section 5.7): 48 bits of the time in milliseconds, then 74 random ones.

    So the ids of requests lie in the trail in about the order of its positions, and one is found among billions by the
    few stretches of the table that it can stand in.
    """

    def __call__(self) -> UUID:
        milliseconds = time.time_ns() // _NANOSECONDS
        return uuid_of(milliseconds << 80 | self._number() & _RANDOM_BITS_OF_7 | _VERSION_7)
