"""The audit trail: every event as one row that names all an auditor may ask by, with one English sentence.

Here: the fold, and where its rows go. Not here: questions about them (:mod:`projections.audit_questions`), and the
sentences (:mod:`domain.audit.sentences`). The table is ``projections/sql/audit_trail.sql``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_interface
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain import events
from domain.audit.sentences import of_use, sentence
from domain.events import Event, KeyUsed
from domain.vocabulary import Operation
from projections.copying import copy_rows, json_text
from projections.pages import Connection, Entry


class Outcome(StrEnum):
    """What an event says of the requests that it stands for."""

    CHANGED = "changed"
    USED = "used"
    READ = "read"
    REFUSED = "refused"
    UNAUTHENTICATED = "unauthenticated"


class AuditRow(NamedTuple):
    """The columns of ``audit_trail``, in its order. JSON columns are text here; times and ids may be."""

    position: int
    recorded_at: datetime | str
    called_at: datetime | str
    topic: str
    operation: str
    outcome: str
    error_code: str | None
    error_message: str | None
    account_id: str
    other_account_id: str | None
    principal: str
    principal_kind: str
    principal_id: str
    user_name: str
    access_key_id: str
    assumed_by: str | None
    region_id: str
    key_id: UUID | str | None
    resource: str | None
    encryption_context: str | None
    source_ip: str | None
    user_agent: str
    secure_transport: bool
    request_id: UUID | str
    occurrences: int
    sentence: str
    details: str | None


COLUMNS: Final = AuditRow._fields


def audit_row(position: int, recorded_at: datetime, event: Event) -> AuditRow:
    """The row of an event: of nothing but the event, so that a rebuild makes the same one."""
    call = event.call
    by = call.by
    kind = type(event)
    account_id, other = _accounts(event)
    context = getattr(event, "encryption_context", None)
    return AuditRow(
        position,
        recorded_at,
        call.at,
        event.TOPIC,
        call.operation.value,
        _OUTCOMES[kind],
        getattr(event, "code", None),
        getattr(event, "message", None),
        account_id,
        other,
        by.principal,
        by.kind,
        by.principal_id,
        by.user_name,
        # Of failed authentications the access key that they were made against.
        event.access_key_id if isinstance(event, events.AuthenticationFailed) else by.access_key_id,
        by.assumed_by or None,
        call.region_id,
        event.originator_id if kind in _OF_KEYS else getattr(event, "key_id", None),
        getattr(event, "resource", None) or getattr(event, "role_arn", None),
        json_text(context) if context else None,
        _address(getattr(event, "source_ip", call.source_ip)),
        call.user_agent,
        call.secure_transport,
        call.request_id,
        getattr(event, "count", 1),
        sentence(event),
        _details(event, kind),
    )


def row_of_use(position: int, recorded_at: datetime, use: Mapping[str, Any]) -> AuditRow:
    """The same for a :class:`~domain.events.KeyUsed`, given its fields as they are stored: nearly all of a ledger are
    uses, and this takes a third of the time.
    """
    call, key_id, context = use["call"], use["key_id"], use["encryption_context"]
    kind, principal, assumed_by = call["kind"], call["principal"], call.get("assumed_by", "")
    operation, region_id, source_ip = call["operation"], call["region_id"], call["source_ip"]
    return AuditRow(
        position,
        _moment(recorded_at),
        use["timestamp"],
        KeyUsed.TOPIC,
        operation,
        _USED,
        None,
        None,
        call["account_id"],
        None,
        principal,
        kind,
        call.get("principal_id", ""),
        call.get("user_name", ""),
        call["access_key_id"],
        assumed_by or None,
        region_id,
        key_id,
        None,
        json_text(context) if context else None,
        _address(source_ip),
        call["user_agent"],
        call["secure_transport"],
        call["request_id"],
        1,
        of_use(kind, principal, assumed_by, operation, key_id, region_id, source_ip),
        f'{{"key_version_id":"{use["key_version_id"]}"}}',
    )


class AuditTrailRows:
    """The projection."""

    name = "audit_trail"
    tables: tuple[str, ...] = ("audit_trail",)
    changes_only = False

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        for month in sorted({(entry.recorded_at.year, entry.recorded_at.month) for entry in page}):
            await connection.execute("select audit_trail_month(%s)", (date(*month, 1),))
        await copy_rows(connection, "audit_trail", COLUMNS, map(_row, page))


def _row(entry: Entry) -> AuditRow:
    if entry.topic == KeyUsed.TOPIC:
        return row_of_use(entry.position, entry.recorded_at, entry.fields)
    return audit_row(entry.position, entry.recorded_at, entry.event)


_OUTCOMES: Final[Mapping[type[Event], str]] = dict.fromkeys(events.EVENTS, Outcome.CHANGED.value) | {
    events.KeyUsed: Outcome.USED.value,
    events.CallAnswered: Outcome.READ.value,
    events.CallRefused: Outcome.REFUSED.value,
    events.AuthenticationFailed: Outcome.UNAUTHENTICATED.value,
}

_USED: Final = Outcome.USED.value

_OF_KEYS: Final = frozenset(event for event in events.EVENTS if event.TOPIC.startswith("kms.key.")) - {events.KeyUsed}
"""Events that stand in their key's stream."""

_IN_COLUMNS: Final = frozenset((
    "originator_id", "originator_version", "timestamp", "call", "code", "message", "account_id", "key_id", "resource",
    "encryption_context", "source_ip", "count",
))  # fmt: skip
_DETAILS: Final[Mapping[type[Event], tuple[str, ...]]] = {
    event: tuple(field.name for field in fields(event) if field.name not in _IN_COLUMNS) for event in events.EVENTS
}


def _details(event: Event, kind: type[Event]) -> str | None:
    names = _DETAILS[kind]
    return json_text({name: getattr(event, name) for name in names}) if names else None


def _accounts(event: Event) -> tuple[str, str | None]:
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


_moment: Final = lru_cache(maxsize=256)(str)
"""Events of one commit have one time."""


@lru_cache(maxsize=4_096)
def _address(text: str) -> str | None:
    """As PostgreSQL's ``inet`` takes it; None for the service's own acts, and where sources were counted together."""
    try:
        return (
            str(ip_interface(text.partition("%")[0])) if "/" in text else str(ip_interface(text.partition("%")[0]).ip)
        )
    except ValueError:
        return None
