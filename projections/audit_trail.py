"""The audit trail: every event as one row that names all an auditor may ask by, with one English sentence.

Here: the fold, and where its rows go. Not here: questions about them (:mod:`projections.audit_questions`), and the
sentences (:mod:`domain.audit.sentences`). The table is ``projections/sql/audit_trail.sql``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import lru_cache
from ipaddress import ip_interface
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain import events
from domain.audit.facts import OUTCOMES, Outcome, accounts_of, key_named
from domain.audit.sentences import of_use, sentence
from domain.events import Event, KeyUsed
from projections.copying import NULL, cell, copy_lines, json_text, line
from projections.pages import Connection, Entry


class AuditRow(NamedTuple):
    """The columns of ``audit_trail``, in its order. JSON columns are text here."""

    position: int
    recorded_at: datetime
    called_at: datetime
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
    key_id: UUID | None
    resource: str | None
    encryption_context: str | None
    source_ip: str | None
    user_agent: str
    secure_transport: bool
    request_id: UUID
    occurrences: int
    sentence: str
    details: str | None


COLUMNS: Final = AuditRow._fields

_USED: Final = Outcome.USED.value


def audit_row(position: int, recorded_at: datetime, event: Event) -> AuditRow:
    """The row of an event: of nothing but the event, so that a rebuild makes the same one."""
    call = event.call
    by = call.by
    kind = type(event)
    account_id, other = accounts_of(event)
    context = getattr(event, "encryption_context", None)
    return AuditRow(
        position,
        recorded_at,
        call.at,
        event.TOPIC,
        call.operation.value,
        OUTCOMES[kind].value,
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
        key_named(event),
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


def line_of_use(position: int, recorded_at: datetime, use: Mapping[str, Any]) -> str:
    """The line of that row for COPY, for a :class:`~domain.events.KeyUsed`, given its fields as they are stored. Nearly
    all of a ledger are uses, and this takes a fifth of the time.

    :param use: see :attr:`~projections.pages.Entry.is_unescaped`: without a character that COPY knows another way.
    """
    call, context = use["call"], use["encryption_context"]
    optional = call.get
    kind, principal, assumed_by = call["kind"], call["principal"], optional("assumed_by", "")
    operation, region_id, source_ip, key_id = call["operation"], call["region_id"], call["source_ip"], use["key_id"]
    told = of_use(kind, principal, assumed_by, operation, key_id, region_id, source_ip)
    if "\\" in told:  # what is not printed stands in a sentence with one
        told = cell(told)
    return (
        f"{position}\t{_moment(recorded_at)}\t{use['timestamp']}\t{KeyUsed.TOPIC}\t{operation}\t{_USED}\t{NULL}\t"
        f"{NULL}\t{call['account_id']}\t{NULL}\t{principal}\t{kind}\t{optional('principal_id', '')}\t"
        f"{optional('user_name', '')}\t{call['access_key_id']}\t{assumed_by or NULL}\t{region_id}\t{key_id}\t{NULL}\t"
        f"{json_text(context) if context else NULL}\t{_address(source_ip) or NULL}\t{call['user_agent']}\t"
        f"{call['secure_transport']}\t{call['request_id']}\t1\t{told}\t"
        f'{{"key_version_id":"{use["key_version_id"]}"}}\n'
    )


class AuditTrailRows:
    """The projection."""

    name = "audit_trail"
    tables: tuple[str, ...] = ("audit_trail",)
    changes_only = False

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        for month in sorted({(entry.recorded_at.year, entry.recorded_at.month) for entry in page}):
            await connection.execute("select audit_trail_month(%s)", (date(*month, 1),))
        await copy_lines(connection, "audit_trail", COLUMNS, map(_line, page))


def _line(entry: Entry) -> str:
    if entry.topic == KeyUsed.TOPIC and entry.is_unescaped:
        return line_of_use(entry.position, entry.recorded_at, entry.fields)
    return line(audit_row(entry.position, entry.recorded_at, entry.event))


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
