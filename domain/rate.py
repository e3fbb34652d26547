"""How many calls fit into a time: a token bucket as arithmetic, without a clock.

A bucket of ``burst`` tokens gets a new one every ``interval``. It is kept as one number, the instant at which it is
full again: who was never heard of has a full bucket, so nothing is kept of those who do not call. Instants are
nanoseconds of any clock that never goes back; whole numbers, so that no token is lost to rounding.

Not here: whose buckets there are and where they are kept (an adapter's).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SECOND: Final = 1_000_000_000
"""In nanoseconds."""


@dataclass(frozen=True, slots=True)
class Rate:
    """:param interval: nanoseconds in which one token comes. :param burst: tokens of a full bucket, at least 1."""

    interval: int
    burst: int

    def __post_init__(self) -> None:
        if self.interval < 1 or self.burst < 1:
            raise ValueError("a rate has an interval and a burst of at least 1")

    def wait(self, full_at: int, at: int) -> int:
        """Nanoseconds until there is a token; none to wait for where it is not positive."""
        return full_at - at - (self.burst - 1) * self.interval

    def taken(self, full_at: int, at: int) -> int:
        """When the bucket is full again after one token more was taken."""
        return max(full_at, at) + self.interval


def rate(calls_per_second: float, burst: int, sharers: int = 1) -> Rate:
    """The part of a rate that each of ``sharers`` may use, so that all of them together stay within it.

    :param burst: calls at once, from a full bucket; each sharer has room for one at least.
    """
    return Rate(max(1, round(SECOND * sharers / calls_per_second)), max(1, burst // sharers))
