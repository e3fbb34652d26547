"""Projectors that are killed at any point, two of them at once: every projection has each of its rows once. And one
that an event stops says so to whoever asks whether the service is well."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from typing import Any, Final

import psycopg

from adapters.ledger.writer import LedgerWriter
from scripts.projector import PROJECTIONS
from scripts.rebuild_projections import rebuilt
from tests.fixtures.histories import Lives
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import facts
from tests.fixtures.ram_histories import RamLives
from tests.fixtures.service import ROOT, eventually, running

COMMAND: Final = (sys.executable, "-m", "scripts.projector")
KILLS: Final = 8


def a_projector(database: LedgerDatabase) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "DATABASE_URL": database.service_url, "KEY_LEDGER_HSM_URI": "pkcs11:token=none"}
    return subprocess.Popen(COMMAND, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def test_two_projectors_that_are_killed_again_and_again_leave_no_row_out_and_make_none_twice(
    ledger_database: LedgerDatabase,
) -> None:
    writer = LedgerWriter(ledger_database.service_url)
    await writer.start()
    lives, of_ram = Lives(writer, seed=9), facts(RamLives(9).go_on(300))
    share = len(of_ram) // KILLS + 1
    moments = random.Random(9)
    projectors = [a_projector(ledger_database), a_projector(ledger_database)]
    try:
        for number in range(KILLS):
            for submission in of_ram[number * share : (number + 1) * share]:
                await writer.append(submission)
            await lives.go_on(60)
            await asyncio.sleep(0.5 + moments.random())
            projectors[number % 2].kill()
            projectors[number % 2].wait()
            projectors[number % 2] = a_projector(ledger_database)
        await asyncio.to_thread(eventually, lambda: _complete(ledger_database), 60, "every projection at the head")
    finally:
        for projector in projectors:
            projector.kill()
            projector.wait()
        await writer.close()
    report = await rebuilt(ledger_database.admin_url, PROJECTIONS, check=True)
    assert [(table.table, table.examples) for table in report.tables if table.differs] == []
    assert {table.table for table in report.tables if not table.rows} <= {"quotas"}


def _complete(database: LedgerDatabase) -> bool:
    return asked(database.admin_url, "select bool_and(complete) from audit.coverage") == [(True,)]


def asked(url: str, question: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(question.encode()).fetchall()


def test_a_trail_that_an_event_has_stopped_is_told_by_readiness_metrics_and_coverage() -> None:
    """By an event that this version does not know. Requests are served: no request needs the trail."""
    name = "audit_trail"
    with running(workers=1) as service:
        with psycopg.connect(service.superuser_url) as connection:
            connection.execute(
                "with head as (update ledger.ledger_head set next_position = next_position + 1"
                " returning next_position - 1 as position, recorded_at)"
                " insert into ledger.events select position, gen_random_uuid(), 1, 'kms.of.tomorrow', '{}', recorded_at"
                " from head"
            )
        position = service.head()
        sentence = f"projection {name} cannot take the event at position {position}"
        with service.http() as client:
            eventually(lambda: sentence in client.get("/readyz").text, 30, "readiness that tells it")
            assert client.get("/readyz").status_code == 200
            gauge = f'key_ledger_projection_stopped{{projection="{name}"}} 1.0'
            eventually(lambda: gauge in client.get("/metrics").text, 30, "a metric that tells it")
            behind = f'key_ledger_projection_behind_events{{projection="{name}"}} 1.0'
            eventually(lambda: behind in client.get("/metrics").text, 30, "a metric that tells how far it is behind")
        answer = service.rest("GET", "/audit/events", params={"wait": "true"}).json()
        assert (answer["complete"], answer["stopped_at"]) == (False, position)
        question = f"select stopped, stopped_at_position, complete from audit.coverage where projection = '{name}'"
        assert asked(service.superuser_url, question) == [(True, position, False)]
        assert service.encrypt(service.create_key())
