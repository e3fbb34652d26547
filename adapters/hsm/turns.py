"""Taking turns at a token that is a folder, as SoftHSM's is.

Every C_Login writes the token's flags into it, and truncates the file first: a process that looks at the token in that
instant finds none, or another one, or gets CKR_GENERAL_ERROR in a session that is as good as ever (SoftHSM 2.6.1: one
look in three, while two other processes logged in all the time). So on one machine whoever logs in is alone, and who
looks at the token waits for that; uses of keys that were found look at nothing and wait for nobody.

A turn is a courtesy: who has waited for it long enough goes on without one, so that a process that hangs in its token
stops nobody else. Making keys has a turn of its own, which may be long (:func:`adapters.hsm.roots.one_maker`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PATIENCE_SECONDS: Final = 1.0
_PAUSE_SECONDS: Final = 0.002


class Turns:
    """:param shared: a folder that every process of this machine with this token can read; None where there is none."""

    def __init__(self, shared: Path | None, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._shared = shared
        self._patience_seconds = patience_seconds

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """To log in."""
        with self._turn(fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def beside_others(self) -> Iterator[None]:
        """To look at the token."""
        with self._turn(fcntl.LOCK_SH):
            yield

    @contextlib.contextmanager
    def _turn(self, kind: int) -> Iterator[None]:
        lock = self._open()
        if lock is None:
            yield
            return
        try:
            until = time.monotonic() + self._patience_seconds
            while not _taken(lock, kind) and time.monotonic() < until:
                time.sleep(_PAUSE_SECONDS)
            yield
        finally:
            # The lock ends with the descriptor, so a process that dies keeps nobody waiting.
            os.close(lock)

    def _open(self) -> int | None:
        if self._shared is None:
            return None
        try:
            return os.open(self._shared, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return None  # opening the session reads the PIN beside it, and says what is wrong


def _taken(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
