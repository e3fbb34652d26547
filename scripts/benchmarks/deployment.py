"""Our side of the comparison: a running Key Ledger, started here by ``scripts/up`` or by somebody before.

What it needs of the product is its public face: ``DIR/credentials.json``, the API, ``/metrics``, and the
ledger's tables as the service role may read them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import psycopg

from adapters.embedded import discard, find_place
from adapters.processes import Command
from scripts.benchmarks import cpu
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.signing import VERSION, Credentials, Question, form
from scripts.benchmarks.web import Answer, Site, free_port

UP: Final = Path(__file__).resolve().parent.parent / "up"
START_SECONDS: Final = 300.0
STOP_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class KeyLedger:
    """A deployment that answers.

    :param launcher: process id of ``scripts/up``; None where somebody else started it.
    """

    site: Site
    credentials: Credentials
    account_id: str
    database_url: str
    launcher: int | None = None

    def question(self, operation: str, **parameters: str) -> Question:
        return self.question_of(VERSION, operation, **parameters)

    def question_of(self, version: str, operation: str, **parameters: str) -> Question:
        """Of any product's API, by its version."""
        return Question(operation, parameters, self.site.host, version)

    def ask(self, operation: str, **parameters: str) -> dict[str, Any]:
        """One signed call of the API; its answer.

        :raises BenchError: it was refused.
        """
        return self.answer(self.question(operation, **parameters))

    def answer(self, question: Question) -> dict[str, Any]:
        """As :meth:`ask`."""
        request = form("acs3", question, self.credentials, datetime.now(UTC))
        return understood(question, self.site.send(request(token_hex(16))))

    def events(self) -> int:
        """How many events the ledger holds."""
        with psycopg.connect(self.database_url) as connection:
            for (position,) in connection.execute("select next_position - 1 from ledger.ledger_head"):
                return int(position)
        raise BenchError("The ledger has no head: its schema is not that of this version.")

    def processes(self) -> Mapping[str, cpu.Group]:
        """Who spends CPU time for it on this machine: ``workers``, ``postgresql``, ``other`` (projector and so on)."""
        postgresql = self._postgresql()
        listeners = cpu.listeners(self.site.address.port or 443)
        # scripts/up holds the socket open for its workers and serves nothing itself.
        workers = listeners - frozenset(map(cpu.parent_of, listeners)) - postgresql
        family = cpu.descendants([self.launcher] if self.launcher is not None else [])
        return {"workers": workers, "postgresql": postgresql, "other": family - workers - postgresql}

    def _postgresql(self) -> cpu.Group:
        """The postmaster and its children; empty where the database runs on another machine."""
        with psycopg.connect(self.database_url) as connection:
            backend = connection.info.backend_pid
            with suppress(OSError):
                if "postgres" in Path(f"/proc/{backend}/comm").read_text():
                    return cpu.descendants([cpu.parent_of(backend)])
        return frozenset()


def understood(question: Question, answer: Answer) -> dict[str, Any]:
    """:raises BenchError: it was refused."""
    if answer.status != 200:
        said = answer.body.decode(errors="replace")
        raise BenchError(f"Key Ledger refused {question.operation}: {answer.status} {said}")
    decoded: dict[str, Any] = json.loads(answer.body)
    return decoded


@contextmanager
def started(data: Path, workers: int | None) -> Iterator[KeyLedger]:
    """A deployment of its own under ``data``, by ``scripts/up``; stopped afterwards.

    :raises BenchError: it did not come up.
    """
    data.mkdir(mode=0o700)
    arguments = ("--data", str(data), "--port", str(free_port()), *(("--workers", str(workers)) if workers else ()))
    command = Command(argv=(str(UP), *arguments), environment=os.environ, orphan_signal=signal.SIGTERM)
    log = data.with_name(f"{data.name}.log")
    log.touch(0o600)
    with log.open("wb") as output:
        process = command.start(output)
    try:
        _wait_until_ready(process, log)
        yield replace(running(data), launcher=process.pid)
    finally:
        _stop(process)
        # As root the database may lie outside the data folder.
        discard(find_place(data))


def running(data: Path, endpoint: str | None = None) -> KeyLedger:
    """The deployment whose data folder is ``data``, at ``endpoint`` if that is not the one it wrote down.

    :raises BenchError: there is no such deployment.
    """
    file = data / "credentials.json"
    try:
        written = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise BenchError(
            f"No credentials in {file} ({error}); --data names the folder of a running scripts/up."
        ) from None
    access_key = Credentials(written["access_key_id"], written["access_key_secret"], written["region_id"])
    ca_file = Path(written["ca_file"]) if written.get("ca_file") else None
    site = Site((endpoint or written["endpoint"]).rstrip("/"), ca_file)
    return KeyLedger(site, access_key, written["account_id"], written["database_url"])


def _wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if any(line.startswith("ready ") for line in log.read_text(errors="replace").splitlines()):
            return
        time.sleep(0.1)
    raise BenchError(f"scripts/up did not come up. Its last words: {log.read_text(errors='replace')[-800:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
