"""The report as CSV: a file for each table of each section, its rows exact, its formulas defused."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from domain.cells import spreadsheet
from scripts.compliance.document import Cell, Document, Table, exact


def as_csv(document: Document) -> Iterator[tuple[str, bytes]]:
    """Names and contents: ``04-use-principals.csv``."""
    for number, section in enumerate(document.sections, start=1):
        for table in section.tables:
            yield f"{number:02}-{section.name}-{table.name}.csv", _written(table)


def _written(table: Table) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([column.name for column in table.columns])
    writer.writerows([[_cell(cell) for cell in row] for row in table.rows])
    return text.getvalue().encode()


def _cell(cell: Cell) -> str:
    told = exact(cell)
    return "" if told is None else spreadsheet(told) if isinstance(told, str) else str(told)
