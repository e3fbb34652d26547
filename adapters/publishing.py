"""Publishes, once a second, what the hot path only counts: latencies, and an HSM adapter's unwrapped handles."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from adapters.hsm import HandleStatistics
from adapters.hsm.opening import OpenHsm
from adapters.metrics import HANDLES
from adapters.observations import publish_all

SECONDS: Final = 1.0


async def keep_publishing(hsm: OpenHsm) -> None:
    """Until it is cancelled."""
    published = HandleStatistics()
    while True:
        await asyncio.sleep(SECONDS)
        now = replace(hsm.handles)
        for result, more in _growth(published, now):
            HANDLES.labels(result).inc(more)
        published = now
        publish_all()


def _growth(before: HandleStatistics, now: HandleStatistics) -> Iterator[tuple[str, int]]:
    yield "hit", now.hits - before.hits
    yield "miss", now.misses - before.misses
    yield "evicted", now.evictions - before.evictions
