"""An event of the trail for people: who, what, on what, from where, how it came out; and all that is known of it.

Here: which of a row's columns say that. Not here: how it is laid out (:mod:`scripts.auditing.listing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.audit.facts import Outcome
from domain.audit.words import brief as cut
from scripts.auditing.completeness import brief_time
from scripts.auditing.principals import brief
from scripts.envelope.terminal import printable_json
from scripts.operating.table import Cell, Table

Event = Mapping[str, Any]

SOMEBODY: Final = "somebody"

BRIEFLY: Final = ("time", "outcome", "who", "what", "on_what", "from", "sentence")


def briefly(event: Event) -> tuple[str, ...]:
    """The cells of :data:`BRIEFLY`."""
    return (
        brief_time(text(event, "recorded_at")),
        text(event, "outcome"),
        who(event),
        text(event, "operation"),
        on_what(event),
        text(event, "source_ip"),
        f"{text(event, 'sentence')}{_how(event)}",
    )


def _how(event: Event) -> str:
    """With which client and which encryption context: the sentence leaves them out."""
    client, context = text(event, "user_agent"), pairs(event.get("encryption_context"))
    told = [f"Client {cut(client, _CLIENT_MAX)}"] if client else []
    told += [f"context {cut(context, _CONTEXT_MAX)}"] if context else []
    return f" {'; '.join(told)}." if told else ""


def pairs(context: object) -> str:
    """``server=www, purpose=tls``; empty for no encryption context."""
    return ", ".join(f"{name}={value}" for name, value in context.items()) if isinstance(context, Mapping) else ""


_CLIENT_MAX: Final = 60
_CONTEXT_MAX: Final = 120
"""Characters that are shown; --wide and every form for programs have all."""


def events_table(found: Sequence[Event]) -> Table:
    """Events on a page about something."""
    return Table(BRIEFLY, [briefly(event) for event in found])


def who(event: Event) -> str:
    """Who failed to be somebody is nobody that is known: the trail has it from the service itself."""
    if event.get("outcome") == Outcome.UNAUTHENTICATED:
        return SOMEBODY
    name = brief(text(event, "principal"), text(event, "account_id"))
    return name or text(event, "access_key_id")


def on_what(event: Event) -> str:
    return text(event, "key_id") or text(event, "resource").rpartition(":")[2]


def wholly(event: Event, columns: tuple[str, ...]) -> tuple[Cell, ...]:
    """The cells of all columns: what is no single value, as JSON."""
    return tuple(cell(event.get(column)) for column in columns)


def cell(value: object) -> Cell:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return printable_json(value, separators=(",", ":"))


def text(event: Event, name: str) -> str:
    value = event.get(name)
    return "" if value is None else str(value)
