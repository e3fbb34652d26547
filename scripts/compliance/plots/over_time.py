"""Bars over time, stacked: in one panel, or in one for each row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from scripts.compliance.plots import drawing
from scripts.compliance.plots.drawing import ADVANCE, FAINT, WIDTH, box, fitted, legend, line, places, text, ticks
from scripts.compliance.plots.figures import Axis, Counts, OverTime, Strips

_HEIGHT: Final = 170
_STRIP: Final = 24
_LABEL: Final = 250
"""Width of the labels of rows."""


def draw_over_time(figure: OverTime) -> str:
    heights = _sums(figure.counts, len(figure.axis.starts))
    scale = ticks(max(heights, default=0))
    left = max(len(f"{tick:,}") for tick in scale) * ADVANCE + 12
    parts, top = legend(figure.series, 12, left)
    top += 18
    bottom, width = top + _HEIGHT, WIDTH - left - 6
    parts.append(text(left, top - 7, _unit(figure.counts_what, figure.axis), fill=FAINT))
    for tick in scale:
        y = bottom - _HEIGHT * tick / scale[-1]
        parts += [line(left, y, left + width, y), text(left - 6, y + 3.5, f"{tick:,}", "end", FAINT)]
    parts += _bars(figure.counts, figure.series, figure.axis, (left, bottom, width, _HEIGHT), scale[-1])
    parts += _time(figure.axis, left, bottom, width)
    return drawing.picture(bottom + 24, figure.title, parts)


def draw_strips(figure: Strips) -> str:
    """Each row has its own scale, and says what its highest bar is: a busy neighbour must not flatten the others."""
    parts, top = legend(figure.series, 12, 0)
    peaks = [max(_sums(row.counts, len(figure.axis.starts)), default=0) for row in figure.rows]
    right = max((len(f"{peak:,}") for peak in peaks), default=1) * ADVANCE + 8
    right = max(right, len("highest") * ADVANCE + 8)
    width = WIDTH - _LABEL - right
    top += 18
    parts.append(text(_LABEL, top - 7, _unit(figure.counts_what, figure.axis), fill=FAINT))
    parts.append(text(WIDTH, top - 7, "highest", "end", FAINT))
    bottom = top
    for row, peak in zip(figure.rows, peaks, strict=True):
        bottom += _STRIP
        parts.append(text(0, bottom - 6, fitted(row.label, _LABEL - 10)))
        parts.append(text(WIDTH, bottom - 6, f"{peak:,}", "end"))
        parts += _bars(row.counts, figure.series, figure.axis, (_LABEL, bottom, width, _STRIP - 5), max(peak, 1))
        parts.append(line(_LABEL, bottom, _LABEL + width, bottom, drawing.GRID))
    parts += _time(figure.axis, _LABEL, bottom, width)
    return drawing.picture(bottom + 24, figure.title, parts)


def _unit(counts_what: str, axis: Axis) -> str:
    return f"{counts_what} per {axis.unit.value}"


def _sums(counts: Counts, bins: int) -> list[int]:
    sums = [0] * bins
    for (place, _), count in counts.items():
        sums[place] += count
    return sums


def _bars(
    counts: Counts, series: Sequence[str], axis: Axis, frame: tuple[float, float, float, float], highest: float
) -> list[str]:
    """Side by side with a gap where there is room for one. What is not zero can be seen, however little it is."""
    left, bottom, width, height = frame
    fills = drawing.look(series)
    step = width / max(1, len(axis.starts))
    # One bar alone is a bar, not a wall.
    thick = min(step * 0.82 if step > 4 else step, 60)
    parts = []
    for place in sorted({place for place, _ in counts}):
        y = bottom
        for name in series:
            count = counts.get((place, name), 0)
            if count:
                tall = max(0.7, height * count / highest)
                y -= tall
                parts.append(box(left + place * step + (step - thick) / 2, y, thick, tall, fills[name]))
    return parts


def _time(axis: Axis, left: float, bottom: float, width: float) -> list[str]:
    step = width / max(1, len(axis.starts))
    parts = [line(left, bottom, left + width, bottom, FAINT, 1)]
    taken = 0.0
    for place, label in places(axis, width):
        middle = left + (place + 0.5) * step
        half = len(label) * ADVANCE / 2
        # A label near an edge stays within it, and none stands in another.
        x = min(max(middle, left + half - 2), WIDTH - half)
        if x - half > taken:
            parts += [line(middle, bottom, middle, bottom + 4, FAINT, 1), text(x, bottom + 16, label, "middle", FAINT)]
            taken = x + half + ADVANCE
    return parts
