"""Calls of the HSM that are made in one turn of an event loop, done one right after the other in its next turn.

A token's library, its cryptography and its memory fill the processor's caches, as the interpreter's do: called between
two requests' Python, SoftHSM takes three times as long as when it is called again and again, and leaves the caches
empty for whoever comes next. So all requests of a turn leave their calls here first. It costs a caller who is alone one
more turn of the loop, which takes less than a hundredth of a commit.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any, TypeVar

Observe = Callable[[str, float], None]
"""Called with an operation's name and its seconds, failed ones too, on the thread that did it."""


def unobserved(operation: str, seconds: float) -> None:
    """The default."""


Result = TypeVar("Result")
Call = tuple[asyncio.Future[Any], str, Callable[..., Any], tuple[Any, ...]]


class Gathering:
    """Of one adapter, whatever loops use it. :param lock: held while calls are done."""

    def __init__(self, lock: threading.Lock, observe: Observe) -> None:
        self._lock = lock
        self._observe = observe
        self._turn: Turn | None = None

    def ask(self, operation: str, do: Callable[..., Result], *arguments: Any) -> asyncio.Future[Result]:
        """What ``do(*arguments)`` returns or raises. It is not done for whoever has given up by then."""
        loop = asyncio.get_running_loop()
        turn = self._turn
        # Another loop's turn may stand here, also that of a loop which was closed: each loop does its own ones.
        if turn is None or turn.loop is not loop:
            turn = self._turn = Turn(loop)
            loop.call_soon(self._do, turn)
        answer: asyncio.Future[Result] = loop.create_future()
        turn.calls.append((answer, operation, do, arguments))
        return answer

    def _do(self, turn: Turn) -> None:
        if self._turn is turn:
            self._turn = None
        observe = self._observe
        with self._lock:
            started = perf_counter()
            for answer, operation, do, arguments in turn.calls:
                if answer.done():
                    continue
                try:
                    answer.set_result(do(*arguments))
                except Exception as error:  # noqa: BLE001  it is raised where the answer is awaited
                    answer.set_exception(error)
                ended = perf_counter()
                observe(operation, ended - started)
                started = ended


class Turn:
    """The calls of one turn of ``loop``."""

    __slots__ = ("calls", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.calls: list[Call] = []
