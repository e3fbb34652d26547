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
    "details": {
        "type": "object",
        "description": "What else the event says, by the names of its fields; of questions about the trail, what for.",
    },
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
    "stopped_at": {
        "type": "integer",
        "description": "Where it is not: position of an event that stopped what makes the trail; nothing more comes.",
    },
}

SEARCH: Final = answered(
    events=listed(EVENT),
    next_cursor={**_TEXT, "description": "For the next page; absent on the last one."},
    total={"type": "integer", "description": "Of all pages, where it was asked for."},
)
COUNT: Final = answered(groups=listed(GROUP), more_groups=_FLAG)
_CURRENT: Final = "The header x-key-ledger-currency has as_of, ledger_head and complete, as one JSON object."
EXPORT: Final = {
    "application/x-ndjson": {
        "schema": {**_TEXT, "description": f"An event a line, as SearchEvents has it. {_CURRENT}"}
    },
    "text/csv": {"schema": {**_TEXT, "description": f"A header, then an event a line. {_CURRENT}"}},
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

_TIME: Final = _TYPES["recorded_at"]
_INTEGER: Final[Schema] = {"type": "integer"}
_TEXTS: Final = listed(_TEXT)

_MAY: Final[Mapping[str, Schema]] = {
    "kind": _TEXT,
    "principal": _TEXT,
    "may": {"type": "string", "enum": ["yes", "under conditions", "unless denied", "no"]},
    "where": {**_TEXTS, "description": "Each of these must hold."},
    "unless": {**_TEXTS, "description": "None of these may hold."},
    "reason": {**_TEXT, "description": "What allows it, else what refuses it."},
    "is_exact": _FLAG,
    "sentence": _TEXT,
    "has_active_access_key": _FLAG,
}
KEY_AT: Final = answered(
    at={**PLACE, "description": "After which event."},
    key=told(
        key_id=_TYPES["key_id"], arn=_TEXT, region_id=_TEXT, description=_TEXT, tags={"type": "object"}, state=_TEXT,
        in_state_since=_TIME, in_state_by=_TEXT, created_at=_TIME, created_by=_TEXT, created_from=_TEXT,
        changed_at=_TIME, changed_by=_TEXT, delete_at=_TIME,
        versions=listed(told(key_version_id=_TYPES["key_id"], created_at=_TIME, destroyed_at=_TIME)),
    ),
    action=_TEXT,
    refused_by_state={**_TEXT, "description": "The code by which the state refuses everybody; absent otherwise."},
    principals=listed(
        told(
            **_MAY, name=_TEXT, can_call=_FLAG,
            source=told(policy_type=_TEXT, policy_name=_TEXT, version_id=_TEXT, attached=_FLAG, groups=_TEXTS),
            assumers=listed(told(**_MAY, account_id=_TEXT, remark=_TEXT)),
        )
    ),
)  # fmt: skip
FINDINGS: Final = answered(
    keys={**_INTEGER, "description": "That were looked at."},
    findings=listed(told(kind=_TEXT, key_id=_TYPES["key_id"], key_arn=_TEXT, days=_INTEGER, sentence=_TEXT)),
)
UNUSED: Final = answered(
    since=_TIME,
    attachments={**_INTEGER, "description": "That were looked at."},
    unused=listed(told(kind=_TEXT, name=_TEXT, holder=_TEXT, names=_TEXTS, younger=_FLAG, sentence=_TEXT)),
)
LEAST: Final = answered(
    principal=_TEXT,
    since=_TIME,
    until=_TIME,
    documents={**_TEXTS, "description": "Texts of custom policies, all of which are needed."},
    documents_needed=_INTEGER,
    is_whole={**_FLAG, "description": "Whether the documents allow all that was used."},
    permissions=_INTEGER,
    calls=_INTEGER,
    remark=_TEXT,
    uses=listed(told(action=_TEXT, resource=_TEXT, times=_INTEGER, first_at=_TIME, last_at=_TIME)),
)
WHAT_IF: Final = answered(
    since=_TIME,
    until=_TIME,
    totals=told(
        events=_INTEGER, same=_INTEGER, would_be_refused=_INTEGER, would_be_allowed=_INTEGER,
        without_permission=_INTEGER, not_judged={"type": "object", "additionalProperties": _INTEGER},
    ),
    findings=listed(
        told(
            position=_INTEGER, at=_TIME, topic=_TEXT, principal=_TEXT, action=_TEXT, resource=_TEXT, recorded=_TEXT,
            supposed=_TEXT, reason=_TEXT, sentence=_TEXT,
        )
    ),
    more_findings=_FLAG,
    remarks=_TEXTS,
)  # fmt: skip
