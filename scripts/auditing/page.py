"""An answer that is no list of events: facts, tables and what they mean.

A program gets the answer as the service gave it, a spreadsheet its main table, and a person all of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from domain.audit.words import visible
from scripts.auditing import completeness
from scripts.auditing.two_lines import TwoLines
from scripts.envelope.terminal import printable_json, styled
from scripts.operating.table import Cell, Form, Table, show, shown

SENTENCE: Final = "sentence"
_OF_THE_CALL: Final = "RequestId"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """:param table: where its last column is ``sentence``, a terminal shows that below the others.
    :param empty: what is said where there are no rows."""

    title: str
    table: Table
    empty: str = "None."
    bars: Sequence[float] = ()
    colour: Callable[[float], str] = lambda _: "cyan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """:param answer: as the service gave it. :param notes: sentences below the tables.
    :param csv: the rows for a spreadsheet; those of the first section where it does not say."""

    answer: Mapping[str, Any]
    facts: Mapping[str, Cell] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    notes: Sequence[str] = ()
    csv: Table | None = None

    def show(self, form: Form) -> None:
        stood = completeness.of(self.answer)
        if form is Form.JSON:
            print(printable_json({key: self.answer[key] for key in self.answer if key != _OF_THE_CALL}, indent=2))
            completeness.warn(stood)
            return
        if form is Form.CSV:
            show(self.csv or self.sections[0].table, form, {})
        else:
            self._show_all()
        completeness.tell(stood)

    def _show_all(self) -> None:
        width = max(map(len, self.facts), default=0)
        for name, value in self.facts.items():
            if value is not None and value != "":
                print(f"{styled(f'{name:<{width}}', sys.stdout, dim=True)}  {shown(value)}")
        for number, section in enumerate(self.sections):
            if number or self.facts:
                print()
            _show_section(section)
        for note in self.notes:
            print(visible(note))


def _show_section(section: Section) -> None:
    if section.title:
        print(styled(visible(section.title), sys.stdout, bold=True))
    if not section.table.rows:
        print(section.empty)
    elif section.table.columns[-1] == SENTENCE and sys.stdout.isatty():
        TwoLines(len(section.table.columns) - 1, 1).show([[shown(cell) for cell in row] for row in section.table.rows])
    else:
        show(section.table, Form.TABLE, {}, section.bars, section.colour)
    sys.stdout.flush()
