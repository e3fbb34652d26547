"""The one place that commits: requests queue, a batch goes in one round trip, futures resolve after COMMIT.

One writer per API process, in a task of its own: a cancelled request cancels its future, never the write. The queue is
bounded; beyond it callers are turned away before the HSM is touched (:meth:`LedgerWriter.admit`).

Where the acknowledgement of a COMMIT is lost, nobody knows whether the batch stands. The writer reconnects and hands the
same batch to ``ledger.append`` again, which first asks, under the head's lock, what stands in each submission's streams:
the same bytes are "recorded" already, and no second event is made. If we die before that, the caller got no answer; the
event, if there is one, tells of a result that nobody received.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg
import structlog

from adapters.ledger.batch import Encoded, encoded, parameters, register
from adapters.ledger.connection import connect
from adapters.metrics import COMMIT_SECONDS, BATCH_SIZE, QUEUE_DEPTH
from domain.errors import InternalFailure, ServiceUnavailable, TooManyRequests
from domain.guard import GuardMoved
from domain.ports import AlreadyRecorded, Submission, TallyFull

_log = structlog.get_logger(__name__)

_APPEND: Final = "select outcome, first_position, about from ledger.append(" + ", ".join(["%s"] * 14) + ", %s::jsonb)"

Row = tuple[str, int | None, UUID | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    """:param queue_max: submissions waiting; beyond it callers get ``Rejected.Throttling``.
    :param batch_max: submissions per commit.
    :param commit_seconds: how long one round trip may take before its connection is given up.
    :param settle_seconds: how long to find out what became of a batch whose acknowledgement was lost.
    """

    queue_max: int = 2_000
    batch_max: int = 256
    commit_seconds: float = 10.0
    settle_seconds: float = 5.0


class LedgerWriter:
    """The port :class:`domain.ports.Ledger`. Start it in the event loop that serves requests."""

    def __init__(self, database_url: str, limits: WriterLimits | None = None) -> None:
        self._url = database_url
        self._limits = limits or WriterLimits()
        self._queue: deque[tuple[Encoded, asyncio.Future[int]]] = deque()
        self._wake = asyncio.Event()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._down = False

    async def start(self) -> None:
        """Begin to write. A database that is away now is waited for in the background; callers get 503 meanwhile."""
        self._task = asyncio.create_task(self._run(), name="ledger-writer")

    async def close(self) -> None:
        """Write what waits, then stop."""
        if self._task is not None:
            while self._queue and not self._down and not self._task.done():
                await asyncio.sleep(0.01)
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._fail_all(ServiceUnavailable("The service is stopping: nothing was released. Retry elsewhere."))
        await self._drop_connection()

    @property
    def is_up(self) -> bool:
        return not self._down and self._task is not None and not self._task.done()

    def admit(self) -> None:
        if self._down:
            raise ServiceUnavailable("The ledger cannot be written now: nothing was released. Retry later.")
        if len(self._queue) >= self._limits.queue_max:
            raise TooManyRequests("The ledger's queue is full: nothing was done. Retry later.")

    async def append(self, submission: Submission) -> int:
        self.admit()
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append((encoded(submission), future))
        self._wake.set()
        return await future

    # --- the writer's own task -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            if self._down:
                await self._recover()
            await self._wake.wait()
            self._wake.clear()
            while self._queue and not self._down:
                QUEUE_DEPTH.observe(len(self._queue))
                await self._write(self._take())

    def _take(self) -> list[tuple[Encoded, asyncio.Future[int]]]:
        size = min(len(self._queue), self._limits.batch_max)
        return [self._queue.popleft() for _ in range(size)]

    async def _write(self, batch: list[tuple[Encoded, asyncio.Future[int]]]) -> None:
        """Record a batch and resolve its futures; whatever happens, each future gets an answer."""
        try:
            rows = await self._settled([one for one, _ in batch])
        except psycopg.Error as error:
            await self._after_error(batch, error)
        except asyncio.CancelledError:
            self._fail(batch, ServiceUnavailable("The service is stopping: nothing was released. Retry elsewhere."))
            raise
        except Exception:
            _log.exception("ledger.append_failed", submissions=len(batch))
            self._fail(batch, InternalFailure())
        else:
            for (_, future), row in zip(batch, rows, strict=True):
                _resolve(future, row)

    async def _after_error(self, batch: list[tuple[Encoded, asyncio.Future[int]]], error: psycopg.Error) -> None:
        """The database said no (so nothing of the batch stands), or it stayed away."""
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            _log.error("ledger.unavailable", error=str(error), submissions=len(batch))
            self._down = self._connection is None
            unavailable = ServiceUnavailable("The ledger could not record this: nothing was released. Retry later.")
            self._fail(batch, unavailable)
            if self._down:
                self._fail_all(unavailable)
                self._wake.set()
        elif len(batch) > 1:
            # One submission that the database rejects must not take the others with it.
            for one in batch:
                await self._write([one])
        else:
            _log.error("ledger.rejected", error=str(error), sqlstate=error.sqlstate)
            self._fail(batch, InternalFailure())

    async def _settled(self, batch: Sequence[Encoded]) -> list[Row]:
        """Append, and again on a new connection as long as the acknowledgement is lost and time is left."""
        deadline = time.monotonic() + self._limits.settle_seconds
        arguments = parameters(batch)
        pause = 0.05
        while True:
            try:
                return await self._append(arguments, len(batch))
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
                answered = self._connection is not None and not self._connection.broken
                if answered and not isinstance(error, TimeoutError):
                    raise  # an error came back on a living connection: the transaction was rolled back
                await self._drop_connection()
                _log.warning("ledger.acknowledgement_lost", error=str(error), submissions=len(batch))
                if time.monotonic() + pause >= deadline:
                    raise psycopg.OperationalError(f"unsettled after {self._limits.settle_seconds} s") from error
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.5)

    async def _append(self, arguments: tuple[object, ...], size: int) -> list[Row]:
        started = time.perf_counter()
        async with asyncio.timeout(self._limits.commit_seconds):
            if self._connection is None:
                self._connection = await connect(self._url, "key-ledger writer")
                register(self._connection)
            cursor = await self._connection.execute(_APPEND, arguments, prepare=True, binary=True)
            rows: list[Row] = await cursor.fetchall()
        COMMIT_SECONDS.observe(time.perf_counter() - started)
        BATCH_SIZE.observe(size)
        return rows

    async def _recover(self) -> None:
        """Wait until the database takes connections again; callers are turned away by ``admit`` meanwhile."""
        pause = 0.1
        while True:
            try:
                self._connection = await connect(self._url, "key-ledger writer")
                register(self._connection)
                await self._connection.execute("select from ledger.ledger_head")
            except psycopg.Error as error:
                _log.warning("ledger.still_unavailable", error=str(error))
                await self._drop_connection()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
            else:
                self._down = False
                _log.info("ledger.available_again")
                return

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()

    def _fail(self, batch: Sequence[tuple[Encoded, asyncio.Future[int]]], error: Exception) -> None:
        for _, future in batch:
            if not future.done():
                future.set_exception(error)

    def _fail_all(self, error: Exception) -> None:
        waiting = list(self._queue)
        self._queue.clear()
        self._fail(waiting, error)


def _resolve(future: asyncio.Future[int], row: Row) -> None:
    if future.done():
        return  # the request was cancelled; its event stands all the same
    outcome, position, about = row
    if outcome == "recorded":
        assert position is not None
        future.set_result(position)
    elif outcome == "moved":
        future.set_exception(GuardMoved(frozenset((about,)) if about else frozenset()))
    elif outcome == "full":
        assert about is not None
        future.set_exception(TallyFull(about))
    else:
        future.set_exception(AlreadyRecorded())
