"""What the OpenAPI page says of the answers about the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from projections.audit_trail import COLUMNS

Schema = Mapping[str, Any]

_TYPES: Final[Mapping[str, Schema]] = {
    "position": {"type": "integer"},
    "recorded_at": {"type": "string", "format": "date-time"},
    "called_at": {"type": "string", "format": "date-time"},
    "key_id": {"type": "string", "format": "uuid"},
    "request_id": {"type": "string", "format": "uuid"},
    "encryption_context": {"type": "object", "additionalProperties": {"type": "string"}},
    "details": {"type": "object", "description": "What else the event says, by the names of its fields."},
    "secure_transport": {"type": "boolean"},
    "occurrences": {"type": "integer", "description": "Requests that the event stands for."},
    "sentence": {"type": "string", "description": "The event in English."},
    "outcome": {"type": "string", "enum": ["changed", "used", "read", "refused", "unauthenticated"]},
}
_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}


def told(**members: Schema) -> Schema:
    """An object with these members, which may be absent."""
    return {"type": "object", "properties": members}


def listed(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def answered(**members: Schema) -> Schema:
    """JSON, with what every answer has."""
    schema = {
        "type": "object",
        "required": ["RequestId", "as_of", "ledger_head", "complete"],
        "properties": {**_ALWAYS, **members},
    }
    return {"application/json": {"schema": schema}}


EVENT: Final = told(**{column: _TYPES.get(column, _TEXT) for column in COLUMNS})
PLACE: Final = told(position={"type": "integer"}, recorded_at={"type": ["string", "null"], "format": "date-time"})
GROUP: Final[Schema] = {
    "type": "object",
    "description": "The values that were counted by, and:",
    "required": ["count", "requests", "first", "last"],
    "properties": {
        "count": {"type": "integer", "description": "Events."},
        "requests": {"type": "integer", "description": "Requests that they stand for."},
        "first": PLACE,
        "last": PLACE,
    },
}

_ALWAYS: Final[Mapping[str, Schema]] = {
    "RequestId": {"type": "string", "format": "uuid"},
    "as_of": {**PLACE, "description": "The last event that this answer knows of."},
    "ledger_head": {**PLACE, "description": "The last event of the ledger at the time of the question."},
    "complete": {**_FLAG, "description": "Whether nothing is missing: as_of has reached ledger_head."},
}

SEARCH: Final = answered(
    events=listed(EVENT),
    next_cursor={**_TEXT, "description": "For the next page; absent on the last one."},
    total={"type": "integer", "description": "Of all pages, where it was asked for."},
)
COUNT: Final = answered(groups=listed(GROUP), more_groups=_FLAG)
EXPORT: Final = {
    "application/x-ndjson": {"schema": {**_TEXT, "description": "An event a line, as SearchEvents has it."}},
    "text/csv": {"schema": {**_TEXT, "description": "A header, then an event a line."}},
}
HISTORY: Final = answered(
    key_id=_TYPES["key_id"],
    changes=listed(EVENT),
    more_changes=_FLAG,
    uses=listed(
        {**GROUP, "properties": {"principal": _TEXT, "operation": _TEXT, "outcome": _TEXT, **GROUP["properties"]}}
    ),
    more_uses=_FLAG,
)
COVERAGE: Final = answered(
    projections=listed(told(name=_TEXT, **PLACE["properties"], complete=_FLAG, stopped=_FLAG)),
    stopped=listed(_TEXT),
)

AUTHORITY: Final = answered(
    grants=listed(
        told(
            **{"from": _TYPES["recorded_at"]},
            until={**_TYPES["recorded_at"], "description": "Absent while it stands."},
            kind=_TEXT,
            subject={**_TEXT, "description": "Who has it: user/alice, group/devs, role/backup, root."},
            object={**_TEXT, "description": "What it is: a policy, a group, an access key, a trust policy."},
            by={**_TEXT, "description": "Who granted it."},
            granted_at=_TYPES["recorded_at"],
            granted_position={"type": "integer"},
            since_position={"type": "integer"},
            until_position={"type": "integer"},
            began_with=_TEXT,
            ended_with=_TEXT,
            ended_by=_TEXT,
            details={"type": "object"},
            sentence=_TEXT,
        )
    ),
    next_cursor={**_TEXT, "description": "For the next page; absent on the last one."},
)
