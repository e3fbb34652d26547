"""Rows into a table by COPY, in PostgreSQL's text format: many times cheaper than a parameter for each value.

Format: PostgreSQL, "COPY", section "Text Format". Values arrive as text, numbers, times, UUIDs, booleans or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

import orjson

from projections.pages import Connection

NULL: Final = "\x01"
"""Stands for NULL. A text that has this character, like one with a separator in it, is escaped."""

_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", NULL: "\\x01", "\0": "\ufffd"})
"""PostgreSQL has no text with NUL in it; a caller may send one, and it must not stop a projection."""

_NUL: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""In JSON: not where the backslash is itself an escaped one."""


async def copy_lines(connection: Connection, table: str, columns: Sequence[str], lines: Iterable[str]) -> None:
    """:param table: without its schema, like ``columns`` a name of ours. :param lines: see :func:`line`."""
    statement = f"copy {table} ({', '.join(columns)}) from stdin with (null '{NULL}')"
    async with connection.cursor() as cursor, cursor.copy(statement.encode()) as copying:
        await copying.write("".join(lines).encode())


_TEXTS: Final[Mapping[type, Callable[[Any], str]]] = {UUID: attrgetter("hex")}
"""What PostgreSQL reads as well, and is written in a quarter of the time."""


def line(row: Sequence[object]) -> str:
    """One row as COPY takes it: a cell for each value, with a tab between any two, and a newline."""
    cells = [
        NULL if value is None else value if type(value) is str else _TEXTS.get(type(value), str)(value) for value in row
    ]
    text = "\t".join(cells)
    # Hardly any row has a character that must be escaped: one look for each at all of it finds out.
    if (
        text.count("\t") != len(cells) - 1
        or text.count(NULL) != row.count(None)
        or "\n" in text
        or "\\" in text
        or "\r" in text
        or "\0" in text
    ):
        text = "\t".join(map(cell, row))
    return text + "\n"


def cell(value: object) -> str:
    """One value of a line."""
    return NULL if value is None else _TEXTS.get(type(value), str)(value).translate(_ESCAPES)


def storable(text: str) -> str:
    """Without NUL, for a value that does not go through COPY."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def json_text(value: Mapping[str, Any]) -> str:
    """For a column of type ``jsonb``, which knows no NUL either."""
    text = orjson.dumps(value, default=_plain).decode()
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


def _plain(value: object) -> object:
    """What JSON has no type for: read-only mappings."""
    return dict(value) if isinstance(value, Mapping) else str(value)
