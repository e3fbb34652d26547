"""What an auditor asks of each CMK, as rows: the fold of a key's events, and where it is put, a page at a time.

The table is ``sql/key_directory.sql``. Who reads it: :mod:`projections.key_directory`, and auditors through
``audit.keys``. Times are those of the calls, as DescribeKey tells them; positions lead to the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain import events
from domain.events import Event
from domain.standing import Standing
from domain.vocabulary import KeyState
from projections.copying import json_text, storable
from projections.pages import Connection, Entry


class KeyRow(NamedTuple):
    """The columns of ``key_directory``, in its order."""

    key_id: UUID
    key_version_id: UUID
    account_id: str
    region_id: str
    key_state: str
    key_spec: str
    key_usage: str
    protection_level: str
    created_position: int
    delete_at: datetime | None
    destroyed: bool
    description: str
    tags: str | None
    origin: str
    created_at: datetime
    created_by: str
    state_since: datetime
    state_by: str
    state_position: int
    deletion_scheduled_at: datetime | None = None
    deletion_scheduled_by: str | None = None
    destroyed_at: datetime | None = None
    destroyed_by: str | None = None


def folded(page: Iterable[Standing], rows: Mapping[UUID, KeyRow]) -> dict[UUID, KeyRow]:
    """The rows that ``page`` leaves otherwise than it found them.

    :param rows: of all keys that it changes.
    :raises KeyError: an event is about a key that was never created: the ledger is corrupt.
    """
    changed: dict[UUID, KeyRow] = {}
    for standing in page:
        key_id = standing.event.originator_id
        if isinstance(standing.event, events.KeyCreated):
            changed[key_id] = _created(standing, standing.event)
        elif (handler := _HANDLERS.get(type(standing.event))) is not None:
            before = changed[key_id] if key_id in changed else rows[key_id]
            changed[key_id] = handler(before, standing, standing.event)
    return changed


class KeyDirectoryRows:
    """The projection: one row per CMK."""

    name = "key_directory"
    tables: tuple[str, ...] = ("key_directory",)
    changes_only = True

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        """Three statements, however many events."""
        concerned = {entry.stream for entry in page if entry.topic in _TOPICS}
        rows: dict[UUID, KeyRow] = {}
        if concerned:
            cursor = await connection.execute(_READ, (list(concerned),))
            rows = {row[0]: KeyRow(*row) for row in await cursor.fetchall()}
        changed = folded((Standing(entry.position, entry.recorded_at, entry.event) for entry in page), rows)
        new = {entry.stream for entry in page if entry.topic == events.KeyCreated.TOPIC}
        if updated := [row for key_id, row in changed.items() if key_id not in new]:
            await connection.execute(_UPDATE, _arrays(updated))
        if inserted := [row for key_id, row in changed.items() if key_id in new]:
            await connection.execute(_INSERT, _arrays(inserted))


def _created(standing: Standing, event: events.KeyCreated) -> KeyRow:
    return KeyRow(
        key_id=event.originator_id,
        key_version_id=event.key_version_id,
        account_id=event.owner,
        region_id=event.region_id,
        key_state=KeyState.ENABLED.value,
        key_spec=event.key_spec,
        key_usage=event.key_usage,
        protection_level=event.protection_level,
        created_position=standing.position,
        delete_at=None,
        destroyed=False,
        description=storable(event.description),
        tags=json_text(event.tags) if event.tags else None,
        origin=event.origin,
        created_at=event.timestamp,
        created_by=event.call.by.principal,
        state_since=event.timestamp,
        state_by=event.call.by.principal,
        state_position=standing.position,
    )


def _in_state(row: KeyRow, state: KeyState, standing: Standing) -> KeyRow:
    """EnableKey on an enabled key is recorded again, and changes nothing."""
    if row.key_state == state:
        return row
    event = standing.event
    return row._replace(
        key_state=state.value,
        state_since=event.timestamp,
        state_by=event.call.by.principal,
        state_position=standing.position,
    )


def _enabled(row: KeyRow, standing: Standing, _: Event) -> KeyRow:
    return _in_state(row, KeyState.ENABLED, standing)


def _disabled(row: KeyRow, standing: Standing, _: Event) -> KeyRow:
    return _in_state(row, KeyState.DISABLED, standing)


def _described(row: KeyRow, _: Standing, event: events.KeyDescriptionUpdated) -> KeyRow:
    return row._replace(description=storable(event.description))


def _scheduled(row: KeyRow, standing: Standing, event: events.KeyDeletionScheduled) -> KeyRow:
    return _in_state(row, KeyState.PENDING_DELETION, standing)._replace(
        delete_at=event.delete_at,
        deletion_scheduled_at=event.timestamp,
        deletion_scheduled_by=event.call.by.principal,
    )


def _cancelled(row: KeyRow, standing: Standing, _: Event) -> KeyRow:
    enabled = _in_state(row, KeyState.ENABLED, standing)
    return enabled._replace(delete_at=None, deletion_scheduled_at=None, deletion_scheduled_by=None)


def _destroyed(row: KeyRow, standing: Standing, event: events.KeyDestroyed) -> KeyRow:
    """Alibaba knows no state for it: such a key is not there any more."""
    by = event.call.by.principal
    since = row._replace(state_since=event.timestamp, state_by=by, state_position=standing.position)
    return since._replace(destroyed=True, destroyed_at=event.timestamp, destroyed_by=by)


_HANDLERS: Final[Mapping[type[Event], Callable[[KeyRow, Standing, Any], KeyRow]]] = {
    events.KeyEnabled: _enabled,
    events.KeyDisabled: _disabled,
    events.KeyDescriptionUpdated: _described,
    events.KeyDeletionScheduled: _scheduled,
    events.KeyDeletionCancelled: _cancelled,
    events.KeyDestroyed: _destroyed,
}

_TOPICS: Final = frozenset(kind.TOPIC for kind in _HANDLERS)

_TIMES: Final = ("delete_at", "created_at", "state_since", "deletion_scheduled_at", "destroyed_at")
_TYPES: Final = (
    {"key_id": "uuid", "key_version_id": "uuid", "destroyed": "boolean", "tags": "jsonb"}
    | dict.fromkeys(("created_position", "state_position"), "bigint")
    | dict.fromkeys(_TIMES, "timestamptz")
)
"""Of columns that are not text."""

_COLUMNS: Final = KeyRow._fields
_GIVEN: Final = f"unnest({', '.join('%s::' + _TYPES.get(name, 'text') + '[]' for name in _COLUMNS)})"
_READ: Final = (
    f"select {', '.join('tags::text' if name == 'tags' else name for name in _COLUMNS)}"  # noqa: S608  # our own columns
    " from key_directory where key_id = any(%s)"
)
_INSERT: Final = f"insert into key_directory ({', '.join(_COLUMNS)}) select * from {_GIVEN}"  # noqa: S608  # as above
_UPDATE: Final = (
    f"update key_directory as d set {', '.join(f'{name} = g.{name}' for name in _COLUMNS[1:])}"  # noqa: S608  # as above
    f" from {_GIVEN} as g ({', '.join(_COLUMNS)}) where d.key_id = g.key_id"
)


def _arrays(rows: Iterable[KeyRow]) -> list[list[object]]:
    """As ``unnest`` takes them."""
    return [list(column) for column in zip(*rows, strict=True)]
