"""Counts failed authentications against known access keys, exactly and durably, without an event for each.

A failure is answered only after its count is committed, so nothing that was answered is lost with a killed process.
All that wait are counted by one statement, a few milliseconds apart, on a connection of their own: those who fail are
slow together, and nobody else is. Where the database is away they are told 503 instead of why they failed.

Not here: which requests fail (:mod:`api.dispatch`), when a minute is over and who tells it
(:mod:`adapters.authentication_minutes`), and strangers without a known access key: they are metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, Final, NamedTuple

import psycopg
import structlog

from adapters.ledger.connection import connect, hang_up
from domain.authentication_failures import SOURCES_MAX
from domain.errors import ServiceUnavailable

_log = structlog.get_logger(__name__)

WAITING_MAX: Final = 2_048
"""Failures that wait to be counted in one process; further ones are told 503."""
GATHER_SECONDS: Final = 0.005
COMMIT_SECONDS: Final = 5.0

_COUNT: Final = (
    "select ledger.count_authentication_failures(%s, %s, %s, %s::text[], %s::text[], %s::text[], %s::text[], %s)"
)
_NOT_COUNTED: Final = "The service cannot tell who you are now: nothing was done. Retry later."


class _Failure(NamedTuple):
    access_key_id: str
    account_id: str
    source: str
    code: str


_Waiting = tuple[_Failure, asyncio.Future[None]]


class AuthenticationFailures:
    """Start it in the event loop that serves requests."""

    def __init__(
        self, database_url: str, *, waiting_max: int = WAITING_MAX, commit_seconds: float = COMMIT_SECONDS
    ) -> None:
        self._url = database_url
        self._waiting_max = waiting_max
        self._commit_seconds = commit_seconds
        self._process = uuid.uuid4()
        self._flush = 0
        self._waiting: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def start(self) -> None:
        """The database is first asked when somebody fails."""
        self._task = asyncio.create_task(self._run(), name="authentication-failures")
        # Nobody may wait for a task that is gone.
        self._task.add_done_callback(lambda _: self._end())

    async def close(self) -> None:
        """Count what waits, then stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=2 * self._commit_seconds)
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self._drop_connection()

    async def count(self, access_key_id: str, source_ip: str, code: str, account_id: str = "") -> None:
        """Return when the failure is counted durably, or nobody has such an access key.

        :param account_id: the owner, where the caller of this knows it; else the access key's secret tells.
        :raises ServiceUnavailable: it could not be counted.
        """
        if "\0" in access_key_id:
            return  # PostgreSQL has no such text, so nobody has such an access key
        if self._closing or len(self._waiting) >= self._waiting_max:
            raise ServiceUnavailable(_NOT_COUNTED)
        counted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((_Failure(access_key_id, account_id, source_of(source_ip), code), counted))
        self._wake.set()
        await counted

    # --- in its own task ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not (self._closing and not self._waiting):
            if self._waiting:
                await asyncio.sleep(GATHER_SECONDS)
                batch, self._waiting = self._waiting, []
                await self._count_all(batch)
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _count_all(self, batch: Sequence[_Waiting]) -> None:
        """Whatever happens, each future gets an answer."""
        try:
            await self._flushed(Counter(failure for failure, _ in batch))
        except asyncio.CancelledError:
            _refuse(batch)
            raise
        except Exception as error:  # noqa: BLE001  whoever waits gets an answer, and counting goes on
            _log.error("authentication_failures.not_counted", error=str(error), failures=len(batch))
            _refuse(batch)
        else:
            for _, counted in batch:
                if not counted.done():
                    counted.set_result(None)

    async def _flushed(self, counts: Counter[_Failure]) -> None:
        """Commit ``counts``, and again under the same number where the acknowledgement is lost: counted once.

        If it is given up, the server may count it later or never; those who waited were told 503.

        :raises psycopg.Error: it is not known to be counted.
        """
        self._flush += 1
        columns = [list(column) for column in zip(*counts, strict=True)]
        access_key_ids, account_ids, sources, codes = columns
        arguments = (
            self._process,
            self._flush,
            SOURCES_MAX,
            access_key_ids,
            account_ids,
            sources,
            codes,
            list(counts.values()),
        )
        try:
            await self._execute(arguments)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            # Perhaps only this connection is dead, since the server was restarted.
            await self._execute(arguments)

    async def _execute(self, arguments: tuple[object, ...]) -> None:
        try:
            async with asyncio.timeout(self._commit_seconds):
                connection = self._connection = self._connection or await self._connect()
            watchdog = asyncio.get_running_loop().call_later(self._commit_seconds, hang_up, connection)
            try:
                await connection.execute(_COUNT, arguments, prepare=True)
            finally:
                watchdog.cancel()
        except BaseException:
            await self._drop_connection()
            raise

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        connection = await connect(self._url, "key-ledger authentication failures")
        # The server gives up when we do, rather than wait for a lock on behalf of nobody.
        await connection.execute(f"set statement_timeout = {max(1, int(self._commit_seconds * 900))}".encode())
        return connection

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()

    def _end(self) -> None:
        self._closing = True
        waiting, self._waiting = self._waiting, []
        _refuse(waiting)


def source_of(address: str) -> str:
    """Whom to count together: an IPv4 address, or an IPv6 /64, of which one subscriber has every address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))
    return str(parsed)


def _refuse(batch: Sequence[_Waiting]) -> None:
    for _, counted in batch:
        if not counted.done():
            counted.set_exception(ServiceUnavailable(_NOT_COUNTED))
