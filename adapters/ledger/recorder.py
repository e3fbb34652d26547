"""Our table as recorders of the ``eventsourcing`` library: repositories, notification log and tracking work on it.

Reading is the library's own, through the view ``ledger.stored_events``. Writing goes through ``ledger.append`` like
every other write, so positions are gapless and the service's role needs no right to insert. Tables are made by
``scripts/migrate``: ``create_table`` makes nothing, it looks whether they are there. There are no snapshots, because
streams are short.

The library repeats a call whose connection broke, not knowing whether its COMMIT stands. Here a first attempt refuses
what stands already, as the library's contract wants; a repeated attempt takes the very same bytes for its own.

The service itself appends by :class:`adapters.ledger.writer.LedgerWriter`: tallies and sealed rows have no words in the
library. These recorders serve tools, and processes that follow the ledger.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson

# The module and not its names: the library finds the one factory of a persistence module by looking at its names.
from eventsourcing import postgres
from eventsourcing.persistence import (
    IntegrityError,
    InterfaceError,
    Mapper,
    OperationalError,
    ProgrammingError,
    StoredEvent,
    Tracking,
    Transcoder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic
from psycopg import Cursor, sql
from psycopg.rows import DictRow

from adapters.ledger.arrays import register
from adapters.ledger.batch import APPEND, Encoded, Row, parameters
from adapters.ledger.connection import OPTIONS
from adapters.ledger.mapper import ClosedMapper
from domain.events import CHANGES
from domain.guard import Guard

SCHEMA: Final = "ledger"
EVENTS: Final = "stored_events"
TRACKING: Final = "tracking"
CHANNEL: Final = "ledger"

POLL_SECONDS: Final = 1.0
"""How late an event can come to a subscriber whose notification was lost."""

_ATTEMPTS: Final = 10
_PAUSE_SECONDS: Final = 0.2

Answer = TypeVar("Answer")


class _Appending(postgres.PostgresRecorder):
    """What all our recorders of events share."""

    def __init__(self, datastore: postgres.PostgresDatastore, **names: Any) -> None:
        if datastore.schema != SCHEMA or datastore.originator_id_type != "uuid" or datastore.enable_db_functions:
            raise ProgrammingError(f"the ledger is in schema {SCHEMA!r}, has UUIDs, and its own append function")
        super().__init__(datastore, **names)

    def create_table(self) -> None:
        """:raises ProgrammingError: the ledger's schema is not there."""
        _look_for(self.datastore, f"{SCHEMA}.{EVENTS}")

    def _append(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Tracking | None = None,
        guards: Sequence[Guard] = (),
        **_: Any,
    ) -> list[int]:
        """Record events, and tracking with them, in one transaction; return their positions.

        :raises IntegrityError: a version or a request is taken, a guard moved, or the tracking is not ahead.
        """
        if not stored_events and tracking is None:
            return []
        encoded = _encoded(stored_events, guards) if stored_events else None

        def attempt(repeated: bool) -> list[int]:
            with self.datastore.transaction(commit=True) as cursor:
                outcome, first = ("recorded", 0) if encoded is None else _append_one(cursor, encoded)
                if outcome == "stands" and not repeated:
                    raise IntegrityError("these events were recorded before")
                # What stands was committed together with its tracking.
                if tracking is not None and outcome == "recorded":
                    self._track(cursor, tracking)
            return list(range(first, first + len(stored_events)))

        return _insist(attempt)

    def _track(self, cursor: Cursor[DictRow], tracking: Tracking) -> None:
        raise ProgrammingError(f"{type(self).__name__} keeps no tracking")


class LedgerAggregateRecorder(_Appending, postgres.PostgresAggregateRecorder):
    """Streams."""

    def __init__(self, datastore: postgres.PostgresDatastore, **names: Any) -> None:
        super().__init__(datastore, events_table_name=EVENTS, **names)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        self._append(stored_events, **{**kwargs, "tracking": None})


class LedgerApplicationRecorder(_Appending, postgres.PostgresApplicationRecorder):
    """Streams and the one order of all events. ``position`` is the notification id."""

    def __init__(self, datastore: postgres.PostgresDatastore, **names: Any) -> None:
        super().__init__(datastore, events_table_name=EVENTS, **names)
        self.channel_name = CHANNEL

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """``guards`` may be among ``kwargs``."""
        return self._append(stored_events, **kwargs)

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LedgerSubscription:
        return LedgerSubscription(recorder=self, gt=gt, topics=topics)


class LedgerSubscription(postgres.PostgresSubscription):
    """The library's subscription, which also looks each second for what a notification did not tell."""

    def _listen(self) -> None:
        while not self._has_been_stopped and not self._thread_error:
            try:
                self._listen_and_poll()
            except (OperationalError, InterfaceError):
                time.sleep(_PAUSE_SECONDS)
            except BaseException as error:  # noqa: BLE001  the consumer's thread raises it
                self._thread_error = self._thread_error or error
                self.stop()

    def _listen_and_poll(self) -> None:
        with self._recorder.datastore.get_connection() as connection:
            connection.execute(sql.SQL("listen {}").format(sql.Identifier(CHANNEL)))
            try:
                # Whatever was committed between the first look and this LISTEN notified nobody.
                self._has_been_notified.set()
                due = time.monotonic() + POLL_SECONDS
                while not self._has_been_stopped and not self._thread_error:
                    told = list(connection.notifies(timeout=0.1, stop_after=1))
                    if told or time.monotonic() >= due:
                        self._has_been_notified.set()
                        due = time.monotonic() + POLL_SECONDS
            finally:
                # The connection goes back to the pool; it must not collect notifications there.
                with contextlib.suppress(Exception):
                    connection.execute("unlisten *")


class LedgerTrackingRecorder(postgres.PostgresTrackingRecorder):
    """How far each follower has read: ``projections.tracking``, which our own projections use as well."""

    def __init__(self, datastore: postgres.PostgresDatastore, **names: Any) -> None:
        if not datastore.single_row_tracking:
            raise ProgrammingError("projections.tracking has one row for each follower")
        super().__init__(datastore, tracking_table_name=TRACKING, **names)
        self.insert_tracking_statement = sql.SQL(
            "insert into projections.tracking as t values (%(application_name)s, %(notification_id)s)"
            " on conflict (application_name) do update set notification_id = excluded.notification_id"
            " where t.notification_id < excluded.notification_id returning notification_id"
        ).format()
        self.max_tracking_id_statement = sql.SQL(
            "select notification_id as max from projections.tracking where application_name = %s"
            " union all select null order by 1 limit 1"
        ).format()

    def create_table(self) -> None:
        """:raises ProgrammingError: the table is not there."""
        _look_for(self.datastore, f"projections.{TRACKING}")


class LedgerProcessRecorder(LedgerTrackingRecorder, LedgerApplicationRecorder, postgres.PostgresProcessRecorder):
    """Events and tracking, committed together."""

    def create_table(self) -> None:
        LedgerTrackingRecorder.create_table(self)
        LedgerApplicationRecorder.create_table(self)

    def _track(self, cursor: Cursor[DictRow], tracking: Tracking) -> None:
        self._insert_tracking(cursor, tracking)


class LedgerFactory(postgres.PostgresFactory):
    """The factory of persistence module ``adapters.ledger.recorder``; settings as for ``eventsourcing.postgres``.

    Whatever the application is called, the tables are the ledger's.
    """

    aggregate_recorder_class = LedgerAggregateRecorder
    application_recorder_class = LedgerApplicationRecorder
    tracking_recorder_class = LedgerTrackingRecorder
    process_recorder_class = LedgerProcessRecorder

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        self.datastore.schema = SCHEMA
        assert isinstance(self.datastore.pool.kwargs, dict), "as the library makes it"
        self.datastore.pool.kwargs.update(OPTIONS)

    def mapper(
        self, transcoder: Transcoder | None = None, mapper_class: type[Mapper[Any]] | None = None
    ) -> Mapper[Any]:
        """The closed one, always.

        :raises ProgrammingError: a cipher, a compressor or another mapper is asked for. The ledger has one format.
        """
        if mapper_class not in {None, ClosedMapper} or self.env.get(self.MAPPER_TOPIC):
            raise ProgrammingError("the ledger is read by its closed mapper only")
        if self.env.get(self.COMPRESSOR_TOPIC) or self.env.get(self.CIPHER_TOPIC) or self.env.get("CIPHER_KEY"):
            raise ProgrammingError("events stand in the ledger as they are: set no cipher and no compressor")
        return ClosedMapper()

    def aggregate_recorder(self, purpose: str = "events") -> LedgerAggregateRecorder:
        if purpose != "events":
            raise ProgrammingError(f"the ledger keeps events, and no {purpose}")
        return self._ready(LedgerAggregateRecorder(self.datastore))

    def application_recorder(self) -> LedgerApplicationRecorder:
        return self._ready(LedgerApplicationRecorder(self.datastore))

    def process_recorder(self) -> LedgerProcessRecorder:
        return self._ready(LedgerProcessRecorder(self.datastore))

    def tracking_recorder(self, tracking_recorder_class: type[Any] | None = None) -> Any:
        topic = self.env.get(self.TRACKING_RECORDER_TOPIC)
        made_by = tracking_recorder_class or (resolve_topic(topic) if topic else LedgerTrackingRecorder)
        if not issubclass(made_by, LedgerTrackingRecorder):
            raise ProgrammingError(f"{made_by.__name__} does not know projections.tracking")
        return self._ready(made_by(self.datastore))

    def _ready(self, recorder: _Recorder) -> _Recorder:
        if self.env_create_table():
            recorder.create_table()
        return recorder


_Recorder = TypeVar("_Recorder", bound=postgres.PostgresRecorder)


def _look_for(datastore: postgres.PostgresDatastore, name: str) -> None:
    with datastore.get_connection() as connection:
        found = connection.execute("select to_regclass(%s) is not null as there", (name,)).fetchone()
    if not found or not found["there"]:
        raise ProgrammingError(f"{name} is not there: run scripts/migrate")


def _encoded(stored_events: Sequence[StoredEvent], guards: Sequence[Guard]) -> Encoded:
    claims = {claim for event in stored_events if (claim := _claim(event)) is not None}
    if len(claims) > 1:
        raise ProgrammingError("changes made by several requests are recorded one by one")
    return Encoded(
        rows=tuple(
            Row(_uuid(event).bytes, event.originator_version, event.topic.encode(), event.state)
            for event in stored_events
        ),
        claim=next(iter(claims), None),
        guards=tuple(guards),
        tallies=(),
        sealed=(),
    )


def _claim(event: StoredEvent) -> UUID | None:
    """The request's stream of a change: without it followers would not see a change, and a replay would be possible."""
    return UUID(orjson.loads(event.state)["call"]["stream"]) if event.topic in CHANGES else None


def _uuid(event: StoredEvent) -> UUID:
    if not isinstance(event.originator_id, UUID):
        raise ProgrammingError("the ledger's streams are UUIDs")
    return event.originator_id


def _append_one(cursor: Cursor[DictRow], encoded: Encoded) -> tuple[str, int]:
    """``recorded`` or ``stands``, and the position of the first event."""
    register(cursor)
    row = cursor.execute(APPEND, parameters([encoded]), prepare=True).fetchone()
    assert row is not None, "one row for each submission"
    if row["first_position"] is None:
        raise IntegrityError(f"the ledger refused: {row['outcome']}, about {row['about']}")
    return row["outcome"], row["first_position"]


def _insist(attempt: Callable[[bool], Answer]) -> Answer:
    """As the library's ``retry``, telling the attempt whether one before it may stand."""
    for number in range(_ATTEMPTS - 1):
        with contextlib.suppress(InterfaceError, OperationalError):
            return attempt(number > 0)
        time.sleep(_PAUSE_SECONDS)
    return attempt(True)
