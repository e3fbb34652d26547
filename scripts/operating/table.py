"""Rows for whoever reads them: a person at a terminal, a pipe, a spreadsheet, a program.

Some of the text was chosen by callers (a region that they asked for). A terminal must not obey it, so what does not
print is shown as an escape; a spreadsheet must not compute it, so a cell that could be a formula gets an apostrophe.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as RichTable
from rich.text import Text

from domain.audit.words import visible
from domain.cells import spreadsheet
from scripts.envelope.failure import WrongUse
from scripts.envelope.terminal import fitted, printable_json

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
    """:param columns: names, as in JSON: ``key_months``. :param total: the last row of what people read.
    :param spare: columns that a narrow screen can do without."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    total: Sequence[Cell] | None = None
    spare: frozenset[str] = frozenset()

    def objects(self) -> list[dict[str, Cell]]:
        return [self._object(row) for row in self.rows]

    def _object(self, row: Sequence[Cell]) -> dict[str, Cell]:
        return {name: _json(cell) for name, cell in zip(self.columns, row, strict=True)}

    def without_spare(self) -> Table:
        kept = [number for number, name in enumerate(self.columns) if name not in self.spare]
        rows = [[row[number] for number in kept] for row in self.rows]
        total = None if self.total is None else [self.total[number] for number in kept]
        return Table([self.columns[number] for number in kept], rows, total)

    def is_number(self, column: int) -> bool:
        return all(isinstance(row[column], int | Decimal) or row[column] is None for row in self.rows)


Bars = Sequence[float]


def show(
    table: Table, form: Form, about: Mapping[str, Any], bars: Bars = (), colour: Callable[[float], str] | None = None
) -> None:
    """On standard output. :param about: what JSON says besides the rows.
    :param bars: for each row, a share of a whole, drawn where there is a terminal that has room for it.
    :param colour: of a bar, by its share. Without one, bars are of something that is being used up."""
    if form is Form.JSON:
        print(printable_json({**about, "rows": table.objects()}, indent=2))
    elif form is Form.CSV:
        writer = csv.writer(sys.stdout)
        writer.writerow(table.columns)
        writer.writerows(map(csv_cells, table.rows))
    elif sys.stdout.isatty():
        _show_rich(table, bars, colour or _of_use)
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


def _show_rich(table: Table, bars: Bars, colour: Callable[[float], str]) -> None:
    """Never folded, since ids are there to be copied: what is too wide for the screen goes without spare columns, then
    without bars, and what is still too wide is shown a row after the other."""
    console, screen = Console(width=_WIDTH, emoji=False), Console(emoji=False).width
    brief = table.without_spare()
    for drawn in (_rich(table, bars, colour), _rich(brief, bars, colour), _rich(brief)):
        if _width(console, drawn) <= screen:
            console.print(drawn)
            return
    _show_records(table, console)


def _width(console: Console, drawn: RichTable) -> int:
    return Measurement.get(console, console.options, drawn).maximum


def _rich(table: Table, bars: Bars = (), colour: Callable[[float], str] | None = None) -> RichTable:
    drawn = RichTable(box=box.SIMPLE_HEAD, show_footer=table.total is not None, pad_edge=False)
    for number, name in enumerate(table.columns):
        footer = "" if table.total is None else shown(table.total[number])
        justify: Any = "right" if table.is_number(number) else "left"
        drawn.add_column(title(name), footer, justify=justify)
    if bars and colour is not None:
        drawn.add_column("")
    for number, row in enumerate(table.rows):
        cells = [Text(shown(cell)) for cell in row]
        drawn.add_row(*cells, *([_bar(bars[number], colour(bars[number]))] if bars and colour is not None else []))
    return drawn


def _show_records(table: Table, console: Console) -> None:
    width = max(len(title(name)) for name in table.columns)
    for row in [*table.rows, *([] if table.total is None else [table.total])]:
        for name, cell in zip(table.columns, row, strict=True):
            if shown(cell):
                console.print(Text(f"{title(name):<{width}}  ", "dim") + Text(shown(cell)), soft_wrap=True)
        console.print()


def _bar(share: float, colour: str, width: int = 20) -> Text:
    full = min(width, max(round(share * width), 1 if share > 0 else 0))
    return Text("█" * full, colour) + Text("░" * (width - full), "dim")


def _of_use(used: float) -> str:
    return "green" if used < 0.8 else "yellow" if used < 1 else "red"


def _show_plain(table: Table) -> None:
    lines = [[title(name) for name in table.columns], *([shown(cell) for cell in row] for row in table.rows)]
    if table.total is not None:
        lines.append([shown(cell) for cell in table.total])
    widths = [max(len(line[number]) for line in lines) for number in range(len(table.columns))]
    for line in lines:
        cells = [
            cell.rjust(width) if table.is_number(number) else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def shown(cell: Cell) -> str:
    """For people."""
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return money(cell)
    if isinstance(cell, int):
        return f"{cell:,}"
    return visible(cell)


def csv_cells(row: Sequence[Cell]) -> list[str]:
    """For a spreadsheet; and, where somebody only looks at it, for a terminal."""
    return [_spreadsheet(cell) for cell in row]


def _spreadsheet(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return money(cell)
    if not isinstance(cell, str):
        return "" if cell is None else str(cell)
    return spreadsheet(cell)


def _json(cell: Cell) -> Cell:
    """A decimal as a string: JSON's numbers are binary fractions to many who read them."""
    return money(cell) if isinstance(cell, Decimal) else cell
