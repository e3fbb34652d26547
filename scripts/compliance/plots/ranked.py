"""One bar a row: ages against a limit."""

from __future__ import annotations

from typing import Final

from scripts.compliance.plots import drawing
from scripts.compliance.plots.drawing import ADVANCE, FAINT, INK, WIDTH, box, fitted, line, text, ticks
from scripts.compliance.plots.figures import Ages

_ROW: Final = 20
_LABEL: Final = 330


def draw_ages(figure: Ages) -> str:
    """Bars that end beyond the limit are hatched from there on."""
    longest = max([figure.limit, *(days for _, days in figure.rows)])
    scale = ticks(longest * 1.05, 5)
    right = len(f"{longest:,}") * ADVANCE + 14
    width, top = WIDTH - _LABEL - right, 34.0
    bottom = top + _ROW * len(figure.rows)
    limit = _LABEL + width * figure.limit / scale[-1]
    parts = []
    for tick in scale:
        x = _LABEL + width * tick / scale[-1]
        parts += [line(x, top, x, bottom), text(x, bottom + 15, f"{tick:,}", "middle", FAINT)]
    for number, (label, days) in enumerate(figure.rows):
        y = top + _ROW * number
        within = width * min(days, figure.limit) / scale[-1]
        whole = width * days / scale[-1]
        parts.append(text(0, y + 13.5, fitted(label, _LABEL - 10)))
        parts.append(box(_LABEL, y + 4, max(within, 0.7), 12, "#4f8fba"))
        if days > figure.limit:
            parts.append(box(_LABEL + within, y + 4, whole - within, 12, "url(#refused)"))
        parts.append(text(_beside(_LABEL + whole + 5, f"{days:,}", limit), y + 13.5, f"{days:,}"))
    parts += [
        line(limit, top - 6, limit, bottom, INK, 1.4, "5 3"),
        text(min(limit, WIDTH - 80), top - 12, f"cryptoperiod: {figure.limit:,} days", "middle"),
        line(_LABEL, top, _LABEL, bottom, FAINT, 1),
        text(_LABEL, bottom + 30, "days in use at the end of the period", fill=FAINT),
    ]
    return drawing.picture(bottom + 38, figure.title, parts)


def _beside(x: float, words: str, limit: float) -> float:
    """Not where the line of the limit goes through."""
    return limit + 5 if x < limit + 3 < x + len(words) * ADVANCE + 6 else x
