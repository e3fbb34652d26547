"""Rows that end with a sentence, at a terminal: the facts that fit beside each other, and the sentence below them.

So an id is never folded, and a sentence always is, whatever the width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from domain.audit.words import visible

_INDENT: Final = "  "
_CELL_MAX: Final = 48
_SENTENCE_MIN: Final = 20
_STYLES: Final = {
    "changed": "bold yellow",
    "used": "green",
    "read": "cyan",
    "refused": "bold red",
    "unauthenticated": "bold magenta",
    "would have been refused": "bold red",
    "would have been allowed": "bold yellow",
    "yes": "green",
    "no": "dim",
    "under conditions": "yellow",
    "unless denied": "yellow",
}
"""Of words, wherever they stand alone in a cell."""


class TwoLines:
    """:param columns: how many, without the sentence. :param bold: the number of the most important one.

    Columns keep the width that they once needed: what follows a page is not known yet.
    """

    def __init__(self, columns: int, bold: int) -> None:
        self._console = Console(emoji=False)
        self._widths = [0] * columns
        self._bold = bold

    def show(self, rows: Sequence[Sequence[str]]) -> None:
        lines = [[visible(cell) for cell in row] for row in rows]
        for line in lines:
            needed = [min(_CELL_MAX, cell_len(cell)) for cell in line[:-1]]
            self._widths = list(map(max, self._widths, needed))
        columns = self._fitting()
        for line in lines:
            self._facts(line, columns)
            self._sentence(line[-1])

    def _fitting(self) -> int:
        """How many of the columns, from the left."""
        for count in range(len(self._widths), 1, -1):
            if sum(self._widths[:count]) + 2 * (count - 1) <= self._console.width:
                return count
        return 1

    def _facts(self, line: Sequence[str], columns: int) -> None:
        text = Text(no_wrap=True)
        for number in range(columns):
            usual = "bold" if number == self._bold else "dim"
            text.append(set_cell_size(line[number], self._widths[number]), _STYLES.get(line[number], usual))
            text.append("  ")
        text.rstrip()
        self._console.print(text, overflow="ellipsis", crop=True)

    def _sentence(self, sentence: str) -> None:
        for line in Text(sentence).wrap(self._console, max(_SENTENCE_MIN, self._console.width - len(_INDENT))):
            line.rstrip()
            self._console.print(Text(_INDENT) + line)
