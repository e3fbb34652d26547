"""EvaluatePolicy: which recorded calls would have been decided otherwise, had another policy been in force.

Looked at are calls of the account's own identities about its own things; the rest of what stands in its trail is
counted with the reason why it is not decided again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.ledger.mapper import decode
from api.audit import asking
from api.audit.analysis import material
from domain.account import account_stream
from domain.audit.suppositions import (
    DocumentAttached,
    DocumentReplaced,
    PolicyDetached,
    Supposition,
    TrustReplaced,
)
from domain.audit.what_if import Finding, WhatIf
from domain.events import Event, RoleAssumed
from domain.ram.entities import PolicyType, TargetKind
from projections import audit_questions as questions
from projections.pages import Connection

FINDINGS_MAX: Final = 1_000
SESSION_HOURS: Final = 13
"""No session outlives twelve hours; clocks may differ."""
OF_TWO_ACCOUNTS: Final = "another account is concerned as well"


async def answer(
    connection: Connection, account_id: str, supposed: Mapping[str, str], since: str, until: str
) -> dict[str, Any]:
    """:raises MalformedPolicyDocument: nobody could evaluate the document."""
    supposition = _supposition(account_id, supposed)
    what_if = WhatIf([supposition])
    currency = await questions.currency(connection)
    begin, end = material.dated(since), material.dated(until)
    assert begin is not None, "a period is always given"
    assert end is not None, "likewise"
    first = await questions.position_at(connection, begin - timedelta(microseconds=1)) + 1
    findings = await _findings(connection, what_if, account_id, begin, end, first, currency.as_of.position)
    what_if.end()
    totals = what_if.totals
    return {
        **asking.how_current(currency),
        "since": begin,
        "until": end,
        "totals": {
            "events": totals.events,
            "same": totals.same,
            "would_be_refused": totals.would_be_refused,
            "would_be_allowed": totals.would_be_allowed,
            "without_permission": totals.without_permission,
            "not_judged": dict(totals.not_judged),
        },
        "findings": [_told(finding) for finding in findings],
        "more_findings": totals.would_be_refused + totals.would_be_allowed > len(findings),
        "remarks": _remarks(what_if),
    }


async def _findings(
    connection: Connection, what_if: WhatIf, account_id: str, since: datetime, until: datetime, first: int, last: int
) -> list[Finding]:
    values = {
        "account": account_id,
        "stream": account_stream(account_id),
        "first": first,
        "last": last,
        "since": since,
        "until": until,
        "sessions": since - timedelta(hours=SESSION_HOURS),
    }
    async for _, event, _ in _events(connection, _BEFORE, values):
        what_if.before(event)
    found: list[Finding] = []
    async for position, event, is_own in _events(connection, _WITHIN, values):
        if not is_own:
            what_if.totals.events += 1
            what_if.totals.not_judged[OF_TWO_ACCOUNTS] += 1
            if isinstance(event, RoleAssumed) and event.account_id == account_id:
                what_if.before(event)
            continue
        finding = what_if.within(position, event)
        if finding is not None and len(found) < FINDINGS_MAX:
            found.append(finding)
    return found


async def _events(
    connection: Connection, statement: str, values: Mapping[str, Any]
) -> AsyncIterator[tuple[int, Event, bool]]:
    """In order, a batch at a time."""
    async with connection.cursor(name="what_if", binary=True) as cursor:
        cursor.itersize = material.BATCH
        await cursor.execute(statement.encode(), values)
        async for position, stream, version, topic, state, is_own in cursor:
            yield position, decode(stream, version, topic, state), is_own


def _supposition(account_id: str, supposed: Mapping[str, str]) -> Supposition:
    """:param supposed: what the request was read to be, with its kind."""
    kind = supposed["kind"]
    if kind == "policy":
        return DocumentReplaced(
            account_id=account_id, policy_name=supposed["policy_name"], document=supposed["document"]
        )
    if kind == "trust":
        return TrustReplaced(account_id=account_id, role_name=supposed["role_name"], document=supposed["document"])
    target = {"target_kind": TargetKind(supposed["target_kind"]), "target_name": supposed["target_name"]}
    if kind == "attach":
        return DocumentAttached(account_id=account_id, document=supposed["document"], **target)  # type: ignore[arg-type]
    return PolicyDetached(
        account_id=account_id,
        policy_type=PolicyType(supposed["policy_type"]),
        policy_name=supposed["policy_name"],
        **target,  # type: ignore[arg-type]
    )


def _told(finding: Finding) -> dict[str, Any]:
    return {
        "position": finding.position,
        "at": finding.at,
        "topic": finding.topic,
        "principal": finding.principal,
        "action": finding.action,
        "resource": finding.resource,
        "recorded": finding.recorded,
        "supposed": finding.supposed.value,
        "reason": finding.reason,
        "sentence": finding.sentence,
    }


def _remarks(what_if: WhatIf) -> list[str]:
    if what_if.unmet:
        return ["What is supposed is about nothing that was there in this time, so it changed no decision."]
    return []


_OWN: Final = "(t.account_id = %(account)s and t.other_account_id is null)"
_EVENT: Final = "e.position, e.originator_id, e.originator_version, e.topic, e.state"

_BEFORE: Final = f"""
select {_EVENT}, true from ledger.events e
where e.position < %(first)s and (
    e.originator_id = %(stream)s
    or e.originator_id in (select key_id from projections.key_directory where account_id = %(account)s)
    or e.position in (
        select position from projections.audit_trail t where t.topic = 'sts.role.assumed'
            and t.account_id = %(account)s and t.recorded_at >= %(sessions)s and t.position < %(first)s))
order by e.position
"""  # noqa: S608  # our own columns
_WITHIN: Final = f"""
select {_EVENT}, {_OWN}
from (
    select * from projections.audit_trail where account_id = %(account)s
    union all
    select * from projections.audit_trail where other_account_id = %(account)s) t
join ledger.events e on e.position = t.position
where t.position >= %(first)s and t.position <= %(last)s and t.recorded_at >= %(since)s and t.recorded_at < %(until)s
order by t.position
"""  # noqa: S608  # our own columns
