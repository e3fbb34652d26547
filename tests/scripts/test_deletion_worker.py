"""The deletion worker: nothing that is wrong with one key, or with the directory, keeps it from what else is due.

Whole processes of it: ``tests/api/test_deletion.py`` and ``tests/api/test_stopped_directory.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, NoReturn

import psycopg
import pytest
from structlog.testing import capture_logs

from adapters.deployment import Deployment
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from adapters.settings import Settings
from domain.errors import ServiceUnavailable
from domain.key import Key
from domain.vocabulary import Operation
from scripts import deletion_worker
from scripts.deletion_worker import DeletionWorker
from tests.fixtures.future import from_the_future
from tests.fixtures.histories import LATER
from tests.fixtures.ledger import a_call, a_change, a_new_key, a_scheduling, after
from tests.fixtures.ports import InMemoryHsm
from tests.fixtures.postgres import LedgerDatabase


@pytest.fixture
async def deployment(ledger_database: LedgerDatabase) -> AsyncIterator[Deployment]:
    reader, writer = LedgerReader(ledger_database.service_url), LedgerWriter(ledger_database.service_url)
    await reader.start()
    await writer.start()
    yield Deployment(InMemoryHsm([]), writer, reader)  # type: ignore[arg-type]  # nothing of it is used
    await writer.close()
    await reader.close()


@pytest.fixture
def worker(deployment: Deployment, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch) -> DeletionWorker:
    """Whose clock stands where all that the tests schedule is due; it looks at two keys at a time."""
    monkeypatch.setattr(deletion_worker, "PAGE", 2)
    settings = Settings(database_url=ledger_database.service_url, hsm_uri="pkcs11:token=none")
    return DeletionWorker(deployment, settings, lambda: LATER)


async def a_due_key(deployment: Deployment) -> Key:
    made = a_new_key()
    scheduling = a_scheduling(made.key)
    await deployment.writer.append(made.submission)
    await deployment.writer.append(scheduling)
    return after(made.key, scheduling)


def left(database: LedgerDatabase) -> set[Any]:
    """Keys that have material."""
    with psycopg.connect(database.admin_url) as connection:
        return {key_id for (key_id,) in connection.execute("select key_id from ledger.sealed_material")}


def stops(logs: list[Any]) -> list[int]:
    return [line["position"] for line in logs if line["event"] == "deletion.directory_stopped"]


async def test_what_was_due_before_an_event_that_stops_the_directory_is_destroyed_and_each_round_says_so(
    deployment: Deployment, worker: DeletionWorker, ledger_database: LedgerDatabase
) -> None:
    for _ in range(5):
        await a_due_key(deployment)
    position = from_the_future(ledger_database.admin_url)
    unknown = await a_due_key(deployment)
    with capture_logs() as logs:
        assert await worker.round() == 5
        assert stops(logs) == [position]
    assert left(ledger_database) == {unknown.key_id}
    with capture_logs() as logs:
        assert await worker.round() == 0
        assert await worker.round() == 0
    assert stops(logs) == [position, position]
    assert len(logs) == 2, "what is gone is not tried again"


async def test_a_worker_that_is_started_anew_on_a_stopped_directory_destroys_what_is_left(
    deployment: Deployment, worker: DeletionWorker, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory goes on listing what was destroyed: more than a page of it hides nothing."""
    for _ in range(5):
        await a_due_key(deployment)
    from_the_future(ledger_database.admin_url)
    real = worker._stewardship.destroy_key

    async def away_at_the_last(case: Any, key_id: Any) -> None:
        if left(ledger_database) == {key_id}:
            raise ServiceUnavailable
        await real(case, key_id)

    monkeypatch.setattr(worker._stewardship, "destroy_key", away_at_the_last)
    with pytest.raises(ServiceUnavailable):
        await worker.round()
    assert len(left(ledger_database)) == 1
    another = DeletionWorker(deployment, Settings(database_url="", hsm_uri="pkcs11:token=none"), lambda: LATER)
    assert await another.round() == 1
    assert left(ledger_database) == set()


async def test_a_deletion_that_was_cancelled_after_that_event_stays_cancelled(
    deployment: Deployment, worker: DeletionWorker, ledger_database: LedgerDatabase
) -> None:
    cancelled, _ = await a_due_key(deployment), await a_due_key(deployment)
    from_the_future(ledger_database.admin_url)
    event = cancelled.cancel_deletion(a_call(Operation.CANCEL_KEY_DELETION))
    await deployment.writer.append(a_change(cancelled, event))
    assert await worker.round() == 1
    assert left(ledger_database) == {cancelled.key_id}


async def test_a_key_whose_own_stream_cannot_be_read_keeps_no_other_one(
    deployment: Deployment, worker: DeletionWorker, ledger_database: LedgerDatabase
) -> None:
    keys = [await a_due_key(deployment) for _ in range(3)]
    strange = keys[0]
    from_the_future(ledger_database.admin_url, stream=strange.key_id, version=strange.version + 1)
    with capture_logs() as logs:
        assert await worker.round() == 2
    assert left(ledger_database) == {strange.key_id}
    told = [line["key_id"] for line in logs if line["event"] == "deletion.unforeseen"]
    assert told == [str(strange.key_id)]


@pytest.mark.parametrize("error", [ServiceUnavailable(), RuntimeError("unforeseen")])
async def test_whatever_goes_wrong_in_a_round_and_in_telling_the_worker_lives(error: Exception) -> None:
    class Failing:
        async def round(self) -> NoReturn:
            raise error

        async def tell(self) -> NoReturn:
            raise error

    with capture_logs() as logs:
        await deletion_worker._round(Failing())  # type: ignore[arg-type]
        await deletion_worker._tell(Failing())  # type: ignore[arg-type]
    assert [line["log_level"] for line in logs] == (
        ["warning"] * 2 if isinstance(error, ServiceUnavailable) else ["error"] * 2
    )
