"""Pages of the ledger for projections: read, decoded, and kept for a moment for the next projection that needs them.

Several projections follow the same events at nearly the same place. What stands in a ledger never changes, so a page
that one of them has just read serves the others. Not here: how a projection stores it (:mod:`projections.projector`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import psycopg

from domain.events import Event
from domain.standing import Standing

Connection = psycopg.AsyncConnection[Any]
Decode = Callable[[UUID, int, str, bytes], Event]

PAGE: Final = 1_000
KEPT: Final = 4
"""Pages, of the newest: projections that are further apart read for themselves."""

CHANGES: Final = "request is not null and "
_COLUMNS: Final = "position, recorded_at, originator_id, originator_version, topic, state"


class Page(NamedTuple):
    """:param more: whether events may follow; False where this was all there was."""

    events: Sequence[Standing]
    more: bool


class UnreadableEvent(Exception):
    """The event at ``position`` cannot be decoded: another version of the program wrote it, or it is damaged."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the event at position {position} cannot be read")
        self.position = position


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
        """The events that follow ``position``; none beyond ``until``.

        :raises UnreadableEvent: one of them.
        """
        wanted = (changes_only, position)
        page = self._kept.get(wanted)
        if page is None or (until is not None and page.events[-1].position > until):
            page = await self._read(connection, position, changes_only, until)
            self._keep(wanted, page)
        return page

    def _keep(self, wanted: tuple[bool, int], page: Page) -> None:
        """A page that ends where the ledger ended is not whole: the next one who asks may find more."""
        if page.more:
            self._kept[wanted] = page
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    async def _read(self, connection: Connection, position: int, changes_only: bool, until: int | None) -> Page:
        limit = self._size if changes_only else self._size - position % self._size
        condition = f"{CHANGES if changes_only else ''}position > %s{'' if until is None else ' and position <= %s'}"
        statement = f"select {_COLUMNS} from ledger.events where {condition} order by position limit %s"  # noqa: S608  # our own condition
        values = [position, *([] if until is None else [until]), limit]
        cursor = await connection.execute(statement.encode(), values, prepare=True, binary=True)
        rows = await cursor.fetchall()
        return Page([self._standing(row) for row in rows], len(rows) == limit)

    def _standing(self, row: tuple[int, Any, UUID, int, str, bytes]) -> Standing:
        position, recorded_at, stream, version, topic, state = row
        try:
            return Standing(position, recorded_at, self._decode(stream, version, topic, state))
        except Exception as error:
            raise UnreadableEvent(position) from error
