"""Ctrl-C, SIGTERM and SIGHUP: stop where we are, tidy up once, and say so by the exit code.

The handler raises, because a blocking read would otherwise go on waiting; and it remembers, because an exception
raised inside a C++ library's callback may be lost (see :mod:`scripts.envelope.stream`). The loops look at the memory
between segments. An event loop is told instead (:meth:`Interruption.run`): what is raised inside one may be lost as
well, or leave it half made.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeVar

Answer = TypeVar("Answer")

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Not an ``Exception``: no library shall take it for one of its troubles."""


class Interruption:
    """``signal_number`` is the signal that came, or None."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._settling = False
        self._stop: Callable[[], object] | None = None

    def notice(self, signal_number: int, _frame: FrameType | None) -> None:
        if self._settling:
            return
        self.signal_number = signal_number
        if self._stop is None:
            raise Interrupted
        self._stop()

    def settle(self) -> None:
        """From here on signals change nothing: the work is being finished or undone."""
        self._settling = True

    def run(self, main: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """``asyncio.run``, in which a signal cancels ``main`` and lets it tidy up.

        :raises Interrupted: when the loop is closed.
        """
        self._stop = _nothing
        try:
            return asyncio.run(self._stoppable(main))
        finally:
            self._stop = None
            self.check()

    async def _stoppable(self, main: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        """A signal that came while the loop was being made is seen here; a later one cancels this task."""
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None, "a coroutine that runs is in a task"
        self._stop = lambda: loop.call_soon_threadsafe(task.cancel)
        self.check()
        try:
            return await main()
        finally:
            self._stop = _nothing

    def check(self) -> None:
        if self.signal_number is not None:
            raise Interrupted


def _nothing() -> None:
    """Until the loop runs, and while it is closed."""


@contextmanager
def interruptible() -> Iterator[Interruption]:
    interruption = Interruption()
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        if before[number] is not signal.SIG_IGN:  # nohup and background jobs of a shell keep what they asked for
            signal.signal(number, interruption.notice)
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
