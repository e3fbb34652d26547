"""Keeps one projection up to date until it is told to stop. Each runs by itself, on a connection of its own: one that
lags or was stopped by an event holds up no other.

A poll each second finds what there is. A projection of changes is woken by NOTIFY, and polls now and then. (One of all
events is not: every commit would wake it for a handful. It is woken by whoever waits for what was recorded just now.)
An event that a projection cannot take stops that projection alone, and loudly: the place is kept in
``projections.stopped`` for ``/readyz``, and the observer is told again at each attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import psycopg

from projections import projector
from projections.pages import Pages
from projections.projector import Connection, PoisonEvent, Projection

WANTED: Final = "projections_wanted"
"""The channel of NOTIFY on which a reader asks projections of all events to look now."""

POLL_SECONDS: Final = 1.0
"""Between two looks of a projection of all events."""
UNHEARD_SECONDS: Final = 5.0
"""Between two looks of one that is told of changes: a notification is lost with its connection only."""
STOPPED_SECONDS: Final = 30.0
"""Between two attempts at an event that was not taken: only another version of the program will take it."""


class Observer(Protocol):
    """Who logs and measures."""

    def advanced(self, projection: str, position: int, behind: int) -> None:
        """Taken up to ``position``; ``behind`` is how far the ledger's head was from it, 0 if nothing was left."""
        ...

    def stopped(self, poison: PoisonEvent, behind: int) -> None:
        """It stays where it is, so far behind the ledger's head."""
        ...

    def waits(self, projection: str, reason: str) -> None:
        """The database is away; the projection waits for it."""
        ...


class Runner:
    """Of one projection.

    :param connect: makes an autocommit connection of the service's role.
    :param pages: shared by all runners of a process.
    """

    def __init__(
        self,
        projection: Projection,
        connect: Callable[[], Awaitable[Connection]],
        pages: Pages,
        observer: Observer,
    ) -> None:
        self._projection = projection
        self._connect = connect
        self._pages = pages
        self._observer = observer
        self._cleared = False
        """Whether ``projections.stopped`` is known to hold nothing of ours."""

    async def run(self, stop: asyncio.Event) -> None:
        """Follow until ``stop``; connect anew where the database was away."""
        while not stop.is_set():
            try:
                async with await self._connect() as connection:
                    self._pages.forget()
                    await self._follow(connection, stop)
            except psycopg.Error as error:
                self._observer.waits(self._projection.name, str(error))
                await _sleep(stop, POLL_SECONDS)

    async def _follow(self, connection: Connection, stop: asyncio.Event) -> None:
        await connection.execute("listen ledger_changes" if self._projection.changes_only else f"listen {WANTED}")
        while not stop.is_set():
            try:
                pause = await self._step(connection)
            except PoisonEvent as poison:
                await _keep_stopped(connection, poison)
                self._cleared = False
                await projector.take_before(connection, self._projection, self._pages, poison)
                position, head = await projector.places(connection, self._projection.name)
                self._observer.stopped(poison, head - position)
                await _sleep(stop, STOPPED_SECONDS)
            else:
                await _notified(connection, stop, pause)

    async def _step(self, connection: Connection) -> float:
        """One page; returns how many seconds the next one may wait."""
        name = self._projection.name
        is_behind = await projector.advance(connection, self._projection, self._pages)
        if not self._cleared:
            await connection.execute("delete from projections.stopped where application_name = %s", (name,))
            self._cleared = True
        position, head = await projector.places(connection, name)
        self._observer.advanced(name, position, head - position if is_behind else 0)
        if is_behind:
            return 0.0
        return UNHEARD_SECONDS if self._projection.changes_only else POLL_SECONDS


async def stopped(connection: Connection) -> list[PoisonEvent]:
    """The projections that an event has stopped; what they tell is as old as that event."""
    cursor = await connection.execute("select application_name, position from projections.stopped order by 1")
    return [PoisonEvent(name, position) for name, position in await cursor.fetchall()]


async def _keep_stopped(connection: Connection, poison: PoisonEvent) -> None:
    await connection.execute(
        "insert into projections.stopped as stored (application_name, position) values (%s, %s)"
        " on conflict (application_name) do update set position = excluded.position, since = excluded.since"
        " where stored.position <> excluded.position",
        (poison.projection, poison.position),
    )


async def _notified(connection: Connection, stop: asyncio.Event, seconds: float) -> None:
    """Until a notification, ``stop``, or the time is over; after ``stop`` the connection is not used any more."""
    if not seconds:
        return
    waiting = [asyncio.create_task(_next(connection, seconds)), asyncio.create_task(stop.wait())]
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        await task  # what went wrong with the connection is told to whoever follows


async def _next(connection: Connection, seconds: float) -> None:
    async for _ in connection.notifies(timeout=seconds, stop_after=1):
        pass


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
