"""An event that stops the key directory stops no more than what only the directory knows: which keys there are.

A service of this module's own meets an event of a version that is not written yet.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Final, NamedTuple

import psutil
import psycopg
import pytest

from domain.ciphertext import CiphertextBlob
from domain.events import AuthenticationFailed
from tests.fixtures.deletion import Worker
from tests.fixtures.future import from_the_future
from tests.fixtures.service import Service, a_data_folder, eventually, running, started_on

UNAVAILABLE: Final = (503, "ServiceUnavailableTemporary")


class Stopped(NamedTuple):
    """:param position: of the event. :param gone: what was encrypted with a key that was destroyed before it.
    :param due: a key whose deletion was scheduled before it.
    """

    service: Service
    worker: Worker
    position: int
    gone: str
    due: str


@pytest.fixture(scope="module")
def stopped() -> Iterator[Stopped]:
    with running(workers=1) as service, contextlib.closing(Worker(service, 8)) as worker:
        destroyed = service.create_key()
        gone = service.encrypt(destroyed)
        schedule(service, destroyed)
        worker.begin()
        assert worker.destroyed() == 1
        due = service.create_key()
        schedule(service, due)
        yield Stopped(service, worker, from_the_future(service.superuser_url), gone, due)


def schedule(service: Service, key_id: str) -> None:
    assert told(service, "ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays="7") == (200, "")


def told(service: Service, action: str, **given: str) -> tuple[int, str]:
    answer = service.rpc(action, given)
    return answer.status_code, answer.json().get("Code", "")


def deletion_worker(service: Service) -> psutil.Process:
    (process,) = service.processes("scripts.deletion_worker")
    return process


def test_keys_by_id_are_made_used_and_changed_as_before(stopped: Stopped) -> None:
    service = stopped.service
    key_id = service.create_key()
    blob = service.encrypt(key_id)
    assert service.rpc("Decrypt", {"CiphertextBlob": blob}).json()["Plaintext"] == "hello"
    for action in ("GenerateDataKey", "DescribeKey", "DisableKey", "EnableKey"):
        assert told(service, action, KeyId=key_id) == (200, ""), action
    schedule(service, key_id)
    assert told(service, "CancelKeyDeletion", KeyId=key_id) == (200, "")


def test_keys_are_not_listed_and_the_answer_says_that_it_is_the_service(stopped: Stopped) -> None:
    """Nor told to be none of ours, where a blob names a key that might have been made since."""
    service = stopped.service
    unknown = CiphertextBlob(uuid.uuid4(), b"x" * 40).encoded()
    for _ in range(3):
        assert told(service, "ListKeys") == UNAVAILABLE
        assert told(service, "Decrypt", CiphertextBlob=unknown) == UNAVAILABLE
    assert told(service, "Decrypt", CiphertextBlob=stopped.gone) == (404, "Forbidden.KeyNotFound")
    with service.http() as client:
        ready = client.get("/readyz")
    said = f"projection key_directory cannot take the event at position {stopped.position}"
    assert (ready.status_code, ready.json()["checks"]["projections"]) == (503, said)


def test_a_key_that_is_due_is_destroyed(stopped: Stopped) -> None:
    stopped.worker.begin()
    assert stopped.worker.destroyed() == 1
    assert told(stopped.service, "DescribeKey", KeyId=stopped.due) == (404, "Forbidden.KeyNotFound")


def test_the_deletion_worker_lives_says_what_stops_the_directory_and_tells_failed_authentications(
    stopped: Stopped,
) -> None:
    service = stopped.service
    process, head = deletion_worker(service), service.head()
    with psycopg.connect(service.superuser_url) as connection:
        connection.execute(
            "insert into ledger.authentication_failures values"
            " (date_trunc('minute', now() - interval '1 hour'), %s, '192.0.2.7', 'SignatureDoesNotMatch', %s, 3)",
            (service.root.access_key_id, service.account_id),
        )
    topic = AuthenticationFailed.TOPIC
    eventually(lambda: topic in [event.topic for event in service.events(head, all_of_them=True)], what="an event")
    assert f'"position":{stopped.position}' in (service.folder / "log" / "deletion.log").read_text()
    assert deletion_worker(service) == process


def test_a_deployment_starts_beside_it_and_says_so() -> None:
    with a_data_folder() as data:
        with started_on(data, workers=1) as service:
            key_id = service.create_key()
            position = from_the_future(service.superuser_url)
        with started_on(data, workers=1) as service:
            said = data.with_name(f"{data.name}.up.log").read_text()
            assert "Keys can be used, but not listed: projections: projection key_directory cannot take" in said
            assert f"position {position}" in said
            assert service.rpc("Decrypt", {"CiphertextBlob": service.encrypt(key_id)}).json()["Plaintext"] == "hello"
            assert told(service, "ListKeys") == UNAVAILABLE
