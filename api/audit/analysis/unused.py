"""ListUnusedPermissions: what is attached and in force and that nobody used, with a sentence each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from api.audit import asking
from api.audit.analysis import material
from domain.audit.unused import Recorded
from domain.audit.unused import unused as unused_of
from domain.audit.unused_in_words import Remark, remarks
from projections import audit_questions as questions
from projections import audit_uses
from projections.audit_uses import Period
from projections.pages import Connection


async def answer(connection: Connection, account_id: str, now: str, days: int) -> dict[str, Any]:
    currency = await questions.currency(connection)
    at = material.dated(now)
    assert at is not None, "the time of the call is always given"
    since, last = at - timedelta(days=days), currency.as_of.position
    period = Period(since, at + timedelta(days=1), last)
    authority = await material.authority_of(connection, account_id, last)
    seen = await audit_uses.seen(connection, account_id, period)
    recorded = Recorded(
        since=since,
        uses=await material.uses(connection, account_id, period),
        access_keys=seen.access_keys,
        callers=seen.callers,
        assumed=seen.assumed,
    )
    found = unused_of(authority, recorded)
    return {
        **asking.how_current(currency),
        "since": since,
        "attachments": len(found.attachments),
        "unused": [_told(remark) for remark in remarks(found)],
    }


def _told(remark: Remark) -> dict[str, Any]:
    return material.answer_of(
        kind=remark.kind,
        name=remark.name,
        holder=remark.holder or None,
        names=list(remark.names) or None,
        younger=remark.younger,
        sentence=remark.sentence,
    )
