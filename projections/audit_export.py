"""The rows of the audit trail without end, in constant memory: as NDJSON or as CSV, in the order of positions.

The database writes them (``COPY … TO STDOUT``, :mod:`projections.audit_rows`); here they are made harmless and joined
to chunks. It goes on as fast as chunks are taken. Whoever stops taking them, ends the statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Final, NamedTuple

from domain.audit.filters import Filters
from projections.audit_questions import IN_MONTH, months, rows_of, snapshot
from projections.audit_rows import CSV_CELLS, CSV_HEADER, JSON_LINE, harmless_csv, harmless_json
from projections.audit_where import Where, asked
from projections.pages import Connection

CHUNK_BYTES: Final = 65_536
SECONDS_MAX: Final = 6 * 3_600
"""For a month's rows, at the pace of whoever takes them."""


Buffer = bytes | bytearray | memoryview


class Form(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


class _Written(NamedTuple):
    """:param columns: of SQL. :param options: of COPY."""

    columns: str
    options: str
    harmless: Callable[[bytes], bytes]
    header: bytes


_WRITTEN: Final = {
    # In CSV without its quotation marks, since JSON has no such characters: COPY's own text format would double each \.
    Form.NDJSON: _Written(JSON_LINE, "format csv, delimiter E'\\x02', quote E'\\x01'", harmless_json, b""),
    Form.CSV: _Written(CSV_CELLS, "format csv", harmless_csv, CSV_HEADER),
}


async def exported(
    connect: Callable[[], AbstractAsyncContextManager[Connection]],
    account_id: str | None,
    filters: Filters,
    until: int,
    form: Form,
    *,
    descending: bool = False,
) -> AsyncGenerator[bytes, None]:
    """Chunks of whole lines. The first comes at once, so that what goes wrong in the beginning is known early.

    :param account_id: whose rows; None for everybody's. :param until: no row beyond this position.
    """
    written = _WRITTEN[form]
    async with connect() as connection, snapshot(connection, SECONDS_MAX):
        where = await asked(connection, account_id, filters, in_order=True)
        found = await months(connection, filters, descending=descending)
        yield written.header
        statement = _statement(where, written, descending=descending)
        for month in found:
            values = {**where.values, "month": month, "until_position": until}
            async with connection.cursor() as cursor, cursor.copy(statement.encode(), values) as copying:
                async for chunk in _chunks(copying, written.harmless):
                    yield chunk


def _statement(where: Where, written: _Written, *, descending: bool) -> str:
    """Put in order before columns are written, so that the database walks through the rows in their order: a sort of a
    million written ones would go to its disk, and nothing be sent before it was done."""
    direction = "desc" if descending else "asc"
    rows = rows_of(where, f"{IN_MONTH} order by position {direction}")
    # Of the row, not of what is written: that may be text of the same name.
    ordered = f"select {written.columns} from ({rows}) e order by e.position {direction}"  # noqa: S608  # our own columns
    return f"copy ({ordered}) to stdout with ({written.options})"


async def _chunks(lines: AsyncIterable[Buffer], harmless: Callable[[bytes], bytes]) -> AsyncIterator[bytes]:
    chunk: list[Buffer] = []
    size = 0
    async for line in lines:
        chunk.append(line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield harmless(b"".join(chunk))
            chunk, size = [], 0
            # Lines that are there already are read without waiting: let others have their turn.
            await asyncio.sleep(0)
    if chunk:
        yield harmless(b"".join(chunk))
