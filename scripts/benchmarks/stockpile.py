"""Stocks of signed requests, made by several processes before wrk starts.

The service refuses a request that it has seen and one whose time is more than 15 minutes off, so a stock serves one
run and is made right before it. It lies in memory (``/dev/shm``) where that exists: written to the disk under test, it
would compete with the ledger's fsync.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.load import Stock, write_slice
from scripts.benchmarks.signing import Credentials, Question, form

MEMORY: Final = Path("/dev/shm")  # noqa: S108 - the folder made in it is private
SECONDS_MAX: Final = 600
"""Signed times run ahead of the clock by at most this; the service accepts 15 minutes either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to sign.

    :param questions: asked in turn.
    :param rate: expected requests per second; the signed time moves on by a second after so many requests, as it does
        in real traffic (the ledger's index is ordered by it).
    :param seconds: how long the run takes.
    :param margin: how many times more than expected are made.
    """

    family: str
    questions: Sequence[Question]
    credentials: Credentials
    rate: float
    seconds: int
    margin: float

    def __post_init__(self) -> None:
        if self.seconds * self.margin > SECONDS_MAX:
            raise BenchError(f"A run may take {SECONDS_MAX / self.margin:.0f} s at most: signed requests expire.")


class Stockpile:
    """Makes stocks; closes its processes and removes its folder when the context ends."""

    def __init__(self, folder: Path, pool: ProcessPoolExecutor) -> None:
        self._folder = folder
        self._pool = pool

    def fixed(self, request: bytes, threads: int) -> Stock:
        """One request to be sent again and again, for a server that does not refuse replays."""
        stock = Stock(self._folder / secrets.token_hex(8), threads, once=False)
        for thread in range(threads):
            write_slice(stock.slice(thread), [request])
        return stock

    def signed(self, order: Order, threads: int) -> Stock:
        """Requests for one run; every thread of wrk has its own."""
        stock = Stock(self._folder / secrets.token_hex(8), threads, once=True)
        started = datetime.now(UTC)
        signing = [self._pool.submit(_sign_slice, stock.slice(n), order, threads, started) for n in range(threads)]
        for slice_done in signing:
            slice_done.result()
        return stock


@contextmanager
def stockpile() -> Iterator[Stockpile]:
    parent = MEMORY if os.access(MEMORY, os.W_OK) else None
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="key-ledger-bench-", dir=parent) as folder,
        ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool,
    ):
        yield Stockpile(Path(folder), pool)


def _sign_slice(path: Path, order: Order, threads: int, started: datetime) -> None:
    write_slice(path, _requests(order, threads, started))


def _requests(order: Order, threads: int, started: datetime) -> Iterator[bytes]:
    """One thread's part, second by second. Nonces: 16 random digits of this slice, then a count."""
    prefix, count = secrets.token_hex(8), 0
    each_second = max(1, round(order.rate / threads))
    for second in range(max(1, round(order.seconds * order.margin))):
        at = started + timedelta(seconds=second)
        forms = [form(order.family, question, order.credentials, at) for question in order.questions]
        for _ in range(each_second):
            yield forms[count % len(forms)](f"{prefix}{count:016x}")
            count += 1
