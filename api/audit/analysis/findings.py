"""ListKeyFindings: keys that somebody should look at, with a sentence each."""

from __future__ import annotations

from typing import Any

from api.audit import asking
from api.audit.analysis import material
from domain.audit.key_at import key_at
from domain.audit.key_findings import KeyUses, Periods, key_findings
from projections import audit_questions as questions
from projections import audit_uses
from projections.pages import Connection


async def answer(
    connection: Connection, account_id: str, now: str, unused_days: int, cryptoperiod_days: int, recent_days: int
) -> dict[str, Any]:
    currency = await questions.currency(connection)
    last, at = currency.as_of.position, material.dated(now)
    assert at is not None, "the time of the call is always given"
    keys = await audit_uses.keys_of(connection, account_id)
    streams = await material.streams(connection, keys, last)
    stood = {key_id: key for key_id in keys if (key := key_at(streams.get(key_id, ()))) is not None}
    since = {key_id: key.in_state_since for key_id, key in stood.items()}
    found = await audit_uses.uses_of_keys(connection, account_id, since, last)
    periods = Periods(cryptoperiod_days=cryptoperiod_days, unused_days=unused_days, recent_days=recent_days)
    findings = key_findings(((key, _uses(found[key_id])) for key_id, key in stood.items()), at, periods)
    return {
        **asking.how_current(currency),
        "keys": len(stood),
        "findings": [
            {
                "kind": one.kind.value,
                "key_id": one.key_arn.rpartition("/")[2],
                "key_arn": one.key_arn,
                "days": one.days,
                "sentence": one.sentence,
            }
            for one in findings
        ],
    }


def _uses(found: audit_uses.Uses) -> KeyUses:
    return KeyUses(
        last_use_at=found.last_at,
        refusals_in_state=found.refused,
        last_refusal_at=found.refused_at,
    )
