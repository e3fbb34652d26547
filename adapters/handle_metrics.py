"""Publishes what an HSM adapter counts about its unwrapped handles, once a second.

Not at each lookup: those are the hot path, and the adapters count there already, without locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from adapters.hsm import HandleStatistics
from adapters.hsm.opening import OpenHsm
from adapters.metrics import HANDLES

SECONDS: Final = 1.0


async def publish_handles(hsm: OpenHsm) -> None:
    """Until it is cancelled."""
    published = HandleStatistics()
    while True:
        await asyncio.sleep(SECONDS)
        now = replace(hsm.handles)
        for result, more in _growth(published, now):
            HANDLES.labels(result).inc(more)
        published = now


def _growth(before: HandleStatistics, now: HandleStatistics) -> Iterator[tuple[str, int]]:
    yield "hit", now.hits - before.hits
    yield "miss", now.misses - before.misses
    yield "evicted", now.evictions - before.evictions
