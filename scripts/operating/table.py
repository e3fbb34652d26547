"""Rows for whoever reads them: a person at a terminal, a pipe, a spreadsheet, a program.

Some of the text was chosen by callers (a region that they asked for). A terminal must not obey it, so what does not
print is shown as an escape; a spreadsheet must not compute it, so a cell that could be a formula gets an apostrophe.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from domain.cells import harmless
from scripts.envelope.failure import WrongUse
from scripts.envelope.terminal import fitted

_WIDTH: Final = 1_000

Cell = str | int | Decimal | None


class Form(Enum):
    TABLE = auto()
    CSV = auto()
    JSON = auto()


def form_of(*, as_csv: bool, as_json: bool) -> Form:
    """:raises WrongUse: both."""
    if as_csv and as_json:
        raise WrongUse("--csv and --json are two forms of one output.", "Give one of them.")
    return Form.CSV if as_csv else Form.JSON if as_json else Form.TABLE


@dataclass(frozen=True, slots=True)
class Table:
    """:param columns: names, as in JSON: ``key_months``. :param total: the last row of what people read."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] | None = None

    def objects(self) -> list[dict[str, Cell]]:
        return [self._object(row) for row in self.rows]

    def _object(self, row: Sequence[Cell]) -> dict[str, Cell]:
        return {name: _json(cell) for name, cell in zip(self.columns, row, strict=True)}

    def is_number(self, column: int) -> bool:
        return all(isinstance(row[column], int | Decimal) or row[column] is None for row in self.rows)


def show(table: Table, form: Form, about: Mapping[str, Any], bars: Sequence[float] = ()) -> None:
    """On standard output. :param about: what JSON says besides the rows.
    :param bars: for each row, how much of something is used up, drawn where there is a terminal."""
    if form is Form.JSON:
        print(json.dumps({**about, "rows": table.objects()}, default=str, ensure_ascii=False, indent=2))
    elif form is Form.CSV:
        writer = csv.writer(sys.stdout)
        writer.writerow(table.columns)
        writer.writerows([[_harmless(cell) for cell in row] for row in table.rows])
    elif sys.stdout.isatty():
        _show_rich(table, bars)
    else:
        _show_plain(table)


def remark(sentence: str) -> None:
    """What is worth knowing besides the rows, where it does not disturb them: on standard error."""
    print(fitted(sentence), file=sys.stderr)


def money(amount: Decimal) -> str:
    """All of its digits, and at least two after the point."""
    shown = f"{amount.normalize():f}"
    whole, _, fraction = shown.partition(".")
    return f"{whole}.{fraction:0<2}"


def title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _show_rich(table: Table, bars: Sequence[float]) -> None:
    shown = RichTable(box=box.SIMPLE_HEAD, show_footer=table.total is not None, pad_edge=False)
    for number, name in enumerate(table.columns):
        footer = "" if table.total is None else _text(table.total[number])
        justify: Any = "right" if table.is_number(number) else "left"
        shown.add_column(title(name), footer, justify=justify)
    if bars:
        shown.add_column("")
    for number, row in enumerate(table.rows):
        cells = [Text(_text(cell)) for cell in row]
        shown.add_row(*cells, *([_bar(bars[number])] if bars else []))
    # Wider than the screen rather than folded: ids are there to be copied.
    Console(width=_WIDTH, emoji=False).print(shown)


def _bar(used: float, width: int = 20) -> Text:
    full = min(width, round(used * width))
    colour = "green" if used < 0.8 else "yellow" if used < 1 else "red"
    return Text("█" * full, colour) + Text("░" * (width - full), "dim")


def _show_plain(table: Table) -> None:
    lines = [[title(name) for name in table.columns], *([_text(cell) for cell in row] for row in table.rows)]
    if table.total is not None:
        lines.append([_text(cell) for cell in table.total])
    widths = [max(len(line[number]) for line in lines) for number in range(len(table.columns))]
    for line in lines:
        cells = [
            cell.rjust(width) if table.is_number(number) else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return money(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    return "".join(character if character.isprintable() else _escaped(character) for character in cell)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _harmless(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return money(cell)
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    return harmless(cell)


def _json(cell: Cell) -> Cell:
    """A decimal as a string: JSON's numbers are binary fractions to many who read them."""
    return money(cell) if isinstance(cell, Decimal) else cell
