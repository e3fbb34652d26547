"""A row of the audit trail as JSON and as CSV, written by the database: expressions of SQL over the row's columns.

Written there because a program that decodes 27 columns only to encode them again is several times slower, and because
pages and exports then look the same. In JSON, columns that are null are left out. What a terminal would obey or a
spreadsheet compute, is not left as it is: see :func:`harmless_json` and :func:`harmless_csv`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from domain.audit.words import visible
from domain.cells import FORMULAS
from projections.audit_trail import COLUMNS

_TIMES: Final = frozenset(("recorded_at", "called_at"))
_NUMBERS: Final = frozenset(("position", "occurrences", "secure_transport"))
_JSON: Final = frozenset(("encryption_context", "details"))
_OURS: Final = frozenset((
    "topic", "operation", "outcome", "error_code", "account_id", "other_account_id", "principal_kind", "key_id",
    "request_id",
))  # fmt: skip
"""Words and ids of ours, in which no character needs an escape."""

_NULLABLE: Final = frozenset((
    "error_code", "error_message", "other_account_id", "assumed_by", "key_id", "resource", "encryption_context",
    "source_ip", "details",
))  # fmt: skip

TIME: Final = "to_char({} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
"""RFC 3339, microseconds, UTC."""


def _json_value(column: str) -> str:
    if column in _TIMES:
        return f"""'"' || {TIME.format(column)} || '"'"""
    if column == "source_ip":
        return """'"' || abbrev(source_ip) || '"'"""
    if column in _NUMBERS or column in _JSON:
        return f"{column}::text"
    return f"""'"' || {column} || '"'""" if column in _OURS else f"to_json({column})::text"


def _json_line() -> str:
    """``concat`` takes NULL for nothing; only what can be NULL needs its name joined to it by ``||``."""
    parts = []
    for number, column in enumerate(COLUMNS):
        name = f"""'{"," if number else "{"}"{column}":'"""
        parts.append(f"{name} || {_json_value(column)}" if column in _NULLABLE else f"{name}, {_json_value(column)}")
    return f"concat({', '.join(parts)}, '}}')"


def _csv_value(column: str) -> str:
    if column in _TIMES:
        return TIME.format(column)
    if column == "source_ip":
        return "abbrev(source_ip)"
    if column in _NUMBERS or column in _JSON or column in _OURS:
        return f"{column}::text"
    # Nearly every cell begins with a letter; what begins a formula is before A.
    formulas = ", ".join(f"E'\\{ord(begin):o}'" for begin in FORMULAS)
    one_line = f"""replace(replace({column}, E'\\n', '\\n'), E'\\r', '\\r')"""
    return (
        f"case when strpos({column}, E'\\n') > 0 or strpos({column}, E'\\r') > 0"
        f""" or {column} collate "C" < 'A' and left({column}, 1) in ({formulas})"""
        f" then case when left({column}, 1) in ({formulas}) then '''' else '' end || {one_line} else {column} end"
    )


JSON_LINE: Final = _json_line()
CSV_CELLS: Final = ", ".join(_csv_value(column) for column in COLUMNS)
CSV_HEADER: Final = (",".join(COLUMNS) + "\n").encode()


def harmless_json(lines: bytes) -> bytes:
    """What is not printed (the database escapes no more of it than it must) as JSON's escape, which means the same."""
    return _harmless(lines, _escaped_in_json)


def harmless_csv(lines: bytes) -> bytes:
    """What is not printed as a visible ``\\x1b``; in a cell of JSON as JSON's escape."""
    return _harmless(lines, _escaped_in_csv)


def _harmless(lines: bytes, escaped: Callable[[str], str]) -> bytes:
    """:param lines: whole ones. Nearly all of them have nothing to hide: one look at them together finds out."""
    if lines.isascii() and len(lines.translate(None, _CONTROLS)) == len(lines):
        return lines
    return "\n".join([escaped(line) for line in lines.decode().split("\n")]).encode()


def _escaped_in_csv(line: str) -> str:
    if line.isprintable():
        return line
    cells = _CELL.findall(line)
    return ",".join(
        _escaped_in_json(cell) if column in _JSON else visible(cell)
        for column, cell in zip(COLUMNS, cells, strict=True)
    )


_CELL: Final = re.compile(r'(?:^|,)("(?:[^"]|"")*"|[^",]*)')

_CONTROLS: Final = bytes([*range(0x0A), *range(0x0B, 0x20), 0x7F])
"""All of ASCII that is not printed, but for the end of a line."""

_UNPRINTED: Final = re.compile(r"[^ -~]")


def _escaped_in_json(text: str) -> str:
    if text.isprintable():
        return text
    return _UNPRINTED.sub(lambda found: found[0] if found[0].isprintable() else _unit_escapes(found[0]), text)


def _unit_escapes(character: str) -> str:
    """As UTF-16 units (RFC 8259 section 7)."""
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
