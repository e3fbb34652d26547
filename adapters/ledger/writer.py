"""The one place that commits: requests queue, a batch goes in one round trip, futures resolve after COMMIT.

One writer per API process, in a task of its own: a cancelled request cancels its future, never the write. The queue is
bounded; beyond it callers are turned away before the HSM is touched (:meth:`LedgerWriter.admit`).

Where the acknowledgement of a COMMIT is lost, nobody knows whether the batch stands. The writer reconnects and hands
the same batch to ``ledger.append`` again, which first asks, under the head's lock, what stands in each submission's
streams: the same bytes "stand" already, and no second event is made. If we die before that, the caller got no answer;
the event, if there is one, tells of a result that nobody received.
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

from adapters.ledger import uses
from adapters.ledger.arrays import register
from adapters.ledger.batch import APPEND, Encoded, encoded, parameters
from adapters.ledger.connection import connect, hang_up
from adapters.metrics import BATCH_SIZE, COMMIT_SECONDS, QUEUE_DEPTH
from domain.errors import InternalFailure, KeyLedgerError, ServiceUnavailable, TooManyRequests
from domain.guard import GuardMoved
from domain.ports import AlreadyRecorded, Submission, TallyFull

_log = structlog.get_logger(__name__)

_STOPPING: Final = "The service is stopping: nothing was released. Retry elsewhere."
_UNAVAILABLE: Final = "The ledger could not record this: nothing was released. Retry later."

_TURNS: Final = 16
"""From a socket to the queue a request takes four: it is read, decided, its HSM call done, its event appended. The rest
is for clients that have just been answered to ask again; a turn in which nothing happens takes some microseconds."""

Outcome = tuple[str, int | None, UUID | None]
Waiting = tuple[Submission, asyncio.Future[int]]
Ready = tuple[Encoded, asyncio.Future[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    """:param queue_max: submissions waiting; beyond it callers get ``Rejected.Throttling``.
    :param batch_max: submissions per commit.
    :param gather_seconds: how long a batch of more than one may wait for more to join it.
    :param commit_seconds: how long one round trip may take before its connection is given up.
    :param settle_seconds: how long, after that, to find out what became of a batch whose acknowledgement was lost.
        No append takes longer than both together after its batch was taken from the queue.
    """

    queue_max: int = 2_000
    batch_max: int = 256
    gather_seconds: float = 0.004
    commit_seconds: float = 10.0
    settle_seconds: float = 5.0


class _Away(Exception):
    """The database cannot be asked now, or answers as one that takes no writes. The connection is dropped."""


class LedgerWriter:
    """The port :class:`domain.ports.Ledger`. Start it in the event loop that serves requests."""

    def __init__(self, database_url: str, limits: WriterLimits | None = None) -> None:
        self._url = database_url
        self._limits = limits or WriterLimits()
        self._queue: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._down = False
        self._closing = False

    async def start(self) -> None:
        """Begin to write. A database that is away now is waited for in the background; callers get 503 meanwhile."""
        self._task = asyncio.create_task(self._run(), name="ledger-writer")
        # Nobody may wait for a writer that is gone.
        self._task.add_done_callback(lambda _: self._fail_all(ServiceUnavailable, _STOPPING))

    async def close(self) -> None:
        """Write what waits, then stop. What the database does not take in time fails with ServiceUnavailable."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            if not self._down:
                await asyncio.wait((self._task,), timeout=self._limits.commit_seconds + self._limits.settle_seconds)
            self._task.cancel()
            await asyncio.wait((self._task,))
        self._fail_all(ServiceUnavailable, _STOPPING)
        await self._drop_connection()

    @property
    def is_up(self) -> bool:
        return not self._down and not self._closing and self._task is not None and not self._task.done()

    def admit(self) -> None:
        if self._down:
            raise ServiceUnavailable("The ledger cannot be written now: nothing was released. Retry later.")
        if not self.is_up:
            raise ServiceUnavailable(_STOPPING)
        if len(self._queue) >= self._limits.queue_max:
            raise TooManyRequests("The ledger's queue is full: nothing was done. Retry later.")

    async def append(self, submission: Submission) -> int:
        self.admit()
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._queue.append((submission, future))
        self._wake.set()
        return await future

    # --- the writer's own task -----------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not (self._closing and not self._queue):
            if self._down:
                await self._recover()
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
            while self._queue and not self._down:
                await self._gather()
                QUEUE_DEPTH.observe(len(self._queue))
                if batch := self._take():
                    await self._write(batch)

    async def _gather(self) -> None:
        """Where several wait, let the loop take in what has arrived already: half as many commits do the same.

        Requests that lie in sockets reach the queue within a few turns of the loop, so a queue that stopped growing for
        so many is all there is: nobody waits for who may never come. A single caller never waits here, and nobody
        longer than ``gather_seconds``.
        """
        if len(self._queue) < 2:
            return
        until = time.monotonic() + self._limits.gather_seconds
        size, turns = 0, _TURNS
        while turns and len(self._queue) < self._limits.batch_max and not self._closing and time.monotonic() < until:
            turns = _TURNS if len(self._queue) > size else turns - 1
            size = len(self._queue)
            await asyncio.sleep(0)

    def _take(self) -> list[Ready]:
        """The next batch, encoded here rather than one by one: a loop's code stays in the processor's caches."""
        batch: list[Ready] = []
        for _ in range(min(len(self._queue), self._limits.batch_max)):
            submission, future = self._queue.popleft()
            try:
                batch.append((encoded(submission), future))
            except Exception as error:  # noqa: BLE001  what cannot be encoded hurts no other
                if not future.done():
                    future.set_exception(error)
        return batch

    async def _write(self, batch: list[Ready]) -> None:
        """Record a batch and resolve its futures; whatever happens, each future gets an answer."""
        try:
            await self._write_together(batch)
        except _Away as error:
            self._down = True
            _log.error("ledger.unavailable", error=str(error), submissions=len(batch))
            self._fail(batch, ServiceUnavailable, _UNAVAILABLE)
            self._fail_all(ServiceUnavailable, _UNAVAILABLE)
        except asyncio.CancelledError:
            self._fail(batch, ServiceUnavailable, _STOPPING)
            raise
        except Exception:  # noqa: BLE001  whoever waits gets an answer, and the writer goes on
            _log.exception("ledger.append_failed", submissions=len(batch))
            self._fail(batch, InternalFailure, "")

    async def _write_together(self, batch: list[Ready]) -> None:
        """In one transaction; where the database rejects that, each alone: one poisoned submission hurts no other.

        :raises _Away: nothing more can be written now; some of the futures may be without an answer.
        """
        try:
            rows = await self._settled([one for one, _ in batch])
        except psycopg.OperationalError as error:
            # On a living connection: the transaction was rolled back (disk full, a timeout of the server, …).
            _log.error("ledger.not_recorded", error=str(error), submissions=len(batch))
            self._fail(batch, ServiceUnavailable, _UNAVAILABLE)
        except Exception as error:
            if isinstance(error, _Away):
                raise
            if len(batch) > 1:
                for one in batch:
                    await self._write_together([one])
            else:
                await self._reject(batch, error)
        else:
            for (_, future), row in zip(batch, rows, strict=True):
                _resolve(future, row)

    async def _reject(self, batch: list[Ready], error: Exception) -> None:
        _log.error("ledger.rejected", error=str(error), sqlstate=getattr(error, "sqlstate", None))
        self._fail(batch, InternalFailure, "")
        if not isinstance(error, psycopg.DataError | psycopg.IntegrityError):
            # Perhaps it is the connection: a statement prepared before a migration fails for ever on the old one.
            await self._drop_connection()

    async def _settled(self, batch: Sequence[Encoded]) -> list[Outcome]:
        """Append, and again on a new connection as long as the acknowledgement is lost and time is left.

        :raises _Away: it is not known what became of the batch, or no writes are taken there.
        :raises psycopg.Error: nothing of the batch stands.
        """
        deadline: float | None = None
        pause, seconds = 0.05, self._limits.commit_seconds
        while True:
            try:
                return await self._append(batch, seconds)
            except psycopg.errors.ReadOnlySqlTransaction as error:
                # A primary that became a standby: its connection is worth nothing.
                await self._drop_connection()
                raise _Away(str(error)) from error
            except (psycopg.OperationalError, psycopg.InterfaceError, TimeoutError) as error:
                if self._answers(error):
                    raise
                await self._drop_connection()
                _log.warning("ledger.acknowledgement_lost", error=str(error), submissions=len(batch))
                deadline = deadline or time.monotonic() + self._limits.settle_seconds
                seconds = min(self._limits.commit_seconds, deadline - time.monotonic() - pause)
                if seconds <= 0:
                    raise _Away(f"unsettled after {self._limits.settle_seconds} s") from error
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.5)

    def _answers(self, error: Exception) -> bool:
        """Whether ``error`` came back on a connection that lives, so that the transaction is known to be undone.

        A FATAL error ends the connection, perhaps after the commit: a COMMIT that waits for a standby stands already.
        """
        connection = self._connection
        if connection is None or connection.closed or not isinstance(error, psycopg.OperationalError):
            return False
        return error.diag.severity_nonlocalized == "ERROR"

    async def _append(self, batch: Sequence[Encoded], seconds: float) -> list[Outcome]:
        started = time.perf_counter()
        if self._connection is None:
            async with asyncio.timeout(seconds):
                self._connection = await self._connect()
        watchdog = asyncio.get_running_loop().call_later(seconds, hang_up, self._connection)
        try:
            outcomes = await _appended_as_uses(self._connection, batch) or await _appended(self._connection, batch)
        finally:
            watchdog.cancel()
        COMMIT_SECONDS.observe(time.perf_counter() - started)
        BATCH_SIZE.observe(len(batch))
        return outcomes

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        connection = await connect(self._url, "key-ledger writer")
        try:
            # The server gives up when we do. Else every append that we left would wait there for the head's lock.
            # A COMMIT that waits for a standby is not interrupted: PostgreSQL disarms this first (finish_xact_command).
            milliseconds = max(1, int(self._limits.commit_seconds * 900))
            await connection.execute(f"set statement_timeout = {milliseconds}".encode())
        except BaseException:
            connection.pgconn.finish()
            raise
        register(connection)
        return connection

    async def _recover(self) -> None:
        """Wait until the database takes writes again; callers are turned away by ``admit`` meanwhile."""
        pause = 0.1
        while not self._closing:
            try:
                async with asyncio.timeout(self._limits.commit_seconds):
                    self._connection = await self._connect()
                    await self._probe(self._connection)
            except (psycopg.Error, OSError, _Away) as error:
                _log.warning("ledger.still_unavailable", error=str(error))
                await self._drop_connection()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
            else:
                self._down = False
                _log.info("ledger.available_again")
                return

    async def _probe(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """:raises _Away: a standby, or a database without our schema's head."""
        cursor = await connection.execute("select current_setting('transaction_read_only') from ledger.ledger_head")
        if await cursor.fetchone() != ("off",):
            raise _Away("the database takes no writes")

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(psycopg.Error, OSError):
                await connection.close()

    def _fail(self, batch: Sequence[Waiting | Ready], error: type[KeyLedgerError], message: str) -> None:
        """An exception of its own for each: raising one object in many tasks would mix their tracebacks."""
        for _, future in batch:
            if not future.done():
                future.set_exception(error(message))

    def _fail_all(self, error: type[KeyLedgerError], message: str) -> None:
        waiting = list(self._queue)
        self._queue.clear()
        self._fail(waiting, error, message)


async def _appended_as_uses(connection: psycopg.AsyncConnection[Any], batch: Sequence[Encoded]) -> list[Outcome]:
    """Empty where nothing was recorded, since ``batch`` must be decided one by one."""
    arguments = uses.parameters(batch)
    if arguments is None:
        return []
    cursor = await connection.execute(uses.APPEND_USES, arguments, prepare=True, binary=True)
    (first,) = (await cursor.fetchone()) or (None,)
    return [] if first is None else [("recorded", first + place, None) for place in range(len(batch))]


async def _appended(connection: psycopg.AsyncConnection[Any], batch: Sequence[Encoded]) -> list[Outcome]:
    cursor = await connection.execute(APPEND, parameters(batch), prepare=True, binary=True)
    return await cursor.fetchall()


def _resolve(future: asyncio.Future[int], row: Outcome) -> None:
    if future.done():
        return  # the request was cancelled; its event stands all the same
    outcome, position, about = row
    if outcome in {"recorded", "stands"}:
        assert position is not None
        future.set_result(position)
    elif outcome == "moved":
        future.set_exception(GuardMoved(frozenset((about,)) if about else frozenset()))
    elif outcome == "full":
        assert about is not None
        future.set_exception(TallyFull(about))
    else:
        future.set_exception(AlreadyRecorded())
