"""GetKeyAt: the state of a key after some position, and who could use it then, with reasons."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from api.audit import asking
from api.audit.analysis import material
from domain.audit.key_at import KeyAt
from domain.audit.key_at import key_at as key_after
from domain.audit.possibility import Answer
from domain.audit.who_may import Holder, WhoMay, who_may
from domain.audit.who_may_assume import Assumer
from domain.errors import InvalidParameter, KeyNotFound
from projections import audit_questions as questions
from projections.pages import Connection


async def answer(
    connection: Connection, account_id: str, key_id: str, action: str, position: int | None, time: str | None
) -> dict[str, Any]:
    """:raises InvalidParameter: a position beyond the ledger. :raises KeyNotFound: there was no such key yet."""
    currency = await questions.currency(connection)
    at = await _position(connection, currency.head.position, position, time)
    stream = UUID(key_id)
    key = key_after((await material.streams(connection, [stream], at)).get(stream, ()))
    if key is None or key.key.owner != account_id:
        raise KeyNotFound(f"There was no such key after position {at}.")
    authority = await material.authority_of(connection, account_id, at)
    others = await material.trusted_by(connection, authority, at)
    found = who_may(key.key, authority, action, others)
    return {
        **asking.how_current(currency, as_of=currency.head),
        "at": asking.place(await questions.time_at(connection, at)),
        "key": _key(key),
        **_who(found),
    }


async def _position(connection: Connection, head: int, position: int | None, time: str | None) -> int:
    if position is not None:
        if position > head:
            raise InvalidParameter("position", f"The ledger ends at position {head}.")
        return position
    wanted = material.dated(time)
    return head if wanted is None else await questions.position_at(connection, wanted)


def _key(at: KeyAt) -> dict[str, Any]:
    key = at.key
    return material.answer_of(
        key_id=key.key_id,
        arn=key.arn,
        region_id=key.region_id,
        description=key.description,
        tags=dict(key.tags),
        state=at.state,
        in_state_since=at.in_state_since,
        in_state_by=at.in_state_by.principal,
        created_at=key.created_at,
        created_by=at.created_by.principal,
        created_from=at.created_from or None,
        changed_at=at.changed_at,
        changed_by=at.changed_by.principal,
        delete_at=key.delete_at,
        versions=[
            material.answer_of(
                key_version_id=one.key_version_id, created_at=one.created_at, destroyed_at=one.destroyed_at
            )
            for one in at.versions
        ],
    )


def _who(found: WhoMay) -> dict[str, Any]:
    return material.answer_of(
        action=found.action,
        refused_by_state=found.refused_by_state or None,
        principals=[_holder(holder) for holder in found.holders],
    )


def _holder(holder: Holder) -> dict[str, Any]:
    source = holder.source
    return material.answer_of(
        kind=holder.kind.value,
        name=holder.name,
        principal=holder.principal,
        **_said(holder.answer),
        can_call=holder.can_call,
        has_active_access_key=holder.has_active_access_key,
        source=None
        if source is None
        else {
            "policy_type": source.policy_type.value,
            "policy_name": source.policy_name,
            "version_id": source.version_id,
            "attached": source.attached,
            "groups": list(source.groups),
        },
        assumers=[_assumer(one) for one in holder.assumers] or None,
    )


def _assumer(one: Assumer) -> dict[str, Any]:
    return material.answer_of(
        kind=one.kind,
        account_id=one.account_id,
        principal=one.principal,
        **_said(one.answer),
        has_active_access_key=one.has_active_access_key,
        remark=one.remark or None,
    )


def _said(told: Answer) -> dict[str, Any]:
    return {
        "may": told.may.value,
        "where": list(told.where),
        "unless": list(told.unless),
        "reason": told.decision.reason,
        "is_exact": told.is_exact,
        "sentence": told.text,
    }
