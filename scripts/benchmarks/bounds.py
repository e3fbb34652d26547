"""What keeps a side from being faster: one sentence, from the CPU times and means of its runs.

The rules are few and in order: the first that applies is said. A processor counts as busy from nine tenths on, since
the kernel accounts by ticks and a run has a beginning and an end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from scripts.benchmarks.contest import Result

BUSY: Final = 0.9
LATENCY_HALF: Final = 0.5
DISTURBED: Final = 0.15
"""Share of all processors; interrupts and the like stay below a tenth."""


def bounded_by(result: Result, *, processors: int, generator_threads: int, workers: int) -> str:
    """:param workers: how many API processes serve; each is one Python interpreter, so at most one processor."""
    busy = result.busy()
    if busy["machine"] >= BUSY * processors:
        return (
            f"All {processors} processors of the machine are busy ({_spenders(busy)}): less CPU per use, or more of it."
        )
    if busy["load generator"] >= BUSY * generator_threads:
        return f"The load generator itself is at its limit ({_spenders(busy)}): the figure is a lower bound."
    if workers and busy.get("workers", 0.0) >= BUSY * workers:
        return f"The {workers} API workers' own CPU ({_spenders(busy)}): more workers would be faster."
    return _waiting(result, _spenders(busy))


def disturbance(results: Iterable[Result], processors: int) -> str | None:
    """A warning where other programs had so much of the machine that the figures tell more of them than of us."""
    return not_quiet(max(result.busy().get("elsewhere", 0.0) for result in results), processors)


def not_quiet(elsewhere: float, processors: int) -> str | None:
    """:param elsewhere: how many processors other programs kept busy."""
    if elsewhere < DISTURBED * processors:
        return None
    return f"Not quiet: other programs kept {elsewhere:.2f} of {processors} processors busy. Repeat when they are done."


def _waiting(result: Result, spenders: str) -> str:
    seen = result.seen()
    commit = seen.get("commit ms", 0.0)
    if commit >= LATENCY_HALF * result.p50_ms:
        return f"The durable commit: {commit:.2f} ms of a median {result.p50_ms:.2f} ms ({spenders})."
    if seen.get("HSM share of latency", 0.0) >= LATENCY_HALF:
        return f"The HSM: {seen['HSM ms']:.2f} ms of a median {result.p50_ms:.2f} ms ({spenders})."
    return f"Latency, not capacity: requests wait for one another and for the disk ({spenders})."


def _spenders(busy: dict[str, float]) -> str:
    """``workers 1.02, postgresql 0.41``: processors kept busy, the greatest first."""
    named = sorted(((name, share) for name, share in busy.items() if name != "machine"), key=lambda item: -item[1])
    return ", ".join(f"{name} {share:.2f}" for name, share in named if share >= 0.005)
