"""The ``eventsourcing`` library's own contract for recorders and factories, on our table, as the service role.

The library's classes are test cases: each is subclassed here and finds its database by a fixture. What a closed ledger
must refuse (ciphers, compressors, other mappers, snapshots) is a test of the refusal.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
import pytest
from eventsourcing.application import AggregateNotFoundError, Application, Repository
from eventsourcing.persistence import (
    EventStore,
    InfrastructureFactory,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
)
from eventsourcing.postgres import PostgresDatastore
from eventsourcing.tests import persistence as contract
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from adapters.ledger import recorder as ours
from adapters.ledger.mapper import ClosedMapper
from adapters.ledger.reader import LedgerReader
from domain import key as keys_of
from domain.events import Event
from domain.key import Key
from domain.vocabulary import KeyState, Operation
from tests.fixtures.ledger import a_call, a_new_key, a_use, after
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import stored_in_database


def settings(database: LedgerDatabase) -> dict[str, str]:
    parts = conninfo_to_dict(database.service_url)
    names = {"dbname": "POSTGRES_DBNAME", "host": "POSTGRES_HOST", "user": "POSTGRES_USER"}
    names |= {"password": "POSTGRES_PASSWORD", "port": "POSTGRES_PORT"}
    found = {variable: str(parts[name]) for name, variable in names.items()}
    return {"PERSISTENCE_MODULE": "adapters.ledger.recorder", "POSTGRES_MAX_OVERFLOW": "20", **found}


@pytest.fixture
def factory(ledger_database: LedgerDatabase) -> Iterator[ours.LedgerFactory]:
    with ours.LedgerFactory(settings(ledger_database)) as made:
        yield made


class _OnOurTable:
    """Gives the library's test cases a factory; ``create_recorder`` is what they ask for."""

    factory: ours.LedgerFactory

    @pytest.fixture(autouse=True)
    def _use(self, factory: ours.LedgerFactory) -> None:
        self.factory = factory


class TestAggregateRecorder(_OnOurTable, contract.AggregateRecorderTestCase):
    def create_recorder(self) -> ours.LedgerAggregateRecorder:
        return self.factory.aggregate_recorder()


class TestApplicationRecorder(_OnOurTable, contract.ApplicationRecorderTestCase[ours.LedgerApplicationRecorder]):
    def create_recorder(self) -> ours.LedgerApplicationRecorder:
        return self.factory.application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(_OnOurTable, contract.TrackingRecorderTestCase):
    def create_recorder(self) -> ours.LedgerTrackingRecorder:
        made = self.factory.tracking_recorder()
        assert isinstance(made, ours.LedgerTrackingRecorder)
        return made


class TestProcessRecorder(_OnOurTable, contract.ProcessRecorderTestCase):
    def create_recorder(self) -> ours.LedgerProcessRecorder:
        return self.factory.process_recorder()


class TestNotificationIdsDoNotInterleave(_OnOurTable, contract.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ours.LedgerApplicationRecorder:
        return self.factory.application_recorder()


class OtherTrackingRecorder(ours.LedgerTrackingRecorder):
    """A materialised view of somebody's application."""


class TestFactory(contract.InfrastructureFactoryTestCase[ours.LedgerFactory]):
    @pytest.fixture(autouse=True)
    def _use(self, ledger_database: LedgerDatabase) -> None:
        self.env = Environment(name="", env=settings(ledger_database))

    def expected_factory_class(self) -> type[ours.LedgerFactory]:
        return ours.LedgerFactory

    def expected_aggregate_recorder_class(self) -> type[ours.LedgerAggregateRecorder]:
        return ours.LedgerAggregateRecorder

    def expected_application_recorder_class(self) -> type[ours.LedgerApplicationRecorder]:
        return ours.LedgerApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[ours.LedgerTrackingRecorder]:
        return ours.LedgerTrackingRecorder

    def tracking_recorder_subclass(self) -> type[ours.LedgerTrackingRecorder]:
        return OtherTrackingRecorder

    def expected_process_recorder_class(self) -> type[ours.LedgerProcessRecorder]:
        return ours.LedgerProcessRecorder

    # The library lets ciphers, compressors and mappers be configured. The ledger has one format of bytes, compared
    # byte by byte to recognise its own events, and readable in ten years: here each of them must be refused.

    def test_mapper_with_compressor(self) -> None:
        self._refuses(self.factory.COMPRESSOR_TOPIC, "zlib")

    def test_mapper_with_cipher(self) -> None:
        self._refuses(self.factory.CIPHER_TOPIC, "eventsourcing.cipher:AESCipher")

    def test_mapper_with_cipher_and_compressor(self) -> None:
        self._refuses("CIPHER_KEY", "c2VjcmV0")

    def test_mapper_with_wrong_cipher_key(self) -> None:
        self._refuses(self.factory.MAPPER_TOPIC, "eventsourcing.persistence:Mapper")

    def test_mapper_is_closed(self) -> None:
        assert type(self.factory.mapper()) is ClosedMapper

    def _refuses(self, name: str, value: str) -> None:
        self.env[name] = value
        with pytest.raises(ProgrammingError):
            self.factory.mapper(transcoder=self.transcoder)


# --- what the library's contract does not ask -----------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["POSTGRES_ENABLE_DB_FUNCTIONS=y", "ORIGINATOR_ID_TYPE=text"])
def test_settings_that_would_go_round_the_append_function_are_refused(
    ledger_database: LedgerDatabase, setting: str
) -> None:
    name, value = setting.split("=")
    with ours.LedgerFactory({**settings(ledger_database), name: value}) as made, pytest.raises(ProgrammingError):
        made.application_recorder()


def test_tracking_in_many_rows_is_refused(ledger_database: LedgerDatabase) -> None:
    several = {**settings(ledger_database), "SINGLE_ROW_TRACKING": "n"}
    with ours.LedgerFactory(several) as made, pytest.raises(ProgrammingError):
        made.tracking_recorder()


def test_there_are_no_snapshots(factory: ours.LedgerFactory) -> None:
    with pytest.raises(ProgrammingError, match="no snapshots"):
        factory.aggregate_recorder(purpose="snapshots")


def test_a_tracking_recorder_of_another_table_is_refused(factory: ours.LedgerFactory) -> None:
    from eventsourcing.postgres import PostgresTrackingRecorder

    with pytest.raises(ProgrammingError):
        factory.tracking_recorder(PostgresTrackingRecorder)


def test_nothing_is_created_where_nothing_was_migrated(database_url: str) -> None:
    parts = conninfo_to_dict(database_url)
    words = {name: str(parts[name]) for name in ("dbname", "host", "user", "password", "port")}
    with PostgresDatastore(**words, schema="ledger") as datastore:  # type: ignore[arg-type]
        for made_by in (ours.LedgerApplicationRecorder, ours.LedgerTrackingRecorder):
            with pytest.raises(ProgrammingError, match="run scripts/migrate"):
                made_by(datastore).create_table()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select from pg_namespace where nspname = 'ledger'").fetchall() == []


def test_recorders_work_with_no_right_to_insert(factory: ours.LedgerFactory, ledger_database: LedgerDatabase) -> None:
    with psycopg.connect(ledger_database.service_url) as connection:
        (may,) = connection.execute("select has_table_privilege('ledger.events', 'insert')").fetchone() or (None,)
    assert may is False
    assert list(factory.application_recorder().insert_events([_stored()])) == [1]


def _stored(version: int = 1, state: bytes = b"state") -> StoredEvent:
    return StoredEvent(a_call().stream, version, "topic", state)


# --- a COMMIT whose acknowledgement is lost -------------------------------------------------------------------------


class LosesOneAcknowledgement(PostgresDatastore):
    """Once, the transaction is committed and the caller hears that the connection broke."""

    lost = False

    def transaction(self, *, commit: bool = False) -> Any:
        from contextlib import contextmanager

        @contextmanager
        def losing() -> Iterator[Any]:
            with super(LosesOneAcknowledgement, self).transaction(commit=commit) as cursor:
                yield cursor
            if not self.lost:
                self.lost = True
                raise OperationalError("server closed the connection unexpectedly")

        return losing()


@pytest.fixture
def losing(ledger_database: LedgerDatabase) -> Iterator[LosesOneAcknowledgement]:
    parts = conninfo_to_dict(ledger_database.service_url)
    words = {name: str(parts[name]) for name in ("dbname", "host", "user", "password", "port")}
    with LosesOneAcknowledgement(**words, schema="ledger") as datastore:  # type: ignore[arg-type]
        yield datastore


def test_a_lost_acknowledgement_is_no_conflict_with_ourselves(losing: LosesOneAcknowledgement) -> None:
    recorder = ours.LedgerApplicationRecorder(losing)
    events = [_stored(), _stored()]
    assert list(recorder.insert_events(events)) == [1, 2]
    assert losing.lost
    assert recorder.max_notification_id() == 2
    with pytest.raises(IntegrityError):
        recorder.insert_events(events)


def test_a_lost_acknowledgement_keeps_events_and_tracking_together(losing: LosesOneAcknowledgement) -> None:
    recorder = ours.LedgerProcessRecorder(losing)
    assert list(recorder.insert_events([_stored()], tracking=Tracking("upstream", 7))) == [1]
    assert losing.lost
    assert recorder.max_tracking_id("upstream") == 7
    assert recorder.max_notification_id() == 1


def test_events_and_tracking_are_committed_together_or_not_at_all(factory: ours.LedgerFactory) -> None:
    recorder = factory.process_recorder()
    recorder.insert_events([_stored()], tracking=Tracking("upstream", 5))
    with pytest.raises(IntegrityError):
        recorder.insert_events([_stored()], tracking=Tracking("upstream", 5))
    with pytest.raises(IntegrityError):
        recorder.insert_events([_stored(version=3)], tracking=Tracking("upstream", 6))
    assert recorder.max_notification_id() == 1
    assert recorder.max_tracking_id("upstream") == 5


# --- subscriptions --------------------------------------------------------------------------------------------------


def test_a_subscription_finds_what_no_notification_told(
    factory: ours.LedgerFactory, ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ours, "CHANNEL", "a channel where nobody speaks")
    monkeypatch.setattr(ours, "POLL_SECONDS", 0.2)
    recorder = factory.application_recorder()
    with recorder.subscribe() as subscription:
        time.sleep(0.5)
        recorder.insert_events([_stored()])
        assert _next(subscription).id == 1


def test_a_subscription_survives_the_end_of_its_connections(
    factory: ours.LedgerFactory, ledger_database: LedgerDatabase
) -> None:
    recorder = factory.application_recorder()
    recorder.insert_events([_stored()])
    with recorder.subscribe() as subscription:
        assert _next(subscription).id == 1
        with psycopg.connect(ledger_database.admin_url, autocommit=True) as connection:
            connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        recorder.insert_events([_stored()])
        assert _next(subscription).id == 2


def _next(subscription: Any) -> Any:
    """The next notification, or a failure after ten seconds instead of a test that hangs."""
    timer = threading.Timer(10, subscription.stop)
    timer.start()
    try:
        return next(subscription)
    finally:
        timer.cancel()


# --- our events in the library's words ------------------------------------------------------------------------------


def project(key: Key | None, history: Iterable[Event]) -> Key | None:
    for event in history:
        key = keys_of.evolve(event, key)
    return key


def test_a_repository_reads_a_key_from_its_stream(factory: ours.LedgerFactory) -> None:
    recorder = factory.application_recorder()
    events: EventStore[Any] = EventStore(factory.mapper(), recorder)
    made = a_new_key()
    disabled = made.key.disable(a_call(Operation.DISABLE_KEY))
    events.put(made.submission.events)
    events.put([disabled])
    key: Any = Repository(events).get(made.key.key_id, projector_func=project)  # type: ignore[type-var]
    assert key == keys_of.evolve(disabled, made.key)
    assert Repository(events).get(made.key.key_id, version=1, projector_func=project) == made.key  # type: ignore[type-var]
    with pytest.raises(AggregateNotFoundError):
        Repository(events).get(a_call().stream, projector_func=project)  # type: ignore[type-var]


def test_an_application_saves_and_reads_plain_events(
    ledger_database: LedgerDatabase,
) -> None:
    application: Application[Any] = Application(env=settings(ledger_database))
    made = a_new_key()
    application.save(*made.submission.events)
    held = made.key.disable(a_call(Operation.DISABLE_KEY))
    application.save(held, guards=(made.held.guard,))
    with pytest.raises(IntegrityError):
        application.save(*a_use(made.key).events, guards=(made.held.guard,))
    key: Any = application.repository.get(made.key.key_id, projector_func=project)  # type: ignore[type-var]
    assert key.state is KeyState.DISABLED
    section = application.notification_log.select(start=1, limit=10)
    assert [notification.topic for notification in section] == ["kms.key.created", "kms.key.disabled"]
    application.close()


async def test_a_change_made_in_the_librarys_words_claims_its_request(
    factory: ours.LedgerFactory, ledger_database: LedgerDatabase
) -> None:
    """So that followers see it as a change, and a replay of its request is refused."""
    recorder, mapper = factory.application_recorder(), factory.mapper()
    made = a_new_key()
    recorder.insert_events([mapper.to_stored_event(event) for event in made.submission.events])
    reader = LedgerReader(ledger_database.service_url)
    await reader.start()
    assert [change[:2] for change in await reader.changes_after(0)] == [(1, made.key.key_id)]
    await reader.close()
    replayed = a_use(made.key, a_call(stream=made.submission.claim))
    with pytest.raises(IntegrityError):
        recorder.insert_events([mapper.to_stored_event(event) for event in replayed.events])
    assert stored_in_database(ledger_database.admin_url).history == list(made.submission.events)


def test_changes_of_two_requests_are_not_one_insert(factory: ours.LedgerFactory) -> None:
    recorder, mapper = factory.application_recorder(), factory.mapper()
    events = [event for made in (a_new_key(), a_new_key()) for event in made.submission.events]
    with pytest.raises(ProgrammingError, match="one by one"):
        recorder.insert_events([mapper.to_stored_event(event) for event in events])


def test_a_persistence_module_is_enough_to_find_the_factory(ledger_database: LedgerDatabase) -> None:
    with InfrastructureFactory.construct(Environment("", settings(ledger_database))) as found:
        assert type(found) is ours.LedgerFactory


def test_recorded_events_are_read_back_as_they_were(factory: ours.LedgerFactory) -> None:
    recorder, mapper = factory.application_recorder(), factory.mapper()
    made = a_new_key()
    use = dataclasses.replace(a_use(made.key).events[0])
    for event in (*made.submission.events, use):
        recorder.insert_events([mapper.to_stored_event(event)])
    read = [mapper.to_domain_event(found) for found in recorder.select_notifications(1, 10)]
    assert read == [*made.submission.events, use]
    assert after(None, made.submission) == made.key
