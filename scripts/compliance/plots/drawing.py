"""What all figures are drawn with: elements of SVG, text that fits, ticks at round numbers, the look of each series.

Each series differs in lightness from its neighbours and refusals are hatched, so that a figure can be read in grey.
Labels are set in a font whose characters are all equally wide: their width is known without asking a font.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final
from unicodedata import east_asian_width
from xml.sax.saxutils import escape, quoteattr

from domain.audit.evidence.period import Unit
from domain.audit.facts import Outcome
from domain.audit.words import visible
from scripts.compliance.plots.figures import Axis

WIDTH: Final = 720
"""Of a figure. One unit is some 0.68 points of the PDF's text width."""

FONT: Final = "DejaVu Sans Mono, Menlo, Consolas, monospace"
SIZE: Final = 10.5
ADVANCE: Final = 0.602 * SIZE
"""Width of a character."""

INK: Final = "#1f2933"
FAINT: Final = "#5b6770"
GRID: Final = "#d9dee3"

OUTCOMES: Final = {
    Outcome.USED: "#12395b",
    Outcome.READ: "#bcd7e8",
    Outcome.CHANGED: "#4f8fba",
    Outcome.REFUSED: "url(#refused)",
    Outcome.UNAUTHENTICATED: "url(#unauthenticated)",
}
OTHER_SERIES: Final = ("#12395b", "#bcd7e8", "url(#refused)", "#4f8fba", "url(#unauthenticated)", "#e3e7ea")

_PATTERNS: Final = (
    '<pattern id="refused" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="5" height="5" fill="#b5402a"/><rect width="1.6" height="5" fill="#ffffff"/></pattern>'
    '<pattern id="unauthenticated" width="4" height="4" patternUnits="userSpaceOnUse">'
    '<rect width="4" height="4" fill="#f0c24b"/><rect width="1.5" height="1.5" fill="#4a3500"/></pattern>'
)


def look(series: Sequence[str]) -> dict[str, str]:
    """Of each series, its fill."""
    known = {name for name in series if name in OUTCOMES}
    if len(known) == len(series):
        return {name: OUTCOMES[Outcome(name)] for name in series}
    return {name: OTHER_SERIES[number % len(OTHER_SERIES)] for number, name in enumerate(series)}


def picture(height: float, description: str, parts: Sequence[str]) -> str:
    """A whole SVG, which takes the width that it is given. Patterns are repeated in each, the same in all."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {number(height)}" role="img" '
        f'aria-label={quoteattr(visible(description))} font-family="{FONT}" font-size="{SIZE}" fill="{INK}">'
        f"<defs>{_PATTERNS}</defs>{''.join(parts)}</svg>"
    )


def number(value: float) -> str:
    """Short and the same everywhere: two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def box(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" fill="{fill}"/>'


def line(x: float, y: float, to_x: float, to_y: float, stroke: str = GRID, width: float = 0.8, dash: str = "") -> str:
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<line x1="{number(x)}" y1="{number(y)}" x2="{number(to_x)}" y2="{number(to_y)}" stroke="{stroke}" '
        f'stroke-width="{width}"{dashed}/>'
    )


def text(x: float, y: float, words: str, anchor: str = "start", fill: str = INK) -> str:
    return f'<text x="{number(x)}" y="{number(y)}" text-anchor="{anchor}" fill="{fill}">{escape(visible(words))}</text>'


def fitted(words: str, width: float) -> str:
    """Cut in the middle, since the ends of names and ids tell them apart."""
    words, room = visible(words), max(3, int(width / ADVANCE))
    if _cells(words) <= room:
        return words
    start, end = words[: len(words) // 2], words[len(words) // 2 :]
    while _cells(start) + _cells(end) + 1 > room:
        if _cells(start) > _cells(end):
            start = start[:-1]
        else:
            end = end[1:]
    return f"{start}…{end}"


def _cells(words: str) -> int:
    """Chinese, Japanese and Korean characters take two."""
    return len(words) + sum(east_asian_width(character) in "WF" for character in words)


def ticks(largest: float, wanted: int = 4) -> list[int]:
    """From 0 to at least ``largest``, whole numbers in steps of 1, 2 or 5 times a power of ten."""
    step = max(1.0, largest / wanted)
    power = 10 ** math.floor(math.log10(step))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= step - 1e-9)
    return [round(step * place) for place in range(math.ceil(max(largest, 1) / step) + 1)]


def legend(series: Sequence[str], y: float, left: float) -> tuple[list[str], float]:
    """In as many lines as it takes, and where it ends."""
    parts, x = [], left
    for name, fill in look(series).items():
        words = fitted(name, WIDTH / 2)
        width = 16 + len(words) * ADVANCE + 18
        if x + width > WIDTH and x > left:
            x, y = left, y + 16
        parts += [box(x, y - 8.5, 11, 9.5, fill), text(x + 16, y, words)]
        x += width
    return parts, y + 10


def places(axis: Axis, width: float) -> Iterator[tuple[int, str]]:
    """Which bins are labelled, and how: as many as there is room for, evenly."""
    labels = [_day(start, axis.unit) for start in axis.starts]
    if not labels:
        return
    room = max(1, int(width / ((len(labels[0]) + 2) * ADVANCE)))
    every = max(1, math.ceil(len(labels) / room))
    for place in range(0, len(labels), every):
        yield place, labels[place]


def _day(start: date, unit: Unit) -> str:
    match unit:
        case Unit.YEAR:
            return f"{start.year:04}"
        case Unit.MONTH:
            return start.isoformat()[:7]
        case _:
            return start.isoformat()
