"""A range of the ledger, read page by page and verified on the way: what a replay and a report say they have read.

Verified: no position is missing, no time goes back, every event can be decoded, no version of a stream is missing, and,
from position 1 on, that every event is one that accounts and keys can take where it stands. Not here: whether each
decision was the right one (``scripts/verify_ledger authority``).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from adapters.ledger.digest import LedgerDigest
from adapters.ledger.pages import LedgerBroken, pages
from domain.account import account_stream, region_stream
from domain.history.continuity import Continuity
from domain.history.world import World
from domain.standing import Standing
from scripts.envelope.failure import WrongUse


@dataclass(frozen=True, slots=True, kw_only=True)
class WasRead:
    """:param first: position; 1 where the ledger is empty. :param last: 0 where it is. :param sha256: of
    :mod:`adapters.ledger.digest`, over the events from ``first`` to ``last``.
    """

    first: int
    last: int
    events: int
    first_at: datetime | None
    last_at: datetime | None
    sha256: str


class Reading:
    """Positions ``first`` to ``last`` of a ledger, once."""

    def __init__(self, connection: psycopg.AsyncConnection[Any], first: int, last: int) -> None:
        self.first = first
        self.last = last
        self._connection = connection
        self._digest = LedgerDigest()
        self._continuity = Continuity(from_beginning=first == 1)
        self._events = 0
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None

    @property
    def world(self) -> World:
        """Of accounts and keys, as of what was followed last; nothing where the reading does not begin at 1."""
        return self._continuity.world

    async def pages(self) -> AsyncIterator[list[Standing]]:
        """:raises LedgerBroken: what no append of this service makes."""
        # Times are told as they are recorded, in UTC, wherever the server stands.
        await self._connection.execute("set timezone to 'UTC'")
        async for page in pages(self._connection, self.first - 1, self.last, self._digest.add):
            self._first_at = self._first_at or page[0].recorded_at
            self._last_at = page[-1].recorded_at
            self._events += len(page)
            yield page
        if self._events != self.last - self.first + 1:
            raise LedgerBroken(f"The ledger ends at position {self.first - 1 + self._events}, before its own head.")

    def follow(self, standing: Standing) -> None:
        """:raises LedgerBroken: it does not follow what stands before it in its stream."""
        try:
            self._continuity.follow(standing.event)
        except ValueError as error:
            raise LedgerBroken(f"Position {standing.position}: {error}.") from error

    @property
    def was_read(self) -> WasRead:
        return WasRead(
            first=self.first,
            last=self.last,
            events=self._events,
            first_at=self._first_at,
            last_at=self._last_at,
            sha256=self._digest.hexadecimal,
        )


async def check_there(connection: psycopg.AsyncConnection[Any], account_id: str, region_id: str) -> None:
    """An answer about nothing would look like one about what nothing happened to.

    :param account_id: empty for all, as is ``region_id``. :raises WrongUse: the ledger never had it.
    """
    for stream, given, said in (
        (account_stream(account_id), account_id, f"There is no account {account_id} in this ledger."),
        (region_stream(region_id), region_id, f"There is no region {region_id} in this ledger."),
    ):
        if given:
            cursor = await connection.execute("select from ledger.events where originator_id = %s limit 1", (stream,))
            if await cursor.fetchone() is None:
                raise WrongUse(said, "Give one that it has, or none for all.")


async def head_of(connection: psycopg.AsyncConnection[Any]) -> int:
    """The last position; 0 for an empty ledger."""
    cursor = await connection.execute("select next_position - 1 from ledger.ledger_head")
    (head,) = (await cursor.fetchone()) or (0,)
    return int(head)


def position_within(given: int | None, head: int, option: str) -> int:
    """:raises WrongUse: it lies ahead: the same question would be answered otherwise later."""
    if given is not None and given > head:
        raise WrongUse(f"{option} {given} lies beyond the ledger, which ends at position {head}.", "Give one up to it.")
    return head if given is None else given
