"""``scripts/rebuild_projections`` on a running service under load: nobody's request fails, what is wrong is mended."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from scripts.migrate import ADMIN_URL
from scripts.projector import PROJECTIONS
from scripts.rebuild_projections import DIFFERENT
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.service import ROOT, Service, eventually, running

COMMAND: Final = (sys.executable, "-m", "scripts.rebuild_projections")
KILLS: Final = 6


@pytest.fixture(scope="module")
def lone_service() -> Iterator[Service]:
    """Of this module's own: its tables are tampered with."""
    with running(workers=1) as started:
        yield started


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, **environment}
    return subprocess.run(
        [*COMMAND, *words], cwd=ROOT, env=given, capture_output=True, text=True, timeout=120, check=False
    )


def told(service: Service, *words: str) -> tuple[int, dict[str, Any]]:
    ran = run("--data", str(service.folder), "--json", *words)
    assert not ran.stderr, ran.stderr
    return ran.returncode, json.loads(ran.stdout)


def as_administrator(service: Service, statement: str) -> list[Any]:
    with psycopg.connect(service.superuser_url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


class Clients:
    """Who use, list, describe, disable and enable a key each without a pause; :ivar failures: answers that are none."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stop = threading.Event()
        self.answers = 0
        self.failures: list[str] = []

    @contextmanager
    def at_work(self, clients: int = 3) -> Iterator[None]:
        with ThreadPoolExecutor(clients) as pool:
            working = [pool.submit(self._work) for _ in range(clients)]
            try:
                yield
            finally:
                self._stop.set()
        for one in working:
            one.result()

    def _work(self) -> None:
        key_id = self._service.create_key()
        while not self._stop.is_set():
            self._ask("EnableKey", {"KeyId": key_id})
            self._ask("Encrypt", {"KeyId": key_id, "Plaintext": "a"})
            listed = self._ask("ListKeys", {"PageSize": "1"})
            if listed and not listed["TotalCount"]:
                self.failures.append("ListKeys: nothing is there")
            self._ask("DisableKey", {"KeyId": key_id})

    def _ask(self, action: str, parameters: dict[str, str]) -> dict[str, Any]:
        answer = self._service.rpc(action, parameters)
        if answer.status_code == 200:
            self.answers += 1
            body: dict[str, Any] = answer.json()
            return body
        self.failures.append(f"{action}: {answer.text}")
        return {}


def test_it_is_rebuilt_and_exchanged_while_clients_are_served(lone_service: Service) -> None:
    clients = Clients(lone_service)
    with clients.at_work():
        eventually(lambda: clients.answers > 20, 60, "answers")
        for _ in range(2):
            before = clients.answers
            status, report = told(lone_service)
            assert (status, report["differs"], report["exchanged"]) == (0, False, True)
            eventually(lambda more=before + 20: clients.answers > more, 60, "answers afterwards")  # type: ignore[misc]
    assert clients.failures == []
    _follows(lone_service)


def _follows(service: Service) -> None:
    """Every projection reaches the head, and none was stopped."""
    with service.http() as client:
        ready = client.get("/readyz").json()
        assert ready["checks"]["projections"] == "ok"
        metrics = client.get("/metrics").text
    assert f'key_ledger_projection_stopped{{projection="{PROJECTIONS[-1].name}"}} 0.0' in metrics
    asked = "select bool_and(complete) and not bool_or(stopped) from audit.coverage"
    eventually(lambda: as_administrator(service, asked) == [(True,)], 60, "projections at the head")
    counted = "select (select count(*) from audit.trail) = (select next_position - 1 from ledger.ledger_head)"
    assert as_administrator(service, counted) == [(True,)]


def test_killed_at_any_moment_it_leaves_tables_that_the_next_one_finds_right(lone_service: Service) -> None:
    clients = Clients(lone_service)
    moments = random.Random(4)
    with clients.at_work(2):
        for _ in range(KILLS):
            with subprocess.Popen([*COMMAND, "--data", str(lone_service.folder)], cwd=ROOT) as rebuilding:
                time.sleep(1.0 + 1.5 * moments.random())  # importing alone takes most of the first second
                rebuilding.send_signal(signal.SIGKILL)
        eventually(lambda: _takes_place(lone_service), 30, "the killed one's session to end")
    assert clients.failures == []
    status, report = told(lone_service)
    assert (status, report["differs"]) == (0, False)
    _follows(lone_service)
    assert as_administrator(lone_service, "select from pg_namespace where nspname ~ '^projections_'") == []


def _takes_place(service: Service) -> bool:
    """PostgreSQL notices at the next word that nobody is there any more."""
    return as_administrator(service, "select from pg_locks where locktype = 'advisory' and objid = 1802269282") == []


def test_what_somebody_changed_is_shown_and_mended(lone_service: Service) -> None:
    key_id = lone_service.create_key()
    eventually(lambda: told(lone_service, "--check")[0] == 0, 60, "tables that agree")
    wrong = (
        f"update projections.audit_trail set principal = 'nobody\u202e' where key_id = '{key_id}' returning operation"
    )
    eventually(lambda: as_administrator(lone_service, wrong) == [("CreateKey",)], 60, "its row")
    as_administrator(lone_service, "delete from projections.authority where kind = 'account'")
    status, report = told(lone_service, "--check")
    assert (status, report["exchanged"]) == (DIFFERENT, False)
    ran = run("--data", str(lone_service.folder))
    assert ran.returncode == DIFFERENT
    assert "audit_trail: " in ran.stdout
    assert "1 stand that should not, 1 do not that should" in ran.stdout
    assert '"principal": "acs:ram::' in ran.stdout
    assert '"principal": "nobody\\u202e"' in ran.stdout
    assert "The rebuilt tables are live." in ran.stdout
    assert told(lone_service, "--check")[0] == 0


def test_one_projection_is_named_and_checked(lone_service: Service) -> None:
    status, report = told(lone_service, "--only", "authority", "--only", "usage", "--check")
    assert (status, report["projections"]) == (0, ["usage", "authority"])
    assert [table["table"] for table in report["tables"]] == ["usage", "usage_keys", "authority"]


def test_your_own_database_is_reached_by_its_administrators_url(ledger_database: LedgerDatabase) -> None:
    ran = run(**{ADMIN_URL: ledger_database.admin_url})
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "audit_trail: 0 rows, as the events say" in ran.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), f"Which database? {ADMIN_URL} is not set."),
        (("--data", "{folder}"), "has no PostgreSQL of its own."),
        (("--data", "{folder}", "--only", "trail"), "There is no projection trail. There are key_directory, accounts"),
    ],
)
def test_wrong_use_is_told_in_a_sentence(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    ran = run(*(word.format(folder=tmp_path) for word in words))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert says in " ".join(ran.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_told_as_such(tmp_path: Path) -> None:
    ran = run(**{ADMIN_URL: f"postgresql://nobody@/nothing?host={tmp_path}"})
    assert ran.returncode == 5
    assert "The database does not answer" in ran.stderr
