"""A report's CSV: cells as every other CSV of the product has them."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

from scripts.compliance.document import Column, Document, Kind, Section, Table
from scripts.compliance.tables import as_csv


def test_a_cell_is_one_line_and_no_formula_and_exact() -> None:
    at = datetime(2026, 6, 1, 12, 0, 0, 7, tzinfo=UTC)
    columns = (Column("text", "Text"), Column("number", "Number", Kind.NUMBER), Column("at", "At", Kind.TIME))
    rows = [("=cmd()", 1_000, at), ("two\nlines\r", -1, None), ("\x1b[2J\u202e支付", 0, at), ("\tx", 0, at)]
    table = Table(name="t", title="A table", columns=columns, rows=rows)
    section = Section(name="s", title="A section", controls=(), paragraphs=(), tables=(table,))
    document = Document(title="", subtitle="", facts=(), preamble=(), made_of=at, sections=(section,))
    ((name, content),) = as_csv(document)
    assert name == "01-s-t.csv"
    assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == [
        ["text", "number", "at"],
        ["'=cmd()", "1000", "2026-06-01T12:00:00.000007Z"],
        ["two\\nlines\\r", "-1", ""],
        ["\\x1b[2J\\u202e支付", "0", "2026-06-01T12:00:00.000007Z"],
        ["'\\x09x", "0", "2026-06-01T12:00:00.000007Z"],
    ]
