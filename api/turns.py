"""Changes of one account take turns in this process once they have met: else most of ten at the same time would be
overtaken again and again, and refused although nothing is wrong with them.

Processes do not wait for each other; the ledger's guards decide between them, and who was overtaken tries again.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from uuid import UUID
from weakref import WeakValueDictionary


class Turns:
    """For one event loop. Who waits longest is next; an account that nobody changes is not remembered."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[frozenset[UUID], asyncio.Lock] = WeakValueDictionary()

    def of(self, moved: frozenset[UUID]) -> AbstractAsyncContextManager[None]:
        """:param moved: the streams that the waiting change was overtaken in."""
        return self._locks.setdefault(moved, asyncio.Lock())
