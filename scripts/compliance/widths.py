"""How wide the columns of a table are on a page of the PDF, in points: ids in one line, the rest shared.

Characters of ids are all equally wide; of texts an average is taken, and what is wider is folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

PORTRAIT: Final = 498.0
LANDSCAPE: Final = 743.0
"""Of the text on an A4 page."""

_INSET: Final = 7.0
_ADVANCE: Final = {"code": 3.87, "number": 4.1, "text": 4.0}
_OF_HEADING: Final = 4.6
_CHARACTERS_MAX: Final = 66
"""In one line; what is longer is folded."""

_SHARING_LEAST: Final = 120.0
"""What a column that shares the rest needs to be read."""


def widths(columns: Sequence[dict[str, Any]], rows: Sequence[Sequence[str]]) -> list[float]:
    """Of each column; of one that shares the rest, what it needs at least."""
    return [_width(column, [row[index] for row in rows]) for index, column in enumerate(columns)]


def needs_landscape(table: dict[str, Any]) -> bool:
    return bool(table["rows"]) and sum(widths(table["columns"], table["rows"])) > PORTRAIT


def _width(column: dict[str, Any], cells: Sequence[str]) -> float:
    heading = max((len(word) for word in column["title"].split()), default=0) * _OF_HEADING
    longest = min(max(map(len, cells), default=0), _CHARACTERS_MAX) * _ADVANCE[column["kind"]]
    wanted = max(heading, longest) + _INSET
    return min(wanted, _SHARING_LEAST) if column["weight"] else wanted
