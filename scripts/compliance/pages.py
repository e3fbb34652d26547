"""A document as the pages that people read have it: every cell a text, figures drawn, long tables cut visibly.

PDF and HTML are two looks of the same pages, made by two templates that get this and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from domain.audit.words import visible
from scripts.compliance.document import Column, Document, Kind, Section, Table, shown
from scripts.compliance.plots.drawn import drawn, relabelled

ROWS_MAX: Final = 1_000
"""Of a table on pages; CSV and JSON have more."""

CELL_CHARACTERS_MAX: Final = 1_200
"""Of a text on pages: a policy may have thousands."""

Text = Callable[[str], str]


def pages(document: Document, legible: Text = str) -> dict[str, Any]:
    """:param legible: what becomes of every text that people chose, besides being visible."""
    return {
        "title": document.title,
        "subtitle": document.subtitle,
        "made_of": {
            "year": document.made_of.year,
            "month": document.made_of.month,
            "day": document.made_of.day,
        },
        "facts": [{"name": name, "value": legible(shown(value))} for name, value in document.facts],
        "preamble": document.preamble,
        "controls": [
            {
                "named": control.named,
                "asks": control.asks,
                "sections": [{"number": number, "title": section.title} for number, section in sections],
            }
            for control, sections in document.controls
        ],
        "sections": [_section(section, number, legible) for number, section in enumerate(document.sections, start=1)],
    }


def _section(section: Section, number: int, legible: Text) -> dict[str, Any]:
    return {
        "number": number,
        "name": section.name,
        "title": section.title,
        "controls": _by_framework(section),
        "paragraphs": section.paragraphs,
        "numbers": [{"name": name, "value": shown(value)} for name, value in section.numbers],
        "figures": [{"title": figure.title, "svg": drawn(relabelled(figure, legible))} for figure in section.figures],
        "tables": [_table(table, section, number, legible) for table in section.tables],
    }


def _by_framework(section: Section) -> list[str]:
    """``PCI DSS 4.0: 3.6.1, 3.7.1``."""
    numbers: dict[str, list[str]] = {}
    for control in sorted(section.controls, key=lambda one: one.place):
        numbers.setdefault(control.value.framework, []).append(control.value.number)
    return [f"{framework}: {', '.join(of_it)}" for framework, of_it in numbers.items()]


def _table(table: Table, section: Section, number: int, legible: Text) -> dict[str, Any]:
    rows = table.rows[:ROWS_MAX]
    return {
        "title": table.title,
        "columns": [_column(column, index, table) for index, column in enumerate(table.columns)],
        "rows": [[legible(_cut(shown(cell))) for cell in row] for row in rows],
        "empty": table.empty,
        "remark": table.remark,
        "cut": _cut_short(table, len(rows), f"{number:02}-{section.name}-{table.name}.csv"),
    }


def _column(column: Column, index: int, table: Table) -> dict[str, Any]:
    """:return: how wide its cells are where they are all of one width, so that ids are never folded."""
    longest = max((len(shown(row[index])) for row in table.rows[:ROWS_MAX]), default=0)
    return {
        "title": column.title,
        "kind": Kind.CODE.value if column.kind is Kind.TIME else column.kind.value,
        "weight": column.weight,
        "characters": longest,
    }


def _cut(text: str) -> str:
    if len(text) <= CELL_CHARACTERS_MAX:
        return text
    return f"{text[:CELL_CHARACTERS_MAX]}… ({len(text):,} characters; all of them in JSON)"


def _cut_short(table: Table, rows: int, file: str) -> str:
    if table.total == rows:
        return ""
    kept = len(table.rows)
    more = f" {file} has {kept:,}." if kept > rows else ""
    return visible(f"The first {rows:,} of {table.total:,}.{more} All of them are in the ledger.")
