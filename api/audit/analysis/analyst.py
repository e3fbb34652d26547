"""The one process beside a worker that answers heavy questions, one at a time, on a connection of its own.

It is started by the first question. A question that takes more than a minute is ended with its process, and so is one
whose asker has gone; the next question starts another process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from typing import Any, Final

import structlog

from domain.errors import REGISTRY, InternalFailure, InvalidParameter, KeyLedgerError, TooManyRequests

_log = structlog.get_logger(__name__)

SECONDS_MAX: Final = 60.0
WAITING_MAX: Final = 8
"""Questions; who comes when there are more is told to come later."""

ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024


class Analyst:
    """For one event loop. :param database_url: of the service's role; handed over through a pipe."""

    def __init__(self, database_url: str, seconds_max: float = SECONDS_MAX) -> None:
        self._database_url = database_url
        self._seconds_max = seconds_max
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, question: str, **given: Any) -> dict[str, Any]:
        """:param question: name of an operation. :param given: what JSON has a type for.
        :raises TooManyRequests: others are asking. :raises InvalidParameter: it took too long.
        :raises KeyLedgerError: as the question's module says.
        """
        if self._waiting >= WAITING_MAX:
            raise TooManyRequests("Too many such questions are waiting. Retry later.", 5.0)
        self._waiting += 1
        try:
            async with self._turn:
                told = await self._answered({"question": question, "given": given})
        finally:
            self._waiting -= 1
        if "code" in told:
            raise _refusal(told["code"], told["message"])
        answer: dict[str, Any] = told["answer"]
        return answer

    async def _answered(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Whoever does not wait for the end leaves a process behind that would answer the next question with this one's
        answer: so it ends with the question."""
        try:
            async with asyncio.timeout(self._seconds_max):
                process = await self._ready()
                assert process.stdin is not None, "it was started with a pipe"
                assert process.stdout is not None, "likewise"
                process.stdin.write(json.dumps(asked).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            await self.close()
            raise _too_long(self._seconds_max) from None
        except BaseException:
            await self.close()
            raise
        if not line.endswith(b"\n"):
            await self.close()
            _log.error("analyst.died", question=asked["question"])
            raise InternalFailure()
        told: dict[str, Any] = json.loads(line)
        return told

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "api.audit.analysis.answering",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=ANSWER_BYTES_MAX,
            )  # fmt: skip
            assert self._process.stdin is not None, "it was started with a pipe"
            self._process.stdin.write(json.dumps({"database_url": self._database_url}).encode() + b"\n")
        return self._process

    async def close(self) -> None:
        """End the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _refusal(code: str, message: str) -> KeyLedgerError:
    """What the process refused with, as if it had been raised here."""
    refusal = REGISTRY[code].__new__(REGISTRY[code])
    Exception.__init__(refusal, message)
    return refusal


def _too_long(seconds: float) -> InvalidParameter:
    return InvalidParameter("from", f"The question took more than {seconds:g} seconds. Ask about fewer days.")
