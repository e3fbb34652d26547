"""Events to topic and JSON bytes, and back: a closed mapper.

Only the topics of :data:`domain.events.EVENTS` are known; a stored topic never names a Python path, so nothing in the
database can make this process import or run anything. The bytes are UTF-8 JSON with the event's fields and its call.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from adapters.identifiers import uuid_read
from domain.call import NO_PARAMETERS, Call, Caller
from domain.events import EVENTS, Event
from domain.vocabulary import Operation

_OPTIONS: Final = orjson.OPT_UTC_Z
_LEFT_OUT: Final[Mapping[str, object]] = {"resource": "", "request_parameters": NO_PARAMETERS}
"""Fields that were added later, empty."""
_STREAM_FIELDS: Final = frozenset(("originator_id", "originator_version", "timestamp", "call"))
_OPERATIONS: Final = {operation.value: operation for operation in Operation}
_CALLERS_KEPT: Final = 4_096


class UnknownTopic(ValueError):
    """The ledger holds a topic that this version does not know: it was written by a newer one, or not by us."""


class CorruptEvent(ValueError):
    """The bytes under a known topic do not make that event."""


class ClosedMapper(Mapper[UUID]):
    """The library's mapper, with our closed list instead of imports by name."""

    def __init__(self) -> None:
        super().__init__(JSONTranscoder())

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        return StoredEvent(
            domain_event.originator_id, domain_event.originator_version, domain_event.TOPIC, encode(domain_event)
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Event:
        """:raises UnknownTopic: not one of ours. :raises CorruptEvent: not that topic's fields."""
        stream = stored_event.originator_id
        assert isinstance(stream, UUID), "our table's streams are UUIDs"
        return decode(stream, stored_event.originator_version, stored_event.topic, stored_event.state)


def encode(event: Event) -> bytes:
    """The bytes that stand in the ledger.

    Fields that were added later are left out while empty: what could be recorded before is recorded in the same bytes.
    """
    # Every use comes through here: what is left out is taken away, instead of looking at each name of the event.
    state = vars(event).copy()
    del state["originator_id"], state["originator_version"], state["timestamp"], state["call"]
    for name in _LEFT_OUT:
        if not state.get(name, "none of this event"):
            del state[name]
    state["timestamp"] = event.timestamp
    state["call"] = _call_state(event.call)
    return orjson.dumps(state, option=_OPTIONS)


def _call_state(call: Call) -> dict[str, object]:
    """The recorded facts of a call: all but its time, which the event has, and the authority seen, which is a guard."""
    by = call.by
    state: dict[str, object] = {
        "account_id": by.account_id,
        "kind": by.kind,
        "principal": by.principal,
        "access_key_id": by.access_key_id,
        "operation": call.operation.value,
        "request_id": call.request_id,
        "stream": call.stream,
        "region_id": call.region_id,
        "source_ip": call.source_ip,
        "user_agent": call.user_agent,
        "secure_transport": call.secure_transport,
    }
    # Added after the first ledgers were written: left out while empty, one by one because every use comes through here.
    if by.principal_id:
        state["principal_id"] = by.principal_id
    if by.user_name:
        state["user_name"] = by.user_name
    if by.assumed_by:
        state["assumed_by"] = by.assumed_by
    return state


class _Reader(NamedTuple):
    """How one topic is read.

    :param names: of all that an event has. :param left_out: those that are not stored while they are empty, empty.
    :param converters: of fields that JSON has no type for.
    """

    event_class: type[Event]
    names: frozenset[str]
    left_out: tuple[tuple[str, object], ...]
    converters: tuple[tuple[str, Callable[[Any], Any]], ...]


def decode(stream: UUID, version: int, topic: str, state: bytes) -> Event:
    """Replays pass through here, hundreds of thousands of events at a time: what is read becomes the event as it is,
    where it has all of the event's fields and no others.

    :raises UnknownTopic: not one of ours. :raises CorruptEvent: not that topic's fields.
    """
    reader = _READERS.get(topic)
    if reader is None:
        raise UnknownTopic(f"topic {topic!r} at version {version} of stream {stream}")
    event_class, names, left_out, converters = reader
    try:
        values = orjson.loads(state)
        for name, empty in left_out:
            values.setdefault(name, empty)
        whole = values.keys() == names
        values["timestamp"] = at = datetime.fromisoformat(values["timestamp"])
        values["call"] = _call(values["call"], at)
        for name, convert in converters:
            if whole or name in values:
                values[name] = convert(values[name])
        if not whole:
            return event_class(originator_id=stream, originator_version=version, **values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptEvent(f"{topic} at version {version} of stream {stream}: {error!r}") from error
    values["originator_id"], values["originator_version"] = stream, version
    event = object.__new__(event_class)
    # What a frozen dataclass's own constructor does, for all fields at once.
    object.__setattr__(event, "__dict__", values)
    return event


def _call(stored: Mapping[str, Any], at: datetime) -> Call:
    by = _caller(
        stored["account_id"],
        stored["kind"],
        stored["principal"],
        stored["access_key_id"],
        stored.get("principal_id", ""),
        stored.get("user_name", ""),
        stored.get("assumed_by", ""),
    )
    return Call(
        by=by,
        operation=_OPERATIONS[stored["operation"]],
        request_id=uuid_read(stored["request_id"]),
        stream=uuid_read(stored["stream"]),
        at=at,
        region_id=stored["region_id"],
        source_ip=stored["source_ip"],
        user_agent=stored["user_agent"],
        secure_transport=stored["secure_transport"],
    )


@lru_cache(maxsize=_CALLERS_KEPT)
def _caller(
    account_id: str,
    kind: str,
    principal: str,
    access_key_id: str,
    principal_id: str,
    user_name: str,
    assumed_by: str,
) -> Caller:
    """Few callers make most of a ledger's events, and a caller never changes."""
    return Caller(
        account_id=account_id,
        kind=kind,
        principal=principal,
        access_key_id=access_key_id,
        principal_id=principal_id,
        user_name=user_name,
        assumed_by=assumed_by,
    )


def _converter(hint: Any) -> Callable[[Any], Any]:
    """From JSON's types to the field's."""
    if hint is UUID:
        return uuid_read
    if hint is datetime:
        return datetime.fromisoformat
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (argument for argument in get_args(hint) if argument is not type(None))
        convert = _converter(inner)
        return lambda value: None if value is None else convert(value)
    if get_origin(hint) is tuple:
        convert = _converter(get_args(hint)[0])
        return lambda values: tuple(convert(value) for value in values)
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _reader(event_class: type[Event]) -> _Reader:
    hints = get_type_hints(event_class)
    own = [field.name for field in fields(event_class) if field.name not in _STREAM_FIELDS]
    converters = [(name, _converter(hints[name])) for name in own]
    return _Reader(
        event_class,
        frozenset((*own, "timestamp", "call")),
        tuple((name, empty) for name, empty in _LEFT_OUT.items() if name in own),
        tuple((name, convert) for name, convert in converters if convert is not _as_it_is),
    )


_READERS: Final = {event_class.TOPIC: _reader(event_class) for event_class in EVENTS}
