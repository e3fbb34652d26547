"""The audit trail: every event as one row that names all an auditor may ask by, with one English sentence.

Here: the fold, and where its rows go. Not here: what many rows have in common (:mod:`projections.audit_profiles`),
questions about them (:mod:`projections.audit_questions`), and the
sentences (:mod:`domain.audit.sentences`). The table is ``projections/sql/audit_trail.sql``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from functools import lru_cache
from ipaddress import ip_interface
from operator import itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain import events
from domain.audit.facts import OUTCOMES, accounts_of, key_named
from domain.audit.sentences import About, of_answer, of_refusal, of_use, sentence
from domain.audit.words import who as named
from domain.call import NO_PARAMETERS
from domain.events import CALLS, CallAnswered, Event, KeyUsed
from domain.vocabulary import Operation
from projections import audit_profiles
from projections.audit_profiles import Profile, Profiles, profile_id
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
    profile: str


STORED: Final = AuditRow._fields
COLUMNS: Final = tuple(name for name in STORED if name != "profile")
"""Those that say something to people."""


def audit_row(position: int, recorded_at: datetime, event: Event) -> AuditRow:
    """The row of an event: of nothing but the event, so that a rebuild makes the same one."""
    call = event.call
    by = call.by
    kind = type(event)
    account_id, other = accounts_of(event)
    context = getattr(event, "encryption_context", None)
    return profiled(
        (
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
    )


def profiled(values: Sequence[Any]) -> AuditRow:
    """:param values: of :data:`COLUMNS`."""
    return AuditRow._make((*values, profile_id(profile_of(values))))


def line_of_call(position: int, recorded_at: datetime, topic: str, stored: Mapping[str, Any]) -> Line:
    """That row for COPY, for one of :data:`SHORTLY`, given its fields as they are stored. Nearly all of a ledger are
    such, and this takes a quarter of the time.

    :param stored: see :attr:`~projections.pages.Entry.is_unescaped`: without a character that COPY knows another way.
    """
    call, field = stored["call"], stored.get
    optional, operation, region_id, source_ip = call.get, call["operation"], call["region_id"], call["source_ip"]
    # In the order of audit_profiles.COLUMNS.
    profile = (
        call["account_id"], None, topic, operation, SHORTLY[topic], field("code"), call["principal"], call["kind"],
        optional("principal_id", ""), optional("user_name", ""), call["access_key_id"], optional("assumed_by") or None,
        region_id, call["user_agent"], call["secure_transport"],
    )  # fmt: skip
    name, outcome, who_where, client, by = _of_profile(profile)
    key_id, context, version = field("key_id"), field("encryption_context"), field("key_version_id")
    resource, asked = field("resource", ""), field("request_parameters", NO_PARAMETERS)
    told = _told(topic, (by, operation, key_id or "", resource, region_id, source_ip), stored)
    if "\\" in told:  # what is not printed stands in a sentence with one
        told = cell(told)
    details = _version(version) if version else json_text(asked) if asked else NULL
    written = (
        f"{position}\t{_moment(recorded_at)}\t{stored['timestamp']}{outcome}{field('message', NULL)}{who_where}"
        f"{key_id or NULL}\t{resource or NULL}\t{json_text(context) if context else NULL}\t"
        f"{_address(source_ip) or NULL}{client}{call['request_id']}\t1\t{told}\t{details}\t{name}\n"
    )
    return Line(written, name, profile)


SHORTLY: Final = {event.TOPIC: OUTCOMES[event].value for event in CALLS}
"""Topics whose rows are written from what is stored, with their outcomes."""


def _told(topic: str, about: About, stored: Mapping[str, Any]) -> str:
    if topic == KeyUsed.TOPIC:
        return of_use(about)
    asked = stored.get("request_parameters", NO_PARAMETERS)
    return of_answer(about, asked) if topic == CallAnswered.TOPIC else of_refusal(about, stored["code"], asked)


@lru_cache(maxsize=4_096)
def _version(key_version_id: str) -> str:
    return json_text({"key_version_id": key_version_id})


@lru_cache(maxsize=4_096)
def _of_profile(profile: Profile) -> tuple[str, str, str, str, str]:
    """What lines have in common: the id of the profile, the columns from the topic to the error code, from the account
    to the region, from the client to the transport, and who it was, in words."""
    (
        account_id, _, topic, operation, outcome, error_code, principal, kind, principal_id, user_name, access_key_id,
        assumed_by, region_id, user_agent, secure,
    ) = profile  # fmt: skip
    who = (account_id, NULL, principal, kind, principal_id, user_name, access_key_id, assumed_by or NULL, region_id)
    return (
        profile_id(profile),
        _within((topic, operation, outcome, NULL if error_code is None else error_code)),
        _within(who),
        _within((user_agent, secure)),
        named(str(kind), str(principal), str(assumed_by or "")),
    )


def _within(cells: Sequence[object]) -> str:
    """With a separator before, between and behind them."""
    return "\t".join(("", *map(str, cells), ""))


class Line(NamedTuple):
    """:param text: for COPY. :param name: of its profile."""

    text: str
    name: str
    profile: Profile


class AuditTrailRows:
    """The projection. Of one database: it remembers which profiles are in its table."""

    name = "audit_trail"
    tables: tuple[str, ...] = ("audit_trail", "audit_profiles")
    changes_only = False

    def __init__(self) -> None:
        self._profiles = Profiles()

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        for month in _months(page):
            await connection.execute("select audit_trail_month(%s)", (month,))
        lines = [_line(entry) for entry in page]
        found = {name: profile for _, name, profile in lines}
        await self._profiles.store(connection, page[0].position, page[-1].position, found)
        await copy_lines(connection, "audit_trail", STORED, [text for text, _, _ in lines])


def _months(page: Sequence[Entry]) -> list[date]:
    """First days. Times do not go back."""
    first, last = (entry.recorded_at.date().replace(day=1) for entry in (page[0], page[-1]))
    return [first] if first == last else sorted({entry.recorded_at.date().replace(day=1) for entry in page})


def _line(entry: Entry) -> Line:
    if entry.topic in SHORTLY and entry.is_unescaped:
        fields = entry.fields
        if fields["call"]["operation"] != Operation.ASSUME_ROLE:  # whose refusal is told to the role's account, too
            return line_of_call(entry.position, entry.recorded_at, entry.topic, fields)
    row = audit_row(entry.position, entry.recorded_at, entry.event)
    return Line(line(row), row.profile, profile_of(row))


profile_of: Final[Callable[[Sequence[Any]], Profile]] = itemgetter(*map(COLUMNS.index, audit_profiles.COLUMNS))
"""Of the values of a row."""


_IN_COLUMNS: Final = frozenset((
    "originator_id", "originator_version", "timestamp", "call", "code", "message", "account_id", "key_id", "resource",
    "encryption_context", "source_ip", "count", "request_parameters",
))  # fmt: skip
_DETAILS: Final[Mapping[type[Event], tuple[str, ...]]] = {
    event: tuple(field.name for field in fields(event) if field.name not in _IN_COLUMNS) for event in events.EVENTS
}


def _details(event: Event, kind: type[Event]) -> str | None:
    """What has no column of its own; of a question about the trail, its parameters."""
    names, asked = _DETAILS[kind], getattr(event, "request_parameters", NO_PARAMETERS)
    return json_text({**{name: getattr(event, name) for name in names}, **asked}) if names or asked else None


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
