"""The replay into the rebuilt tables: the same folds and the same ``advance`` as for the live ones, in large pages.

Projections of the same events go side by side, page by page, so that a page is read and decoded once for all of them;
the next one is read while the database stores this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Final, Self

from projections.pages import Connection, Decode, Pages
from projections.projector import Projection, advance
from projections.rebuilding.place import REBUILT

PAGE: Final = 5_000

Connect = Callable[[], Awaitable[Connection]]
Told = Callable[[str, int], None]
"""Name of a projection, and the position that it has reached."""


class Loading:
    """As an asynchronous context manager: a connection for each projection, and one for reading ahead."""

    def __init__(self, projections: Sequence[Projection], connect: Connect, decode: Decode, told: Told) -> None:
        self._projections = projections
        self._connect = connect
        self._pages = Pages(decode, PAGE)
        self._told = told
        self._connections: dict[str, Connection] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        for name in (*(projection.name for projection in self._projections), _AHEAD):
            self._connections[name] = await self._stack.enter_async_context(await self._connect())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def until(self, targets: Mapping[str, int]) -> None:
        """Take every event up to and with each projection's target.

        :raises projections.projector.PoisonEvent: an event that one of them cannot take.
        """
        for changes_only in (True, False):
            group = [one for one in self._projections if one.changes_only is changes_only]
            await self._together([one for one in group if targets[one.name] > 0], targets)

    async def _together(self, group: list[Projection], targets: Mapping[str, int]) -> None:
        positions = await self.positions()
        while group:
            first = min(group, key=lambda one: positions.get(one.name, 0))
            page = await self._page(first, positions.get(first.name, 0), targets[first.name])
            steps = [self._step(one, targets) for one in group]
            ahead = [self._page(first, page[-1], targets[first.name])] if page else []
            done = await asyncio.gather(*steps, *ahead, return_exceptions=True)
            for failed in (one for one in done if isinstance(one, BaseException)):
                raise failed
            group = [one for one, more in zip(group, done, strict=False) if more]
            positions = await self.positions()
            for one in self._projections:
                self._told(one.name, positions.get(one.name, 0))

    async def _page(self, projection: Projection, position: int, until: int) -> list[int]:
        """Have it at hand; its positions."""
        page = await self._pages.after(
            self._connections[_AHEAD], position, changes_only=projection.changes_only, until=until
        )
        return [entry.position for entry in page.entries]

    async def _step(self, projection: Projection, targets: Mapping[str, int]) -> bool:
        """Whether more may follow."""
        connection, until = self._connections[projection.name], targets[projection.name]
        return await advance(connection, projection, self._pages, schema=REBUILT, until=until)

    async def positions(self) -> dict[str, int]:
        """Of the rebuilt tables."""
        cursor = await self._connections[_AHEAD].execute(
            f"select application_name, notification_id from {REBUILT}.tracking".encode()  # noqa: S608  # our own name
        )
        return dict(await cursor.fetchall())


_AHEAD: Final = ""
"""The connection that belongs to no projection."""
