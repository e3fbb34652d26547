"""Authorities of accounts, remembered: the port :class:`domain.ports.Authorities`.

An account's stream is read once, by pages, and then only what is new in it; where there is room, that is done when it
changes and not when somebody asks, so that no caller waits for what ten thousand others have changed. Whoever derived
something from an authority (a caller's permissions) keeps its :class:`Holding` and sees by one number whether that
still holds: a change in one account costs nobody of another anything. A stale memory costs a retry, never a wrong
answer: the ledger guards.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from domain.account import account_stream
from domain.errors import ServiceUnavailable
from domain.events import Event
from domain.ram import authority as authorities
from domain.ram.authority import Authority

PAGE: Final = 400
"""Events read, decoded and applied at once: they keep the event loop for less than 10 ms."""

ENTITIES_MAX: Final = 100_000
"""Users, groups, policies and roles in a process's memory, of all accounts together: about a kilobyte each."""

STALE: Final = -1


class StreamReader(Protocol):
    """What of :class:`adapters.ledger.reader.LedgerReader` is needed."""

    async def stream_after(self, stream: UUID, version: int, limit: int) -> list[Event]: ...


class Holding:
    """One account in this process's memory.

    :ivar version: of the authority; :data:`STALE` while events may stand in the ledger that it does not have, and for
        ever once this holding was dropped.
    :ivar touched: set by whoever uses it again; what nobody touched goes first, so an account that is asked for once
        cannot push out one that is used all the time.
    :ivar told: how often it was said to have changed: what was read before the last time may lack something.
    """

    __slots__ = ("authority", "entities", "told", "touched", "version")

    def __init__(self) -> None:
        self.authority: Authority | None = None
        self.entities = 0
        self.told = 0
        self.touched = False
        self.version = STALE

    def stale(self) -> None:
        self.version = STALE
        self.told += 1

    def apply(self, event: Event) -> None:
        """The next event; one that was applied before, by another task, changes nothing.

        :raises ValueError: it is not the next one: the ledger is corrupt.
        """
        if self.authority is None:
            self.authority = authorities.replay((event,))
        elif event.originator_version > self.authority.version:
            self.authority.apply(event)


class Seen(NamedTuple):
    """An authority as it was found, and the holding that tells whether it still is so."""

    authority: Authority
    holding: Holding


class AuthorityCache:
    """For one event loop.

    :param entities_max: accounts that nobody asks for go where there are more; a single account always fits.
    """

    def __init__(self, reader: StreamReader, entities_max: int = ENTITIES_MAX) -> None:
        self._reader = reader
        self._entities_max = entities_max
        self._entities = 0
        self._held: OrderedDict[UUID, Holding] = OrderedDict()
        self._reads: dict[UUID, asyncio.Task[Seen | None]] = {}

    async def of(self, account_id: str) -> Authority | None:
        seen = await self.see(account_id)
        return None if seen is None else seen.authority

    async def see(self, account_id: str) -> Seen | None:
        """The account as it stands after this was called, or, while nobody says that it changed, as it is remembered;
        None where there is none.

        :raises domain.errors.ServiceUnavailable: the ledger cannot be read.
        """
        stream = account_stream(account_id)
        seen = self._current(stream)
        if seen is None and stream in self._reads:
            # It may have begun before the change that the caller was told of: then it proves nothing.
            await asyncio.shield(self._reads[stream])
            seen = self._current(stream)
        # Shielded: one impatient caller must not cancel the read that others wait for.
        return seen or await asyncio.shield(self._reading(stream))

    def recorded(self, event: Event) -> None:
        """This process just committed ``event``: whoever looks next sees it, without reading."""
        holding = self._held.get(event.originator_id)
        if holding is None or holding.authority is None:
            return
        if event.originator_version > holding.authority.version + 1:
            holding.stale()
            return
        holding.apply(event)
        if holding.version != STALE:
            holding.version = holding.authority.version
        self._weigh(holding)

    def forget(self, streams: frozenset[UUID]) -> None:
        """These may have changed. What is remembered of them stays: only what is new will be read."""
        for stream in streams:
            holding = self._held.get(stream)
            if holding is not None:
                holding.stale()

    def changed(self, versions: Mapping[UUID, int]) -> None:
        """These accounts have as many events by now: what is new is read at once, before somebody asks. So an account
        that grows while this process serves others is not read from its beginning for the first who asks for it.
        """
        for stream, version in versions.items():
            holding = self._held.get(stream)
            if holding is None:
                # More entities than events it cannot have.
                if self._entities + version <= self._entities_max:
                    self._reading(stream)
            elif holding.authority is None or holding.authority.version < version:
                holding.stale()
                self._reading(stream)

    @property
    def is_full(self) -> bool:
        """Another account would push one out."""
        return self._entities >= self._entities_max

    def _current(self, stream: UUID) -> Seen | None:
        holding = self._held.get(stream)
        if holding is None or holding.version == STALE or holding.authority is None:
            return None
        holding.touched = True
        return Seen(holding.authority, holding)

    def _reading(self, stream: UUID) -> asyncio.Task[Seen | None]:
        reading = self._reads.get(stream)
        if reading is None:
            reading = asyncio.create_task(self._read(stream), name="authority-read")
            self._reads[stream] = reading
            reading.add_done_callback(_told)
        return reading

    async def _read(self, stream: UUID) -> Seen | None:
        holding = self._held.setdefault(stream, Holding())
        told = holding.told
        try:
            await self._catch_up(stream, holding)
        except ServiceUnavailable:
            raise  # what was read so far is true, and stale: the next read goes on from there
        except BaseException:
            self._drop(stream)
            raise
        finally:
            del self._reads[stream]
            if holding.authority is None:
                # Anybody can ask for accounts that do not exist: they must not push real ones out.
                self._drop(stream)
        if holding.authority is None:
            return None
        if holding.told == told:
            holding.version = holding.authority.version
        self._weigh(holding)
        return Seen(holding.authority, holding)

    async def _catch_up(self, stream: UUID, holding: Holding) -> None:
        while True:
            version = holding.authority.version if holding.authority is not None else 0
            events = await self._reader.stream_after(stream, version, PAGE)
            for event in events:
                holding.apply(event)
            if len(events) < PAGE:
                return

    def _weigh(self, holding: Holding) -> None:
        """Count its entities, and make room where there are too many."""
        entities = _entities(holding.authority) if holding.authority is not None else 0
        self._entities += entities - holding.entities
        holding.entities = entities
        # Each is looked at twice at most: the first time takes its mark.
        for _ in range(2 * len(self._held)):
            if self._entities <= self._entities_max:
                return
            self._drop_or_spare(holding)

    def _drop_or_spare(self, newest: Holding) -> None:
        stream, holding = next(iter(self._held.items()))
        if holding is newest or holding.touched or stream in self._reads:
            holding.touched = False
            self._held.move_to_end(stream)
        else:
            self._drop(stream)

    def _drop(self, stream: UUID) -> None:
        holding = self._held.pop(stream, None)
        if holding is not None:
            holding.stale()
            self._entities -= holding.entities
            # What was derived from it keeps the holding for a while, but need not keep the whole account.
            holding.authority, holding.entities = None, 0


def _entities(authority: Authority) -> int:
    return 1 + len(authority.users) + len(authority.groups) + len(authority.policies) + len(authority.roles)


def _told(reading: asyncio.Task[Seen | None]) -> None:
    """Its error was told to those who waited; where nobody does any more, it is nobody's business."""
    if not reading.cancelled():
        reading.exception()
