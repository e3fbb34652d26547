"""The process that :class:`~api.audit.analysis.analyst.Analyst` starts: a question a line, an answer a line, as JSON.

The first line says where the database is. It ends with its standard input. Refusals are answers; whatever is unforeseen
is told on standard error, and answered as InternalFailure.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg

from adapters.ledger.connection import connect
from api.audit.analysis import findings, key_at, least, unused, what_if
from api.audit.analysis.analyst import SECONDS_MAX
from api.audit.asking import moment
from domain.errors import InternalFailure, KeyLedgerError, ServiceUnavailable
from domain.vocabulary import Operation
from projections.audit_questions import snapshot
from projections.pages import Connection

Answer = Callable[..., Awaitable[dict[str, Any]]]

QUESTIONS: Final[Mapping[str, Answer]] = {
    Operation.GET_KEY_AT.value: key_at.answer,
    Operation.LIST_KEY_FINDINGS.value: findings.answer,
    Operation.LIST_UNUSED_PERMISSIONS.value: unused.answer,
    Operation.GET_LEAST_POLICY.value: least.answer,
    Operation.EVALUATE_POLICY.value: what_if.answer,
}

_LONGER: Final = 10
"""Seconds that it is given beyond the limit before it ends itself: whoever started it may be gone."""


async def answered(connection: Connection, asked: Mapping[str, Any]) -> dict[str, Any]:
    try:
        async with snapshot(connection, round(SECONDS_MAX)):
            return {"answer": await QUESTIONS[asked["question"]](connection, **asked["given"])}
    except KeyLedgerError as refusal:
        return {"code": refusal.code, "message": refusal.message}
    except psycopg.OperationalError:
        return {"code": ServiceUnavailable.code, "message": "The audit trail cannot be read now. Retry later."}
    except Exception:  # noqa: BLE001  # the last line of defence: details to the log, never to the caller
        traceback.print_exc(file=sys.stderr)
        return {"code": InternalFailure.code, "message": InternalFailure.default}


async def main(database_url: str) -> None:
    connection: Connection | None = None
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        signal.alarm(round(SECONDS_MAX) + _LONGER)
        for _ in range(_ATTEMPTS):
            if connection is None or connection.closed:
                connection = await _connected(database_url)
            told = await answered(connection, json.loads(line)) if connection else _away()
            if connection is None or not connection.closed:
                break
        signal.alarm(0)
        sys.stdout.write(json.dumps(told, default=_plain) + "\n")
        sys.stdout.flush()


_ATTEMPTS: Final = 2
"""The server may have been away since the last question, and the connection be dead."""


async def _connected(database_url: str) -> Connection | None:
    try:
        return await connect(database_url, "key-ledger analyst")
    except psycopg.OperationalError:
        return None


def _away() -> dict[str, Any]:
    return {"code": ServiceUnavailable.code, "message": "The audit trail cannot be read now. Retry later."}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return moment(value)
    assert isinstance(value, UUID), "answers hold times and ids besides what JSON has"
    return str(value)


if __name__ == "__main__":
    os.nice(5)  # those who use keys come first
    asyncio.run(main(json.loads(sys.stdin.buffer.readline())["database_url"]))
