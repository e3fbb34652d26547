"""The closed mapper: what it reads back, and what it refuses to read. Golden files are in ``tests/golden``."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ledger.mapper import ClosedMapper, CorruptEvent, UnknownTopic, decode, encode
from domain.call import Call, Caller
from domain.events import EVENTS, Event, KeyDisabled
from domain.guard import Guard
from domain.vocabulary import Operation
from tests.fixtures.ledger import a_call, a_caller, a_new_key

STREAM = UUID(int=7)

texts = st.text(st.characters(codec="utf-8"), max_size=30)
BEGIN = datetime(2000, 1, 1, tzinfo=UTC)
instants = st.timedeltas(timedelta(0), timedelta(days=365_000)).map(lambda passed: BEGIN + passed)
callers = st.builds(
    Caller,
    account_id=texts,
    kind=texts,
    principal=texts,
    access_key_id=texts,
    principal_id=texts,
    user_name=texts,
    assumed_by=texts,
    authority=st.none(),
)


def calls(at: datetime) -> st.SearchStrategy[Call]:
    return st.builds(
        Call,
        by=callers,
        operation=st.sampled_from(Operation),
        request_id=st.uuids(),
        stream=st.uuids(),
        at=st.just(at),
        region_id=texts,
        source_ip=texts,
        user_agent=texts,
        secure_transport=st.booleans(),
    )


def of_hint(hint: Any) -> st.SearchStrategy[Any]:
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(-(2**53), 2**53),
        bool: st.booleans(),
        UUID: st.uuids(),
        datetime: instants,
        type(None): st.none(),
    }
    if hint in simple:
        return simple[hint]
    arguments = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of(*map(of_hint, arguments))
    if get_origin(hint) is tuple:
        return st.lists(of_hint(arguments[0]), max_size=4).map(tuple)
    assert get_origin(hint) is Mapping, f"no strategy for {hint}"
    return st.dictionaries(of_hint(arguments[0]), of_hint(arguments[1]), max_size=4)


@st.composite
def events_of(draw: st.DrawFn, event_class: type[Event]) -> Event:
    at = draw(instants)
    hints = get_type_hints(event_class)
    names = inspect.get_annotations(event_class).keys() - {"TOPIC"}
    own = {name: draw(of_hint(hints[name])) for name in sorted(names)}
    return event_class(
        originator_id=draw(st.uuids()),
        originator_version=draw(st.integers(1, 2**62)),
        timestamp=at,
        call=draw(calls(at)),
        **own,
    )


@settings(max_examples=40)
@given(data=st.data())
@pytest.mark.parametrize("event_class", EVENTS, ids=lambda event_class: event_class.TOPIC)
def test_every_event_comes_back_as_it_was(event_class: type[Event], data: st.DataObject) -> None:
    event = data.draw(events_of(event_class))
    mapper = ClosedMapper()
    stored = mapper.to_stored_event(event)
    assert stored.topic == event_class.TOPIC
    assert mapper.to_domain_event(stored) == event
    assert encode(mapper.to_domain_event(stored)) == stored.state


@pytest.mark.parametrize(
    "topic",
    ["os:system", "domain.events:KeyDisabled", "builtins:eval", "kms.key.Disabled", "", "kms.key.disabled ", "kms.key"],
)
def test_a_topic_that_is_not_ours_is_refused_and_imports_nothing(topic: str) -> None:
    with pytest.raises(UnknownTopic):
        ClosedMapper().to_domain_event(StoredEvent(STREAM, 1, topic, encode(disabled())))


@pytest.mark.parametrize(
    "state",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'"kms"',
        b'{"timestamp": "yesterday", "call": {}}',
        b'{"timestamp": 7, "call": {}}',
        b'{"timestamp": "2026-06-01T12:00:00Z", "call": null}',
        b'{"timestamp": "2026-06-01T12:00:00Z", "call": {"account_id": "1"}}',
        b"\xff\xfe",
    ],
)
def test_bytes_that_make_no_event_are_corrupt(state: bytes) -> None:
    with pytest.raises(CorruptEvent, match=r"kms\.key\.disabled at version 4"):
        decode(STREAM, 4, "kms.key.disabled", state)


def test_a_field_that_this_version_does_not_know_is_corrupt_and_not_dropped() -> None:
    state = orjson.loads(encode(disabled()))
    with pytest.raises(CorruptEvent):
        decode(STREAM, 1, "kms.key.disabled", orjson.dumps({**state, "from_the_future": 1}))


def test_an_operation_that_this_version_does_not_know_is_corrupt() -> None:
    state = orjson.loads(encode(disabled()))
    state["call"]["operation"] = "DanceWithKey"
    with pytest.raises(CorruptEvent):
        decode(STREAM, 1, "kms.key.disabled", orjson.dumps(state))


def test_a_field_that_is_missing_and_has_no_default_is_corrupt() -> None:
    (created,) = a_new_key().submission.events
    state = orjson.loads(encode(created))
    del state["owner"]
    with pytest.raises(CorruptEvent):
        decode(STREAM, 1, "kms.key.created", orjson.dumps(state))


def test_what_a_decision_was_guarded_by_is_not_part_of_the_fact() -> None:
    guarded = a_call(by=a_caller(authority=Guard(STREAM, 9)))
    event = KeyDisabled(originator_id=STREAM, originator_version=1, timestamp=guarded.at, call=guarded)
    assert b"authority" not in encode(event)
    assert decode(STREAM, 1, "kms.key.disabled", encode(event)).call.by.authority is None


def test_the_bytes_are_the_same_each_time() -> None:
    """A retry after a lost acknowledgement is recognised by its bytes."""
    event = disabled()
    assert encode(event) == encode(event)
    later = KeyDisabled(**{**vars(event), "timestamp": event.timestamp + timedelta(microseconds=1)})
    assert encode(later) != encode(event)


def disabled() -> KeyDisabled:
    call = a_call(Operation.DISABLE_KEY)
    return KeyDisabled(originator_id=STREAM, originator_version=1, timestamp=call.at, call=call)
