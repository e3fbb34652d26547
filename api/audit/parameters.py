"""What the operations on the audit trail can be told: lines for the table of operations and for its page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from api.action import Parameter
from domain.audit.filters import CONTEXT, DETAILS, FILTERS
from projections.audit_questions import Dimension

_KINDS: Final = {"from_position": "integer", "to_position": "integer", "secure_transport": "boolean"}


def _filter(name: str) -> Parameter:
    text, example = FILTERS[name]
    kind = _KINDS.get(name, "string")
    plain = int(example) if kind == "integer" else example == "true" if kind == "boolean" else example
    return Parameter(name, kind, False, text, plain)


def named(parameters: Iterable[Parameter]) -> frozenset[str]:
    return frozenset(parameter.name for parameter in parameters)


PAIR: Final = Parameter(
    f"{CONTEXT}NAME",
    "string",
    False,
    "That the encryption context has the pair NAME and this value; any number.",
    "tls",
)
DETAIL: Final = Parameter(
    f"{DETAILS}NAME", "string", False, "That the event says this of NAME in its details; any number.", "use-one-key"
)
WAIT: Final = Parameter("wait", "boolean", False, "Wait, at most 10 s, for all that was recorded before.", True)
PERIOD: Final = tuple(_filter(name) for name in ("from", "to", "from_position", "to_position"))
WHICH: Final = (*(_filter(name) for name in FILTERS), PAIR, DETAIL)
"""All filters."""

ORDER: Final = Parameter("order", "string", False, "desc (default): the newest first; asc.", "desc")
LIMIT: Final = Parameter("limit", "integer", False, "1 to 1000; 100 by default.", 100)
CURSOR: Final = Parameter("cursor", "string", False, "next_cursor of the page before, with the same question.", "")
TOTAL: Final = Parameter("total", "boolean", False, "Count all rows that the filters admit.", False)
BY: Final = Parameter("by", "string", False, f"Some of {', '.join(Dimension)}, with commas.", "principal,operation")
GROUPS: Final = Parameter("limit", "integer", False, "1 to 10000 groups; 1000 by default.", 1000)
FORMAT: Final = Parameter("format", "string", False, "ndjson (default) or csv.", "csv")
EXPORT_ORDER: Final = Parameter("order", "string", False, "asc (default): the oldest first; desc.", "asc")
KEY: Final = Parameter("key_id", "string", True, FILTERS["key_id"].text, FILTERS["key_id"].example)

SEARCH: Final = (*WHICH, ORDER, LIMIT, CURSOR, TOTAL, WAIT)
COUNT: Final = (*WHICH, BY, GROUPS, WAIT)
EXPORT: Final = (*WHICH, FORMAT, EXPORT_ORDER, WAIT)
HISTORY: Final = (KEY, *PERIOD, WAIT)
COVERAGE: Final = (WAIT,)
DAYS: Final = Parameter("days", "integer", False, "Until now; 90 by default.", 90)
KEY_AT: Final = (
    KEY,
    Parameter("position", "integer", False, "After the event of this position; by default, now.", 100),
    Parameter("time", "string", False, "Instead of position: a time (RFC 3339), or the end of a day.", "2026-11-25"),
    Parameter("action", "string", False, "What they could do with it; kms:Decrypt by default.", "kms:Decrypt"),
    WAIT,
)
FINDINGS: Final = (
    Parameter("unused_days", "integer", False, "A key not used for so long is unused; 90 by default.", 90),
    Parameter("cryptoperiod_days", "integer", False, "A key should encrypt for so long; 730 by default.", 730),
    Parameter("recent_days", "integer", False, "A use makes a deletion suspicious for so long; 30 by default.", 30),
    WAIT,
)
UNUSED: Final = (DAYS, WAIT)
LEAST: Final = (
    Parameter("principal", "string", True, "ARN of a user or a role.", "acs:ram::1234567890123456:user/alice"),
    DAYS,
    *PERIOD[:2],
    WAIT,
)
WHAT_IF: Final = (
    DAYS,
    *PERIOD[:2],
    Parameter("policy_name", "string", False, "A custom policy, with document: what it would say.", "use-one-key"),
    Parameter("document", "string", False, "A policy document: JSON, or the text of it.", '{"Version":"1",…}'),
    Parameter("attach", "object", False, "document, and to: user/…, group/… or role/….", {"to": "user/alice"}),
    Parameter("detach", "object", False, "policy_type, policy_name, and from: user/… and so on.", {"from": "user/bob"}),
    Parameter("role_name", "string", False, "A role, with trust_policy: whom it would trust.", "backup"),
    Parameter("trust_policy", "string", False, "A trust policy: JSON, or the text of it.", '{"Version":"1",…}'),
    WAIT,
)
AUTHORITY: Final = (
    Parameter(
        "at", "string", False, "Only what stood then: a position, a time (RFC 3339), or the end of a day.", "100"
    ),
    Parameter("subject", "string", False, "Who has it; * at its end stands for anything.", "user/alice"),
    Parameter("object", "string", False, "What it is; * at its end stands for anything.", "System/AliyunKMSFullAccess"),
    LIMIT,
    CURSOR,
    WAIT,
)

LOOKUP: Final = (
    Parameter(
        "LookupAttribute", "array", False, "LookupAttribute.N.Key and .Value.", [{"Key": "User", "Value": "alice"}]
    ),
    Parameter("StartTime", "string", False, "7 days before EndTime by default.", "2026-11-01T00:00:00Z"),
    Parameter("EndTime", "string", False, "Now by default.", "2026-11-08T00:00:00Z"),
    Parameter("Direction", "string", False, "BACKWARD (default): the newest first; FORWARD.", "BACKWARD"),
    Parameter("MaxResults", "integer", False, "1 to 50; 20 by default.", 20),
    Parameter("NextToken", "string", False, "Of the page before, with the same question.", ""),
)
