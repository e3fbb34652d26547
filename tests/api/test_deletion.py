"""Deletion on its day: a due key is destroyed once, wholly, and nothing of it can be used anywhere afterwards.

Two deletion workers of the test's own, whose clocks stand eight days ahead, work on the service's ledger and token.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from tests.fixtures import signed
from tests.fixtures.deletion import Worker
from tests.fixtures.service import Recorded, Service

TABLE = "ledger.sealed_material"


@pytest.fixture(scope="module")
def workers(service: Service) -> Iterator[tuple[Worker, Worker]]:
    both = Worker(service, 8), Worker(service, 8)
    yield both
    for worker in both:
        worker.close()


def _scheduled(service: Service, days: int = 7) -> tuple[str, str]:
    key_id = service.create_key()
    blob = service.encrypt(key_id)
    answer = service.rpc("ScheduleKeyDeletion", {"KeyId": key_id, "PendingWindowInDays": str(days)})
    assert answer.status_code == 200
    return key_id, blob


def _material(service: Service, key_id: str) -> int:
    with psycopg.connect(service.database_url) as connection:
        statement = f"select count(*) from {TABLE} where key_id = %s".encode()
        row = connection.execute(statement, (uuid.UUID(key_id),)).fetchone()
    assert row is not None
    return int(row[0])


def _history(service: Service, key_id: str) -> list[Recorded]:
    return [event for event in service.events() if str(event.stream) == key_id]


def _round(*workers: Worker) -> list[int]:
    for worker in workers:
        worker.begin()
    return [worker.destroyed() for worker in workers]


def test_due_keys_are_destroyed_once_by_two_workers_at_once(service: Service, workers: tuple[Worker, Worker]) -> None:
    _round(workers[0])  # what other tests scheduled
    kept, _ = _scheduled(service, days=30)
    due = [_scheduled(service)[0] for _ in range(12)]
    assert sum(_round(*workers)) == len(due)
    for key_id in due:
        topics = [event.topic for event in _history(service, key_id)]
        assert topics == ["kms.key.created", "kms.key.deletion-scheduled", "kms.key.destroyed"]
        assert _material(service, key_id) == 0
    assert _material(service, kept) == 1
    last = _history(service, due[0])[-1]
    assert (last.call["kind"], last.call["account_id"]) == ("system", service.account_id)
    assert _round(*workers) == [0, 0]


def test_a_destroyed_key_is_gone_on_every_worker_and_so_is_all_that_it_encrypted(
    service: Service, workers: tuple[Worker, Worker]
) -> None:
    key_id, blob = _scheduled(service)
    for process in service.workers():  # each remembers the key and its material
        with service.only(process):
            assert service.rpc("Decrypt", {"CiphertextBlob": blob}).json()["Code"] == "Rejected.PendingDeletion"
    assert _round(workers[0]) == [1]
    asked = {
        "Decrypt": {"CiphertextBlob": blob},
        "Encrypt": {"KeyId": key_id, "Plaintext": "x"},
        "GenerateDataKey": {"KeyId": key_id},
        "DescribeKey": {"KeyId": key_id},
        "EnableKey": {"KeyId": key_id},
        "CancelKeyDeletion": {"KeyId": key_id},
    }
    for process in service.workers():
        with service.only(process):
            for action, given in asked.items():
                answer = service.rpc(action, given)
                assert (answer.status_code, answer.json()["Code"]) == (404, "Forbidden.KeyNotFound"), action
                (event,) = service.events_of(answer.json()["RequestId"])
                assert event.state["code"] == "Forbidden.KeyNotFound"
            first = service.rpc("ListKeys", {"PageSize": "100"}).json()
            last = str((first["TotalCount"] + 99) // 100)
            listed = service.rpc("ListKeys", {"PageSize": "100", "PageNumber": last}).json()["Keys"]["Key"]
            assert key_id not in [key["KeyId"] for key in listed]


def test_a_key_that_is_not_due_stays(service: Service, workers: tuple[Worker, Worker]) -> None:
    kept, blob = _scheduled(service, days=9)
    assert _round(workers[0]) == [0]
    assert service.rpc("CancelKeyDeletion", {"KeyId": kept}).status_code == 200
    assert service.rpc("Decrypt", {"CiphertextBlob": blob}).json()["Plaintext"] == "hello"


def test_of_cancelling_and_destroying_exactly_one_happens(service: Service, workers: tuple[Worker, Worker]) -> None:
    """A key used or cancelled at the last instant is wholly kept or wholly gone."""
    with ThreadPoolExecutor(1) as client:
        for number in range(12):
            key_id, blob = _scheduled(service)
            cancelling = client.submit(_cancel_later, service, key_id, number * 0.001)
            for worker in workers:
                worker.begin()
            cancelled = cancelling.result()
            destroyed = sum(worker.destroyed() for worker in workers)
            kept = cancelled.status_code == 200
            assert kept or cancelled.json()["Code"] == "Forbidden.KeyNotFound"
            assert (destroyed, _material(service, key_id)) == ((0, 1) if kept else (1, 0))
            topics = [event.topic for event in _history(service, key_id)][2:]
            assert topics == ["kms.key.deletion-cancelled" if kept else "kms.key.destroyed"]
            opened = service.rpc("Decrypt", {"CiphertextBlob": blob})
            assert opened.status_code == (200 if kept else 404)


def _cancel_later(service: Service, key_id: str, seconds: float) -> httpx.Response:
    asked = signed.rpc(service.root, "CancelKeyDeletion", {"KeyId": key_id})
    with service.http() as client:
        client.get("/healthz")  # the connection stands
        time.sleep(seconds)
        return service.send(asked, client)
