"""Threads that each hold one session of a token, and what is done about one that hangs.

A thread in C cannot be stopped. So one that takes too long is *abandoned*: it gets no more work and another one takes
its place. If it ever returns, it closes its session and ends. At most ``hung_max`` threads are replaced in this way;
beyond that the pool shrinks, and an empty pool refuses at once instead of growing for as long as the HSM hangs.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

import structlog
from pkcs11.exceptions import PKCS11Error

from adapters.hsm.handles import HandleStatistics
from adapters.hsm.keyring import Keyring
from domain.errors import ServiceUnavailable

_log = structlog.get_logger(__name__)

Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class _Worker:
    keyring: Keyring
    started: float | None = None
    """When it began what it does now; None while it waits."""
    abandoned: bool = False
    forgotten: list[UUID] = field(default_factory=list)


class Workers:
    """:param limit_seconds: a thread that is busy with one thing for longer has hung.
    :param waiting_max: calls that may wait for a thread; beyond it they are refused at once.
    """

    def __init__(
        self, make_keyring: Callable[[], Keyring], count: int, *, limit_seconds: float, hung_max: int, waiting_max: int
    ) -> None:
        self._make_keyring = make_keyring
        self._count = count
        self._limit_seconds = limit_seconds
        self._hung_max = hung_max
        self._waiting_max = waiting_max
        self._wake = threading.Condition()
        self._waiting: deque[tuple[Callable[[Keyring], Any], Future[Any]]] = deque()
        self._workers: list[_Worker] = []
        self._hung = 0
        self._closed = False
        self._gone = HandleStatistics()

    def submit(self, call: Callable[[Keyring], Result]) -> Future[Result]:
        """:raises ServiceUnavailable: every thread hangs, or too many calls wait."""
        future: Future[Result] = Future()
        with self._wake:
            self._replace_hung()
            if self._closed or not self._workers:
                raise ServiceUnavailable("The HSM hangs: nothing was released. Retry later.")
            if len(self._waiting) >= self._waiting_max:
                self._waiting = deque(job for job in self._waiting if not job[1].cancelled())
            if len(self._waiting) >= self._waiting_max:
                raise ServiceUnavailable("The HSM is too busy: nothing was released. Retry later.")
            self._waiting.append((call, future))
            self._wake.notify()
        return future

    def replace_hung(self) -> None:
        with self._wake:
            self._replace_hung()

    def forget(self, key_version_id: UUID) -> None:
        with self._wake:
            for worker in self._workers:
                worker.forgotten.append(key_version_id)
            self._wake.notify_all()

    @property
    def statistics(self) -> HandleStatistics:
        with self._wake:
            total = HandleStatistics(self._gone.hits, self._gone.misses, self._gone.evictions)
            for worker in self._workers:
                _add(total, worker.keyring)
                total.held += len(worker.keyring.handles)
            return total

    def close(self, patience_seconds: float) -> None:
        """Let every thread finish what it does and close its session, but wait no longer than told."""
        until = time.monotonic() + patience_seconds
        with self._wake:
            self._closed = True
            for _, future in self._waiting:
                if future.set_running_or_notify_cancel():
                    future.set_exception(ServiceUnavailable("The HSM was closed: nothing was released."))
            self._waiting.clear()
            self._wake.notify_all()
            while self._workers and (left := until - time.monotonic()) > 0:
                self._wake.wait(left)

    def _replace_hung(self) -> None:
        """With the lock held. Also starts the threads in the first place, which is why it is called by each submit."""
        late = time.monotonic() - self._limit_seconds
        for worker in [each for each in self._workers if each.started is not None and each.started < late]:
            worker.abandoned = True
            self._workers.remove(worker)
            self._hung += 1
            _add(self._gone, worker.keyring)
            _log.error("hsm_hung", hung=self._hung, left=len(self._workers))
        while len(self._workers) < self._count and self._hung <= self._hung_max and not self._closed:
            self._start()

    def _start(self) -> None:
        worker = _Worker(self._make_keyring())
        self._workers.append(worker)
        threading.Thread(target=self._run, args=(worker,), name="hsm", daemon=True).start()

    def _run(self, worker: _Worker) -> None:
        while self._work(worker):
            pass
        with contextlib.suppress(PKCS11Error):
            worker.keyring.close()
        with self._wake:
            if worker.abandoned:
                # It came back: its place in the count of hung ones is free, and perhaps a place in the pool.
                self._hung -= 1
                _log.info("hsm_hung_returned", hung=self._hung)
                self._replace_hung()
            else:
                self._workers.remove(worker)
            self._wake.notify_all()

    def _work(self, worker: _Worker) -> bool:
        """One turn; False when it was the last."""
        with self._wake:
            worker.started = None
            while not (self._waiting or worker.forgotten or self._closed or worker.abandoned):
                self._wake.wait()
            if self._closed or worker.abandoned:
                return False
            forgotten, worker.forgotten = worker.forgotten, []
            job = self._waiting.popleft() if self._waiting else None
            worker.started = time.monotonic()
        for key_version_id in forgotten:
            with contextlib.suppress(PKCS11Error):
                worker.keyring.forget(key_version_id)
        if job is not None:
            _perform(worker.keyring, *job)
        return True


def _perform(keyring: Keyring, call: Callable[[Keyring], Any], future: Future[Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call(keyring))
    except BaseException as error:  # noqa: BLE001 - it belongs to the caller; the thread goes on
        future.set_exception(error)


def _add(total: HandleStatistics, keyring: Keyring) -> None:
    total.hits += keyring.handles.hits
    total.misses += keyring.handles.misses
    total.evictions += keyring.handles.evictions
