"""Pages of the ledger for projections: read once, decoded where needed, and kept for a moment for the next projection.

Several projections follow the same events at nearly the same place. What stands in a ledger never changes, so a page
that one of them has just read serves the others. Not here: how a projection stores it (:mod:`projections.projector`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import psycopg

from domain.events import Event

Connection = psycopg.AsyncConnection[Any]
Decode = Callable[[UUID, int, str, bytes], Event]

PAGE: Final = 1_000
KEPT: Final = 2
"""Pages, of the newest: projections that are further apart read for themselves."""

CHANGES: Final = "request is not null and "
_COLUMNS: Final = "position, recorded_at, originator_id, originator_version, topic, state"


class Entry:
    """An event where it stands, decoded when somebody asks and once for all who do.

    Uses are nearly all of a ledger, and what a projection needs of one is found in its JSON for a third of what making
    the event costs: see :attr:`fields`.
    """

    __slots__ = ("_counted", "_decode", "_event", "_state", "position", "recorded_at", "stream", "topic", "version")

    def __init__(self, row: tuple[int, datetime, UUID, int, str, bytes], decode: Decode) -> None:
        self.position, self.recorded_at, self.stream, self.version, self.topic, self._state = row
        self._decode = decode
        self._event: Event | None = None
        self._counted: CountedBy | None = None

    @property
    def is_unescaped(self) -> bool:
        """Whether no text in it has a control character, quotation mark or backslash: JSON has an escape for each."""
        return b"\\" not in self._state

    @property
    def event(self) -> Event:
        """:raises Exception: whatever the decoder says of bytes that it cannot read."""
        if self._event is None:
            self._event = self._decode(self.stream, self.version, self.topic, self._state)
        return self._event

    @property
    def fields(self) -> dict[str, Any]:
        """Of a call, the stored JSON: the event's fields by name, with ``timestamp`` and ``call``.

        Read anew for each who asks: kept for the next one, a page of them would push everything else out of the
        processor's cache, and be slower.
        """
        fields: dict[str, Any] = orjson.loads(self._state)
        self._counted = _counted(fields)
        return fields

    @property
    def counted(self) -> CountedBy:
        """Of a call, what it is counted by. Kept, since it is short."""
        return self._counted or _counted(self.fields)


def _counted(fields: Mapping[str, Any]) -> CountedBy:
    call = fields["call"]
    return (
        fields["timestamp"][:10], call["account_id"], call["region_id"], fields.get("key_id"), call["operation"],
        "code" in fields, call["kind"],
    )  # fmt: skip


CountedBy = tuple[str, str, str, str | None, str, bool, str]
"""Day, the caller's account, region, key, operation, whether it was refused, kind of the caller."""


class Page(NamedTuple):
    """:param more: whether events may follow; False where this was all there was."""

    entries: Sequence[Entry]
    more: bool


class Pages:
    """For one event loop.

    Pages of all events end at multiples of ``size``, so that projections that once stood apart meet at the next one.

    :param size: events of a page, at most.
    """

    def __init__(self, decode: Decode, size: int = PAGE) -> None:
        self._decode = decode
        self._size = size
        self._kept: OrderedDict[tuple[bool, int], Page] = OrderedDict()

    async def after(
        self, connection: Connection, position: int, *, changes_only: bool, until: int | None = None
    ) -> Page:
        """The events that follow ``position``; none beyond ``until``."""
        wanted = (changes_only, position)
        page = self._kept.get(wanted)
        if page is None or (until is not None and page.entries[-1].position > until):
            page = await self._read(connection, position, changes_only, until)
            self._keep(wanted, page)
        return page

    def forget(self) -> None:
        """What was read from a server that is gone: its successor, promoted or restored, may hold others."""
        self._kept.clear()

    def _keep(self, wanted: tuple[bool, int], page: Page) -> None:
        """A page that ended where the ledger ended is kept as well: by the time of the next one who asks, there may be
        more behind it.
        """
        if page.entries:
            self._kept[wanted] = Page(page.entries, more=True)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    async def _read(self, connection: Connection, position: int, changes_only: bool, until: int | None) -> Page:
        limit = self._size if changes_only else self._size - position % self._size
        condition = f"{CHANGES if changes_only else ''}position > %s{'' if until is None else ' and position <= %s'}"
        statement = f"select {_COLUMNS} from ledger.events where {condition} order by position limit %s"  # noqa: S608  # our own condition
        values = [position, *([] if until is None else [until]), limit]
        cursor = await connection.execute(statement.encode(), values, prepare=True, binary=True)
        rows = await cursor.fetchall()
        return Page([Entry(row, self._decode) for row in rows], len(rows) == limit)
