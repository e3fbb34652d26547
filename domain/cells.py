"""Cells of a table that a spreadsheet will open: text that somebody chose must not become a formula there."""

from __future__ import annotations

from typing import Final

from domain.audit.words import visible

FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")
"""With these a cell begins that a spreadsheet computes (OWASP, "CSV Injection")."""


def harmless(cell: str) -> str:
    """With an apostrophe before what could be a formula, which spreadsheets take for "this is text"."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell


def spreadsheet(cell: str) -> str:
    """As a cell of CSV: no formula, on one line, and with nothing in it that a terminal would obey."""
    return visible(harmless(cell).replace("\n", "\\n").replace("\r", "\\r"))
