"""Ctrl-C, SIGTERM and SIGHUP: stop where we are, tidy up once, and say so by the exit code.

The handler raises, because a blocking read would otherwise go on waiting; and it remembers, because an exception
raised inside a C++ library's callback may be lost (see :mod:`scripts.envelope.stream`). The loops look at the memory
between segments.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """Not an ``Exception``: no library shall take it for one of its troubles."""


class Interruption:
    """``signal_number`` is the signal that came, or None."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._settling = False

    def notice(self, signal_number: int, _frame: FrameType | None) -> None:
        if self._settling:
            return
        self.signal_number = signal_number
        raise Interrupted

    def settle(self) -> None:
        """From here on signals change nothing: the work is being finished or undone."""
        self._settling = True

    def check(self) -> None:
        if self.signal_number is not None:
            raise Interrupted


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
