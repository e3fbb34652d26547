"""Which drawing is of which figure."""

from __future__ import annotations

from scripts.compliance.plots.figures import Ages, Figure, OverTime
from scripts.compliance.plots.over_time import draw_over_time, draw_strips
from scripts.compliance.plots.ranked import draw_ages


def drawn(figure: Figure) -> str:
    """SVG."""
    if isinstance(figure, OverTime):
        return draw_over_time(figure)
    return draw_ages(figure) if isinstance(figure, Ages) else draw_strips(figure)
