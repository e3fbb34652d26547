"""A row of bars as high as what they count: ▁▃▇."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final

_BARS: Final = "▁▂▃▄▅▆▇█"
_NOTHING: Final = " "


def sparkline(counts: Sequence[int]) -> str:
    """A character for each count; nothing is drawn for nothing, and something for everything else."""
    largest = max(counts, default=0)
    return "".join(_NOTHING if not count else _BARS[(count * len(_BARS) - 1) // largest] for count in counts)


def per_day(counts: Mapping[date, int], width: int) -> tuple[list[int], int]:
    """Counts from the first day to the last, days without any included, and how many days each stands for: so many
    that no more than ``width`` are left."""
    if not counts:
        return [], 1
    first, last = min(counts), max(counts)
    days = (last - first).days + 1
    step = -(-days // width)
    together = [0] * -(-days // step)
    for day, count in counts.items():
        together[(day - first) // timedelta(days=step)] += count
    return together, step
