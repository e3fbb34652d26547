"""The SHA-256 of a range of the ledger: two people who read the same rows get the same digest.

A row is hashed as this, in the order of positions, and nothing comes before, between or after: position (8 bytes),
stream (16), version (8), time of recording in microseconds since 1970-01-01 UTC (8), length of the topic (4), topic
(UTF-8), length of the event's bytes (4), the event's bytes as they are stored. Numbers are big-endian and signed; the
lengths are unsigned. Whoever has PostgreSQL and any programming language can compute it again.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Final
from uuid import UUID

Row = tuple[int, UUID, int, str, bytes, datetime]
"""Position, stream, version, topic, bytes of the event, time of recording: as :mod:`adapters.ledger.pages` reads it."""

_HEAD: Final = Struct(">q16sqqI")
_LENGTH: Final = Struct(">I")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_MICROSECONDS: Final = 86_400 * 1_000_000


class LedgerDigest:
    """Of the rows that were added, in the order of adding."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()

    def add(self, row: Row) -> None:
        position, stream, version, topic, state, recorded_at = row
        name = topic.encode()
        head = _HEAD.pack(position, stream.bytes, version, _microseconds(recorded_at - _EPOCH), len(name))
        self._sha256.update(b"".join((head, name, _LENGTH.pack(len(state)), state)))

    @property
    def hexadecimal(self) -> str:
        return self._sha256.hexdigest()


def _microseconds(since: timedelta) -> int:
    return since.days * _DAY_MICROSECONDS + since.seconds * 1_000_000 + since.microseconds
