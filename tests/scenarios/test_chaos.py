"""What must hold when everything is killed, stopped or taken away while it is used (promises 1, 2, 3 and 8).

A service of this module's own under load. An answered request has exactly one event, none stands twice, positions have
no gap, and no use stands after the disable that forbade it; whatever was hurt comes back without anybody's help.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpx
import psutil
import pytest

from tests.fixtures import signed
from tests.fixtures.service import Recorded, Service, eventually, running

QUICK: Final = """
import typer
from adapters import supervisor
supervisor.BACK_OFF_SECONDS = (0.1,)
from scripts import up
application = typer.Typer(add_completion=False)
application.command()(up.command)
application()
"""
"""``scripts/up`` whose patience with children that die often does not grow: twenty kills fit into a minute."""

ROUNDS: Final = 10
"""In each of them both API workers are killed: twenty kills."""


@pytest.fixture(scope="module")
def rough_service() -> Iterator[Service]:
    with running(workers=2, program=("-c", QUICK), silence_seconds="4") as started:
        yield started


class Load:
    """Clients that encrypt without pause; what they were answered and told is kept, what broke is counted."""

    def __init__(self, service: Service, clients: int = 4) -> None:
        self._service = service
        self._clients = clients
        self._stop = threading.Event()
        self.key_id = service.create_key()
        self.before = service.head()
        self.answered: list[str] = []
        self.refused: Counter[str] = Counter()
        self.broken = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        with ThreadPoolExecutor(self._clients) as pool:
            clients = [pool.submit(self._ask_without_pause) for _ in range(self._clients)]
            try:
                yield
            finally:
                self._stop.set()
        for client in clients:
            client.result()

    def goes_on(self, more: int = 5) -> None:
        """Wait until so many more were answered."""
        goal = len(self.answered) + more
        eventually(lambda: len(self.answered) >= goal, 60, "an answer under load")

    def _ask_without_pause(self) -> None:
        while not self._stop.is_set():
            try:
                with self._service.http() as client:
                    while not self._stop.is_set():
                        self._ask(client)
            except httpx.HTTPError:
                self.broken += 1
                time.sleep(0.02)

    def _ask(self, client: httpx.Client) -> None:
        asked = signed.rpc(self._service.root, "Encrypt", {"KeyId": self.key_id, "Plaintext": uuid.uuid4().hex})
        answer = self._service.send(asked, client).json()
        if "CiphertextBlob" in answer:
            self.answered.append(answer["RequestId"])
        else:
            self.refused[answer["Code"]] += 1
            time.sleep(0.01)

    def is_accounted_for(self) -> None:
        """Promises 2 and 8, on what really stands in the ledger."""
        events = self._service.events(self.before, all_of_them=True)
        recorded = Counter(event.request_id for event in events if event.topic == "kms.key.used")
        assert len(set(self.answered)) == len(self.answered) > 0
        assert all(recorded[request_id] == 1 for request_id in self.answered)
        assert max(recorded.values()) == 1
        assert [event.position for event in events] == list(range(self.before + 1, self.before + 1 + len(events)))
        assert not self.refused.keys() - {"ServiceUnavailableTemporary", "Rejected.Throttling"}


def _pids(service: Service) -> list[int]:
    return [worker.pid for worker in service.workers()]


def _kill(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGKILL)


def test_no_use_stands_after_a_disable(rough_service: Service) -> None:
    """Eight clients use a key over two worker processes while another disables and enables it."""
    load = Load(rough_service, clients=8)
    with load.running(), rough_service.http() as client:
        for action in ["DisableKey", "EnableKey"] * 25:
            asked = signed.rpc(rough_service.root, action, {"KeyId": load.key_id})
            assert rough_service.send(asked, client).status_code == 200
            time.sleep(0.02)
        load.goes_on()
    # Whoever is overtaken by five changes in a row is told so.
    assert {"Rejected.Disabled"} <= load.refused.keys() <= {"Rejected.Disabled", "Rejected.StateModifiedFailed"}
    assert load.refused["Rejected.StateModifiedFailed"] < 0.2 * len(load.answered)
    enabled, seen = True, Counter[str]()
    for event in rough_service.events(load.before):
        seen[event.topic] += 1
        enabled = _enabled_after(event, enabled)
    assert seen["kms.key.disabled"] == seen["kms.key.enabled"] == 25
    assert seen["kms.key.used"] == len(load.answered)
    assert seen["kms.call.refused"] == load.refused.total()


def _enabled_after(event: Recorded, enabled: bool) -> bool:
    if event.topic == "kms.key.used":
        assert enabled, f"a use stands at {event.position}, after a disable"
    if event.topic == "kms.call.refused" and event.state["code"] == "Rejected.Disabled":
        assert not enabled, f"a use was refused at {event.position} although the key was enabled"
    return {"kms.key.disabled": False, "kms.key.enabled": True}.get(event.topic, enabled)


def test_twenty_killed_workers_lose_and_double_nothing(rough_service: Service) -> None:
    load = Load(rough_service)
    killed = 0
    with load.running():
        for _ in range(ROUNDS):
            load.goes_on()
            before = rough_service.workers()
            for worker, pause in zip(before, (0.0, 0.03), strict=True):
                time.sleep(pause)
                _kill(worker)
                killed += 1
            gone = {worker.pid for worker in before}
            eventually(lambda gone=gone: len(set(_pids(rough_service)) - gone) == 2, what="two new workers")  # type: ignore[misc]
        load.goes_on()
    assert killed == 20
    assert load.broken > 0
    load.is_accounted_for()


@pytest.mark.parametrize("victim", ["the server", "the writers' processes"])
def test_a_killed_postgresql_loses_and_doubles_nothing_and_comes_back(rough_service: Service, victim: str) -> None:
    """``up`` restarts PostgreSQL; the API workers wait for it and are the same ones afterwards."""
    eventually(lambda: len(_pids(rough_service)) == 2 and rough_service.is_ready())
    before = _pids(rough_service)
    load = Load(rough_service)
    with load.running():
        for _ in range(2):
            load.goes_on()
            (server,) = rough_service.processes("bin/postgres")
            if victim == "the server":
                _kill(server)
                eventually(lambda server=server: _another(rough_service, server), what="another PostgreSQL")  # type: ignore[misc]
            else:
                _kill(_busiest(server))
            load.goes_on()
    load.is_accounted_for()
    assert _pids(rough_service) == before
    eventually(rough_service.is_ready)


def _another(service: Service, server: psutil.Process) -> bool:
    return [process.pid for process in service.processes("bin/postgres")] not in ([], [server.pid])


def _busiest(server: psutil.Process) -> psutil.Process:
    """A backend of the service: PostgreSQL ends all others with it and recovers."""
    backends = [child for child in server.children() if any("key_ledger_service" in part for part in child.cmdline())]
    return max(backends, key=lambda backend: sum(backend.cpu_times()[:2]))


def test_a_token_that_is_taken_away_releases_nothing_and_comes_back(rough_service: Service) -> None:
    eventually(rough_service.is_ready)
    before = _pids(rough_service)
    tokens = rough_service.folder / "hsm" / "softhsm" / "tokens"
    away = tokens.with_name("away")
    load = Load(rough_service)
    with load.running():
        load.goes_on()
        tokens.rename(away)
        try:
            eventually(lambda: load.refused["ServiceUnavailableTemporary"] > 20, what="a refusal without a token")
            eventually(lambda: not rough_service.is_ready(), what="/readyz saying so")
            time.sleep(1.0)  # by now both workers have noticed
            head, answered = rough_service.head(), len(load.answered)
            time.sleep(1.0)
            assert (rough_service.head(), len(load.answered)) == (head, answered)
        finally:
            away.rename(tokens)
        load.goes_on()
        eventually(rough_service.is_ready)
    load.is_accounted_for()
    assert _pids(rough_service) == before


def test_workers_killed_while_one_logs_in_cost_nobody_the_token(rough_service: Service) -> None:
    """SoftHSM empties the token's file before it writes it anew; a kill in that instant leaves it so."""
    eventually(lambda: len(_pids(rough_service)) == 2 and rough_service.is_ready())
    (description,) = (rough_service.folder / "hsm" / "softhsm" / "tokens").glob("*/token.object")
    load = Load(rough_service)
    with load.running():
        load.goes_on()
        before = rough_service.workers()
        os.truncate(description, 0)
        for worker in before:
            _kill(worker)
        load.goes_on()
    load.is_accounted_for()
    assert not set(_pids(rough_service)) & {worker.pid for worker in before}
    assert description.stat().st_size > 0
    eventually(rough_service.is_ready)


def test_a_worker_that_hangs_is_replaced_while_the_other_serves(rough_service: Service) -> None:
    eventually(lambda: len(_pids(rough_service)) == 2 and rough_service.is_ready())
    # One that has not beaten yet is given two minutes for its start.
    eventually(lambda: all(time.time() - worker.create_time() > 10 for worker in rough_service.workers()))
    hanging, other = rough_service.workers()
    hanging.suspend()
    load = Load(rough_service)
    with load.running():
        load.goes_on()  # on connections that the other one accepted
        eventually(lambda: hanging.pid not in _pids(rough_service), what="the end of the one that hangs")
        eventually(lambda: len(_pids(rough_service)) == 2, what="its replacement")
        load.goes_on()
    load.is_accounted_for()
    assert other.pid in _pids(rough_service)


def test_all_that_was_recorded_is_still_one_gapless_order(rough_service: Service) -> None:
    head = rough_service.head()
    events = rough_service.events(all_of_them=True)
    assert all(event.position == place for event, place in zip(events, itertools.count(1), strict=False))
    assert len(events) >= head
