"""A bounded memory in front of an expensive read, with one read at a time per name."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
Value = TypeVar("Value")


class Remembered(Generic[Name, Value]):
    """The least recently used of ``size`` values go first. For one event loop.

    A value that is forgotten while it is being read is given to those who wait for it, and not remembered: what they
    decide on it is guarded, so they come back.
    """

    def __init__(self, size: int, read: Callable[[Name], Awaitable[Value]]) -> None:
        self._size = size
        self._read = read
        self._values: OrderedDict[Name, Value] = OrderedDict()
        self._reads: dict[Name, asyncio.Task[Value]] = {}

    def __len__(self) -> int:
        return len(self._values)

    def peek(self, name: Name) -> Value | None:
        """The value, if it is remembered; the fast path of :meth:`get` without a task switch."""
        value = self._values.get(name)
        if value is not None:
            self._values.move_to_end(name)
        return value

    async def get(self, name: Name) -> Value:
        """The value, read where it is not remembered. Everybody who waits gets the read's error; it stays nowhere."""
        value = self.peek(name)
        if value is not None:
            return value
        reading = self._reads.get(name)
        if reading is None:
            reading = asyncio.create_task(self._remember(name))
            self._reads[name] = reading
            reading.add_done_callback(_seen)
        # Shielded: one impatient caller must not cancel the read that others wait for.
        return await asyncio.shield(reading)

    def forget(self, name: Name) -> Value | None:
        self._reads.pop(name, None)
        return self._values.pop(name, None)

    def forget_all(self) -> None:
        self._values.clear()
        self._reads.clear()

    async def _remember(self, name: Name) -> Value:
        mine = asyncio.current_task()
        try:
            value = await self._read(name)
        except BaseException:
            if self._reads.get(name) is mine:
                del self._reads[name]
            raise
        if self._reads.get(name) is mine:
            del self._reads[name]
            self._values[name] = value
            if len(self._values) > self._size:
                self._values.popitem(last=False)
        return value


def _seen(reading: asyncio.Task[Value]) -> None:
    """Its error was told to those who waited; where nobody does any more, it is nobody's business."""
    if not reading.cancelled():
        reading.exception()
