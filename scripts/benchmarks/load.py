"""The load generator: ``wrk``, walking a stock of requests that were made beforehand.

Not here: how a request is made (``signing.py``, ``openbao.py``) and what a run means (``comparison.py``).
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.failure import BenchError

WALK = Path(__file__).with_name("walk.lua")
REQUEST_TIMEOUT_SECONDS = 10


class StockUsedUpError(BenchError):
    """The server was faster than expected: measure again with more requests."""


@dataclass(frozen=True, slots=True)
class Stock:
    """Requests on disk: ``prefix.0`` for wrk's first thread, ``prefix.1`` for the second, and so on.

    :param once: the server refuses a request that it has seen, so none may be used twice.
    """

    prefix: Path
    threads: int
    once: bool

    def slice(self, thread: int) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.{thread}")

    def discard(self) -> None:
        for thread in range(self.threads):
            self.slice(thread).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of wrk measured.

    :param rate: answered requests per second.
    :param p50_ms: median latency, milliseconds. Both percentiles with wrk's correction for coordinated omission.
    :param generator_cpu: CPU seconds of wrk.
    """

    requests: int
    seconds: float
    rate: float
    p50_ms: float
    p99_ms: float
    generator_cpu: float


def record(request: bytes) -> bytes:
    """A request as ``walk.lua`` reads it."""
    return b"%05d%b" % (len(request), request)


def write_slice(path: Path, requests: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(map(record, requests))


def run_load(endpoint: str, stock: Stock, connections: int, seconds: int) -> Load:
    """Keep ``connections`` requests under way for ``seconds`` over kept-alive connections.

    :raises StockUsedUpError: there were fewer requests than time.
    :raises BenchError: a request was not answered by 2xx, or a connection broke.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise BenchError("wrk is not installed; install it: apt-get install wrk.")
    command = [wrk, "-t", str(stock.threads), "-c", str(connections), "-d", f"{seconds}s"]
    command += ["--timeout", f"{REQUEST_TIMEOUT_SECONDS}s", "-s", str(WALK), endpoint, "--"]
    before = _children_cpu()
    ran = subprocess.run(
        [*command, str(stock.prefix), "once" if stock.once else "again"], check=False, capture_output=True, text=True
    )
    spent = _children_cpu() - before
    result = next((line for line in ran.stdout.splitlines() if line.startswith("RESULT ")), None)
    if ran.returncode != 0 or result is None:
        raise BenchError(f"wrk failed: {(ran.stderr or ran.stdout).strip()[-400:]}")
    return _measured(json.loads(result.removeprefix("RESULT ")), spent)


def _measured(result: dict[str, int], spent: float) -> Load:
    if result["exhausted"]:
        raise StockUsedUpError("The run is not valid: the stock of signed requests was used up before the time was.")
    wrong = {name: result[name] for name in ("connect", "read", "write", "timeout", "status") if result[name]}
    if wrong:
        raise BenchError(f"The run is not valid: {wrong} of {result['requests']} requests failed.")
    seconds = result["microseconds"] / 1e6
    rate = result["requests"] / seconds
    return Load(result["requests"], seconds, rate, result["p50"] / 1e3, result["p99"] / 1e3, spent)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
