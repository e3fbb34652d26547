"""Which drawing is of which figure, and what becomes of its labels where a font lacks their characters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from scripts.compliance.plots.figures import Ages, Figure, OverTime
from scripts.compliance.plots.over_time import draw_over_time, draw_strips
from scripts.compliance.plots.ranked import draw_ages


def drawn(figure: Figure) -> str:
    """SVG."""
    if isinstance(figure, OverTime):
        return draw_over_time(figure)
    return draw_ages(figure) if isinstance(figure, Ages) else draw_strips(figure)


def relabelled(figure: Figure, text: Callable[[str], str]) -> Figure:
    """Before it is drawn: labels are cut to what there is room for."""
    if isinstance(figure, Ages):
        return replace(figure, rows=[(text(label), days) for label, days in figure.rows])
    if isinstance(figure, OverTime):
        return figure
    return replace(figure, rows=[replace(row, label=text(row.label)) for row in figure.rows])
