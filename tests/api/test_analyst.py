"""The process beside a worker: what takes too long is ended, what fails is told, the next question has a new one."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import psycopg
import pytest

from api.audit.analysis import analyst as module
from api.audit.analysis.analyst import Analyst
from domain.errors import InternalFailure, InvalidParameter, ServiceUnavailable, TooManyRequests
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.service import eventually

FINDINGS: Final[dict[str, Any]] = {
    "account_id": "1000000000000001", "now": "2026-11-25T00:00:00+00:00", "unused_days": 1, "cryptoperiod_days": 1,
    "recent_days": 1,
}  # fmt: skip


async def ask(analyst: Analyst) -> dict[str, Any]:
    return await analyst.ask("ListKeyFindings", **FINDINGS)


async def test_questions_are_answered_one_after_the_other_by_one_process(ledger_database: LedgerDatabase) -> None:
    analyst = Analyst(ledger_database.service_url)
    told = await asyncio.gather(*(ask(analyst) for _ in range(4)))
    assert [one["findings"] for one in told] == [[]] * 4
    assert sessions(ledger_database) == 1
    await analyst.close()
    await asyncio.to_thread(eventually, lambda: sessions(ledger_database) == 0)


async def test_what_takes_too_long_is_refused_and_ended(ledger_database: LedgerDatabase) -> None:
    analyst = Analyst(ledger_database.service_url, seconds_max=0.001)
    with pytest.raises(InvalidParameter, match="Ask about fewer days"):
        await ask(analyst)
    await asyncio.to_thread(eventually, lambda: sessions(ledger_database) == 0)


async def test_who_goes_away_takes_the_question_along(ledger_database: LedgerDatabase) -> None:
    analyst = Analyst(ledger_database.service_url)
    asking = asyncio.create_task(ask(analyst))
    await asyncio.sleep(0.05)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await ask(analyst))["keys"] == 0
    await analyst.close()


async def test_what_is_unforeseen_is_no_answer_and_no_end(ledger_database: LedgerDatabase) -> None:
    analyst = Analyst(ledger_database.service_url)
    with pytest.raises(InternalFailure):
        await analyst.ask("ListKeyFindings", **{**FINDINGS, "now": "nonsense"})
    with pytest.raises(InternalFailure):
        await analyst.ask("DropEverything")
    assert (await ask(analyst))["keys"] == 0
    await analyst.close()


async def test_a_database_that_is_away_is_told_and_looked_for_again(ledger_database: LedgerDatabase) -> None:
    nowhere = Analyst("postgresql://nobody@/nothing?host=/nowhere")
    with pytest.raises(ServiceUnavailable):
        await ask(nowhere)
    await nowhere.close()
    analyst = Analyst(ledger_database.service_url)
    await ask(analyst)
    with psycopg.connect(ledger_database.admin_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%analyst'"
        )
    assert (await ask(analyst))["keys"] == 0  # a connection that died since the last question is made again
    await analyst.close()


async def test_too_many_who_wait_are_told_to_come_later(
    ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING_MAX", 2)
    analyst = Analyst(ledger_database.service_url)
    told = await asyncio.gather(*(ask(analyst) for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(one, TooManyRequests) for one in told) == 2
    await analyst.close()


def sessions(database: LedgerDatabase) -> int:
    statement = "select count(*) from pg_stat_activity where application_name = 'key-ledger analyst'"
    with psycopg.connect(database.admin_url) as connection:
        (count,) = connection.execute(f"{statement} and datname = current_database()".encode()).fetchone() or (0,)
    return int(count)
