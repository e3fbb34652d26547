"""What an event says of itself, in the words that an audit trail is asked by: its outcome, its key, whose it is.

Here: what follows from one event alone. Not here: the sentence about it (:mod:`domain.audit.sentences`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain import events
from domain.events import Event
from domain.vocabulary import Operation


class Outcome(StrEnum):
    """What an event says of the requests that it stands for."""

    CHANGED = "changed"
    USED = "used"
    READ = "read"
    REFUSED = "refused"
    UNAUTHENTICATED = "unauthenticated"


OUTCOMES: Final[Mapping[type[Event], Outcome]] = dict.fromkeys(events.EVENTS, Outcome.CHANGED) | {
    events.KeyUsed: Outcome.USED,
    events.CallAnswered: Outcome.READ,
    events.CallRefused: Outcome.REFUSED,
    events.AuthenticationFailed: Outcome.UNAUTHENTICATED,
}

OF_KEYS: Final = frozenset(event for event in events.EVENTS if event.TOPIC.startswith("kms.key.")) - {events.KeyUsed}
"""Events that stand in their key's stream."""


def key_named(event: Event) -> UUID | None:
    """The CMK that the event is about; None where it is about none."""
    key_id: UUID | None = event.originator_id if type(event) in OF_KEYS else getattr(event, "key_id", None)
    return key_id


def accounts_of(event: Event) -> tuple[str, str | None]:
    """Whose trail it belongs to, and the caller's account where that is another one."""
    caller = event.call.by.account_id
    concerned = getattr(event, "account_id", None) or _of_refused_role(event) or caller
    return concerned, caller if caller and caller != concerned else None


def _of_refused_role(event: Event) -> str | None:
    """The account of a role that somebody was refused: its owner wants to know."""
    if isinstance(event, events.CallRefused) and event.call.operation is Operation.ASSUME_ROLE and event.resource:
        parts = event.resource.split(":")
        return parts[3] if len(parts) > 4 and parts[3].isdecimal() else None
    return None


def account_of(arn: str) -> str:
    """``acs:ram::<account>:…``."""
    parts = arn.split(":", 4)
    return parts[3] if len(parts) > 3 else ""
