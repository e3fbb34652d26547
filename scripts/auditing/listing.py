"""Events, page after page, in the form that was asked for. No form keeps what it has written.

A program gets one JSON object (or, of a stream without end, one object a line), a spreadsheet CSV, a pipe aligned
columns, and a person at a terminal two lines an event: the facts that fit beside each other, then the sentence.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from rich.console import Console
from rich.text import Text

from scripts.auditing import events
from scripts.auditing.events import Event
from scripts.auditing.two_lines import TwoLines
from scripts.envelope.terminal import printable_json
from scripts.operating.table import Cell, Form, csv_cells, shown, title


class Listing(Protocol):
    """``page`` any number of times, then ``end``."""

    def page(self, page: Sequence[Event]) -> None: ...

    def end(self, about: Mapping[str, Any]) -> None:
        """:param about: what is known besides the events."""


def listing(form: Form, *, wide: bool = False, endless: bool = False) -> Listing:
    if form is Form.JSON:
        return _JsonLines() if endless else _Json()
    if form is Form.CSV:
        return _Csv()
    if sys.stdout.isatty():
        return _Records() if wide else _TwoLines()
    return _Plain(all_columns(), lambda event: events.wholly(event, all_columns())) if wide else _Plain()


@cache
def all_columns() -> tuple[str, ...]:
    from projections.audit_trail import COLUMNS  # noqa: PLC0415  # it loads PostgreSQL's library, for its names only

    return COLUMNS


class _Json:
    def __init__(self) -> None:
        self._separator = '{"events": ['

    def page(self, page: Sequence[Event]) -> None:
        for event in page:
            print(f"{self._separator}\n  {printable_json(event)}", end="")
            self._separator = ","

    def end(self, about: Mapping[str, Any]) -> None:
        beginning = self._separator if self._separator != "," else "\n"
        rest = printable_json(about)
        print(f"{beginning}]{', ' if about else ''}{rest[1:]}")


class _JsonLines:
    def page(self, page: Sequence[Event]) -> None:
        for event in page:
            print(printable_json(event))
        sys.stdout.flush()

    def end(self, about: Mapping[str, Any]) -> None: ...


class _Csv:
    def __init__(self) -> None:
        self._writer = csv.writer(sys.stdout)
        self._writer.writerow(all_columns())

    def page(self, page: Sequence[Event]) -> None:
        for event in page:
            self._writer.writerow(csv_cells(events.wholly(event, all_columns())))
        sys.stdout.flush()

    def end(self, about: Mapping[str, Any]) -> None: ...


class _Plain:
    """Aligned by the widest cells so far: what follows a page is not known yet."""

    def __init__(
        self, columns: Sequence[str] = events.BRIEFLY, cells: Callable[[Event], Sequence[Cell]] = events.briefly
    ) -> None:
        self._titles = [title(column) for column in columns]
        self._widths = [len(each) for each in self._titles]
        self._cells = cells
        self._is_headed = False

    def page(self, page: Sequence[Event]) -> None:
        lines = [[shown(each) for each in self._cells(event)] for event in page]
        if lines and not self._is_headed:
            lines.insert(0, self._titles)
            self._is_headed = True
        for line in lines:
            self._widths = [max(pair) for pair in zip(self._widths, map(len, line), strict=True)]
        for line in lines:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, self._widths, strict=True)).rstrip())
        sys.stdout.flush()

    def end(self, about: Mapping[str, Any]) -> None: ...


class _TwoLines:
    def __init__(self) -> None:
        self._lines = TwoLines(len(events.BRIEFLY) - 1, events.BRIEFLY.index("who"))

    def page(self, page: Sequence[Event]) -> None:
        self._lines.show([events.briefly(event) for event in page])

    def end(self, about: Mapping[str, Any]) -> None: ...


class _Records:
    """All that is known, a line each."""

    def __init__(self) -> None:
        self._console = Console(emoji=False)

    def page(self, page: Sequence[Event]) -> None:
        for event in page:
            cells = zip(all_columns(), events.wholly(event, all_columns()), strict=True)
            for name, each in cells:
                if each is not None:
                    text = Text(f"{name:<18} ", "dim") + Text(shown(each))
                    self._console.print(text, soft_wrap=True)
            self._console.print()

    def end(self, about: Mapping[str, Any]) -> None: ...
