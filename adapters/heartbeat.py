"""How a process tells its supervisor that it is alive: one byte a second through a pipe it inherited.

Beat from where the work is done (the event loop of an API process): a loop that hangs in a token's library stops
beating, and the supervisor replaces the process. Without a supervisor all of this does nothing.
"""

from __future__ import annotations

import asyncio
import os
from typing import Final

DESCRIPTOR: Final = "KEY_LEDGER_HEARTBEAT_FD"
"""The environment variable that names the pipe's end for writing (not blocking)."""
SECONDS: Final = 1.0


def beat() -> None:
    """Say that we are alive. A supervisor that is too busy to read has enough beats already."""
    descriptor = os.environ.get(DESCRIPTOR)
    if descriptor is None:
        return
    try:
        os.write(int(descriptor), b".")
    except (BlockingIOError, BrokenPipeError):
        return


async def keep_beating() -> None:
    """Beat until cancelled; run it as a task of the event loop that serves requests."""
    while True:
        beat()
        await asyncio.sleep(SECONDS)
