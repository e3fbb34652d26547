"""The vocabulary of the ledger. What the bytes of each event are for ever: ``tests/golden``."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import MISSING, fields
from typing import Final

import pytest

from domain import events
from domain.events import CHANGES, EVENTS, Event

OF_ONE_CALL: Final = {
    events.KeyUsed,
    events.CallAnswered,
    events.CallRefused,
    events.RoleAssumed,
    events.AuthenticationFailed,
}

every_event = pytest.mark.parametrize("kind", EVENTS)


def test_every_event_of_the_module_is_in_the_closed_list() -> None:
    defined = {
        kind
        for _, kind in inspect.getmembers(events, inspect.isclass)
        if issubclass(kind, Event) and kind is not Event and kind.__module__ == events.__name__
    }
    assert defined == set(EVENTS)


def test_no_two_events_share_a_topic() -> None:
    assert len({kind.TOPIC for kind in EVENTS}) == len(EVENTS)


@every_event
def test_a_topic_is_a_literal_of_the_class_itself(kind: type[Event]) -> None:
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    literals = [
        ast.literal_eval(line.value)
        for line in definition.body
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "TOPIC"
    ]
    assert literals == [kind.TOPIC]
    assert re.fullmatch(r"(kms|ram|sts)(\.[a-z]+(-[a-z]+)*){2}", kind.TOPIC)


@every_event
def test_events_are_frozen(kind: type[Event]) -> None:
    assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]


@every_event
def test_events_are_declared_keyword_only(kind: type[Event]) -> None:
    """The library makes dataclasses of its own accord and ignores this decorator; type checkers read it and insist."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    assert [ast.unparse(line) for line in definition.decorator_list] == ["dataclass(frozen=True, kw_only=True)"]


@every_event
def test_the_time_of_an_event_is_given_and_never_read(kind: type[Event]) -> None:
    (timestamp,) = (field for field in fields(kind) if field.name == "timestamp")
    assert timestamp.default is MISSING
    assert timestamp.default_factory is MISSING


def test_changes_are_all_events_but_those_of_one_call() -> None:
    assert {kind.TOPIC for kind in EVENTS if kind not in OF_ONE_CALL} == CHANGES
