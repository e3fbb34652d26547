"""The database behind questions about the audit trail: connections of its own, so that nobody who asks what happened
keeps a key from being used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Final

import psycopg

from domain.audit.filters import Filters
from domain.errors import InvalidParameter, ServiceUnavailable, TooManyRequests
from projections import audit_questions
from projections.audit_coverage import coverage
from projections.audit_export import Form, exported
from projections.audit_questions import Currency, Place
from projections.pages import Connection
from projections.runner import WANTED

Connect = Callable[[], AbstractAsyncContextManager[Connection]]

EXPORTS_MAX: Final = 2
"""At once, in one process: each takes a processor's time from those who use keys."""

WAIT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02


class Trail:
    """:param connect: a connection for a question. :param connect_export: one for an export, which may last."""

    def __init__(self, connect: Connect, connect_export: Connect) -> None:
        self._connect = connect
        self._connect_export = connect_export
        self._exports: set[str] = set()
        """Accounts that have one under way."""

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[tuple[Connection, Currency]]:
        """One instant, and how current the trail was at it.

        :raises InvalidParameter: the question took too long. :raises ServiceUnavailable: the database is away.
        """
        async with self._connect() as connection:
            try:
                async with audit_questions.snapshot(connection):
                    yield connection, await audit_questions.currency(connection)
            except psycopg.errors.QueryCanceled:
                raise _too_long() from None

    async def awaited(self, projection: str = audit_questions.NAME, seconds: float = WAIT_SECONDS) -> Place:
        """The ledger's head as it stands now, when nothing up to it is left for the projection, or nothing more will be
        taken, or after so many seconds."""
        async with self._connect() as connection:
            head = (await audit_questions.currency(connection)).head
            await connection.execute(f"notify {WANTED}".encode())
        end = time.monotonic() + seconds
        while await self._lacks(projection, head) and time.monotonic() < end:  # noqa: ASYNC110  # another process's
            await asyncio.sleep(POLL_SECONDS)
        return head

    async def _lacks(self, projection: str, head: Place) -> bool:
        async with self._connect() as connection:
            (found,) = [one for one in await coverage(connection) if one.name == projection]
        return not found.complete and found.stopped_at is None and found.place.position < head.position

    def admit_export(self, account_id: str) -> None:
        """One of each account, so that whoever reads slowly keeps nobody else from reading.

        :raises TooManyRequests: this process has enough to do with other exports.
        """
        if account_id in self._exports or len(self._exports) >= EXPORTS_MAX:
            raise TooManyRequests("Too many exports are under way. Retry later.", 5.0)

    async def exported(
        self, account_id: str, filters: Filters, until: int, form: Form, *, descending: bool
    ) -> AsyncGenerator[bytes, None]:
        """Chunks of rows up to the position ``until``.

        :raises TooManyRequests: see :meth:`admit_export`. :raises ServiceUnavailable: the database is away.
        """
        self.admit_export(account_id)
        self._exports.add(account_id)
        try:
            rows = exported(self._connect_export, account_id, filters, until, form, descending=descending)
            async with aclosing(rows) as chunks:
                async for chunk in chunks:
                    yield chunk
        except psycopg.Error as error:
            raise ServiceUnavailable("The audit trail cannot be read now. Retry later.") from error
        finally:
            self._exports.remove(account_id)


def _too_long() -> InvalidParameter:
    seconds = audit_questions.SECONDS_MAX
    return InvalidParameter("from", f"The question took more than {seconds} seconds. Ask about a shorter time.")
