"""Unwrapped keys that are kept, least recently used first to go. Belongs to one session and one thread at a time.

That is why a handle is never destroyed under somebody's hands: who destroys it is who would use it. The same key may be
unwrapped once in each session of a pool. Sharing handles between sessions was rejected: when one session is lost, its
handles' numbers may be dealt again, and another thread would encrypt under the wrong key without noticing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from domain.ports import WrappedKey


@dataclass(slots=True)
class HandleStatistics:
    """Counted since the adapter was made. ``held`` is now; all sessions of a pool together."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    held: int = 0


class Handles:
    """:param destroy: called for each handle that leaves, except where the session died with it."""

    def __init__(self, size: int, destroy: Callable[[int], None]) -> None:
        self._size = size
        self._destroy = destroy
        self._kept: OrderedDict[int, tuple[WrappedKey, int]] = OrderedDict()
        self.hits = 0
        self.misses = 0
        self.evictions = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: WrappedKey) -> int | None:
        """The handle, where it was made of this very row: one that was altered is unwrapped, and refused."""
        number = key.key_version_id.int  # hashed in C, unlike a UUID
        kept = self._kept.get(number)
        if kept is None or not (kept[0] is key or kept[0] == key):
            self.misses += 1
            return None
        self._kept.move_to_end(number)
        self.hits += 1
        return kept[1]

    def make_room(self) -> None:
        """Before one more is made: a token whose memory is full would refuse it."""
        while len(self._kept) >= self._size:
            _, (_, oldest) = self._kept.popitem(last=False)
            self.evictions += 1
            self._destroy(oldest)

    def keep(self, key: WrappedKey, handle: int) -> None:
        self.forget(key.key_version_id)
        self.make_room()
        self._kept[key.key_version_id.int] = (key, handle)

    def forget(self, key_version_id: UUID) -> None:
        kept = self._kept.pop(key_version_id.int, None)
        if kept is not None:
            self._destroy(kept[1])

    def abandon(self) -> None:
        """The session is lost, and all handles with it."""
        self._kept.clear()
