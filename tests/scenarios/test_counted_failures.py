"""A thousand failed logins from three places while workers are killed: the ledger tells every one that was answered.

On a whole service of two workers with TLS, PostgreSQL and the worker that tells what is over.
"""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpx
import psutil
import psycopg
import pytest

from tests.fixtures import signed
from tests.fixtures.service import Service, eventually, running
from tests.fixtures.signed import Credentials

SOURCES: Final = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
LOGINS: Final = 1_000
KILLS: Final = 4
WRONG: Final = "SignatureDoesNotMatch"


@pytest.fixture(scope="module")
def rough_service() -> Iterator[Service]:
    with running(workers=2) as started:
        yield started


class Guessing:
    """Clients that guess the secret until they were told so many times that they are wrong.

    :ivar told: by source. :ivar broken: requests whose answer never came: counted or not, nobody was told.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._guess = Credentials(service.root.access_key_id, "a guess")
        self._left = LOGINS
        self.told: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()

    def guess(self, source: str) -> None:
        while self._left > 0:
            transport = httpx.HTTPTransport(verify=self._service.tls, local_address=source)
            with contextlib.suppress(httpx.HTTPError), httpx.Client(transport=transport, timeout=30) as client:
                self._guess_on(client, source)

    def _guess_on(self, client: httpx.Client, source: str) -> None:
        while self._left > 0:
            try:
                answer = self._service.send(signed.rpc(self._guess, "ListKeys"), client)
            except httpx.HTTPError:
                with self._lock:
                    self.broken[source] += 1
                raise
            assert answer.json()["Code"] == WRONG, answer.text
            with self._lock:
                self.told[source] += 1
                self._left -= 1


def test_every_failed_login_that_was_answered_is_told_though_workers_are_killed(rough_service: Service) -> None:
    guessing = Guessing(rough_service)
    with ThreadPoolExecutor(6) as clients:
        guesses = [clients.submit(guessing.guess, source) for source in SOURCES * 2]
        for kill in range(1, KILLS + 1):
            goal = kill * LOGINS // (KILLS + 1)
            eventually(lambda goal=goal: guessing.told.total() >= goal, 60, "a guess")  # type: ignore[misc]
            _kill(rough_service.workers()[0])
            eventually(lambda: len(rough_service.workers()) == 2, 60, "two workers")
        for guess in guesses:
            guess.result()
    assert guessing.told.total() >= LOGINS
    _end_the_minute(rough_service)
    eventually(lambda: not _left(rough_service), 90, "the telling")
    events = [event for event in rough_service.events(all_of_them=True) if event.topic == "ram.authentication.failed"]
    assert {event.state["access_key_id"] for event in events} == {rough_service.root.access_key_id}
    assert {event.state["account_id"] for event in events} == {rough_service.account_id}
    places = [(event.state["source_ip"], event.state["minute"]) for event in events]
    assert len(set(places)) == len(places)
    for source in SOURCES:
        counted = sum(event.state["count"] for event in events if event.state["source_ip"] == source)
        assert guessing.told[source] <= counted <= guessing.told[source] + guessing.broken[source]
    assert all(event.state["codes"] == {WRONG: event.state["count"]} for event in events)
    assert sum(event.state["count"] for event in events) <= guessing.told.total() + guessing.broken.total()
    assert guessing.broken.total() > 0, "the kills met nobody"


def _kill(worker: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)


def _end_the_minute(service: Service) -> None:
    """As if a minute passed: nothing more is counted in those of now."""
    with psycopg.connect(service.superuser_url) as connection:
        connection.execute("update ledger.authentication_minute set minute = minute + interval '1 minute'")


def _left(service: Service) -> Any:
    with psycopg.connect(service.database_url) as connection:
        return connection.execute("select * from ledger.authentication_failures").fetchall()


def test_a_guess_costs_its_owner_nothing(rough_service: Service) -> None:
    """Who knows the secret is served while others guess it."""
    guessing = Guessing(rough_service)
    with ThreadPoolExecutor(3) as clients:
        guesses = [clients.submit(guessing.guess, source) for source in SOURCES]
        eventually(lambda: guessing.told.total() > 10, 60, "a guess")
        waited = []
        for _ in range(50):
            began = time.monotonic()
            assert rough_service.rpc("DescribeRegions").status_code == 200
            waited.append(time.monotonic() - began)
        guessing._left = 0
        for guess in guesses:
            guess.result()
    assert sorted(waited)[25] < 0.5
