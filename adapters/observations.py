"""Latencies of the hot path, counted in plain memory and published to Prometheus once a second.

An observation in multi-process mode writes to a shared file twice, which costs more than the bookkeeping of a use
otherwise does. Counting here is a bisection and two additions.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from prometheus_client import Histogram


class Observations:
    """Of one labelled series of a histogram. For one thread at a time."""

    def __init__(self, series: Histogram) -> None:
        self._series = series
        self._bounds: list[float] = list(series._upper_bounds)  # noqa: SLF001  # the child's own, with +Inf last
        self._counts = [0] * len(self._bounds)
        self._seconds = 0.0
        _ALL.append(self)

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._seconds += seconds

    def publish(self) -> None:
        """Add what was counted since the last time to the series, as its ``observe`` would have."""
        counts, seconds = self._counts, self._seconds
        self._counts, self._seconds = [0] * len(counts), 0.0
        self._series._sum.inc(seconds)  # noqa: SLF001  # prometheus_client has no way to add many at once
        for bucket, count in zip(self._series._buckets, counts, strict=True):  # noqa: SLF001
            if count:
                bucket.inc(count)


_ALL: Final[list[Observations]] = []
"""One for each series that was ever looked up: operations are a closed list."""


def publish_all() -> None:
    for observations in _ALL:
        observations.publish()
