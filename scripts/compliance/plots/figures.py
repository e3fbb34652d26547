"""What a report can draw, as data. How: the neighbours of this module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from domain.audit.evidence.period import Unit
from domain.audit.facts import Outcome

Counts = Mapping[tuple[int, str], int]
"""Number of the bin, and series -> how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Of time. :param starts: the first day of each bin."""

    unit: Unit
    starts: Sequence[date]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverTime:
    """Stacked bars. :param series: from the bottom; outcomes, or other names, which get greys."""

    title: str
    counts_what: str
    axis: Axis
    series: Sequence[str]
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    label: str
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """Stacked bars over time, a panel for each row, each with a scale of its own."""

    title: str
    counts_what: str
    axis: Axis
    series: Sequence[Outcome]
    rows: Sequence[Strip]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """:param rows: label and days. :param limit: days that none should exceed."""

    title: str
    limit: int
    rows: Sequence[tuple[str, int]]


Figure = OverTime | Strips | Ages
