"""EvaluatePolicy: which recorded calls would have been decided otherwise, had another policy been in force.

Looked at are calls of the account's own identities about its own things, and other accounts' sessions of its roles; the
rest of what stands in its trail is counted with the reason why it is not decided again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from adapters.ledger.mapper import decode
from api.audit import asking
from api.audit.analysis import material
from domain.account import account_stream
from domain.audit.filters import moved
from domain.audit.recurring import Facts, Recurring
from domain.audit.suppositions import (
    DocumentAttached,
    DocumentReplaced,
    PolicyDetached,
    Supposition,
    TrustReplaced,
)
from domain.audit.what_if import OTHER_ACCOUNT_DECIDES, Finding, Verdict, WhatIf
from domain.events import RoleAssumed
from domain.ram.entities import PolicyType, TargetKind
from projections import audit_questions as questions
from projections.pages import Connection

FINDINGS_MAX: Final = 1_000
SESSION_HOURS: Final = 13
"""No session outlives twelve hours; clocks may differ."""
OF_TWO_ACCOUNTS: Final = Verdict("not_judged", reason=OTHER_ACCOUNT_DECIDES)


async def answer(
    connection: Connection, account_id: str, supposed: Mapping[str, str], since: str, until: str
) -> dict[str, Any]:
    """:raises MalformedPolicyDocument: nobody could evaluate the document."""
    supposition = _supposition(account_id, supposed)
    recurring = Recurring([supposition])
    currency = await questions.currency(connection)
    begin, end = material.dated(since), material.dated(until)
    assert begin is not None, "a period is always given"
    assert end is not None, "likewise"
    first = await questions.position_at(connection, moved(begin, timedelta(microseconds=-1))) + 1
    findings = await _findings(connection, recurring, account_id, begin, end, first, currency.as_of.position)
    what_if = recurring.what_if
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
    connection: Connection,
    recurring: Recurring,
    account_id: str,
    since: datetime,
    until: datetime,
    first: int,
    last: int,
) -> list[Finding]:
    values = {
        "account": account_id,
        "stream": account_stream(account_id),
        "first": first,
        "last": last,
        "since": since,
        "until": until,
        "sessions": moved(since, timedelta(hours=-SESSION_HOURS)),
    }
    async for stored in _rows(connection, _BEFORE, values):
        recurring.before(decode(*stored))
    found: list[Finding] = []
    async for position, is_own, *row in _rows(connection, _WITHIN, values):
        stored = row[:_STORED]
        if is_own:
            finding = recurring.within(position, Facts(*row[_STORED:]), partial(decode, *stored)).finding
        else:
            finding = _of_two_accounts(recurring.what_if, account_id, position, stored).finding
        if finding is not None and len(found) < FINDINGS_MAX:
            found.append(finding)
    return found


def _of_two_accounts(what_if: WhatIf, account_id: str, position: int, stored: Sequence[Any]) -> Verdict:
    """Whom the account's own roles trust is decided again; what it asked of others is theirs to say."""
    event = decode(*stored) if stored[_TOPIC] == RoleAssumed.TOPIC else None
    if isinstance(event, RoleAssumed) and event.account_id == account_id:
        return what_if.within(position, event)
    what_if.totals.add(OF_TWO_ACCOUNTS)
    return OF_TWO_ACCOUNTS


async def _rows(connection: Connection, statement: str, values: Mapping[str, Any]) -> AsyncIterator[Sequence[Any]]:
    """In order, a batch at a time."""
    async with connection.cursor(name="what_if", binary=True) as cursor:
        cursor.itersize = material.BATCH
        await cursor.execute(statement.encode(), values)
        async for row in cursor:
            yield row


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
_EVENT: Final = "e.originator_id, e.originator_version, e.topic, e.state"
_STORED: Final = 4
_TOPIC: Final = 2
"""How many columns these are, and which of them is the topic."""
_FACTS: Final = ", ".join(f"t.{name}" if name != "key_id" else "t.key_id::text" for name in Facts._fields)

_BEFORE: Final = f"""
select {_EVENT} from ledger.events e
where e.position < %(first)s and (
    e.originator_id = %(stream)s
    or e.originator_id in (select key_id from projections.key_directory where account_id = %(account)s)
    or e.position in (
        select position from projections.audit_trail t where t.topic = 'sts.role.assumed'
            and t.account_id = %(account)s and t.recorded_at >= %(sessions)s and t.position < %(first)s))
order by e.position
"""  # noqa: S608  # our own columns
_WITHIN: Final = f"""
select e.position, {_OWN}, {_EVENT}, {_FACTS}
from projections.audit_trail t join ledger.events e on e.position = t.position
where (t.account_id = %(account)s or t.other_account_id = %(account)s)
    and t.position >= %(first)s and t.position <= %(last)s and t.recorded_at >= %(since)s and t.recorded_at < %(until)s
order by t.position
"""  # noqa: S608  # our own columns
