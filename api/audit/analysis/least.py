"""GetLeastPolicy: the policy that allows exactly what a user or a role was answered, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from api.audit import asking
from api.audit.analysis import material
from domain.audit.least_policy import least_policy
from domain.errors import InvalidParameter
from domain.policy import Policy
from domain.ram.authority import Authority
from projections import audit_questions as questions
from projections.audit_uses import Period
from projections.pages import Connection

EXPECTED: Final = "Expected the ARN of a user or a role of this account: acs:ram::1234567890123456:user/alice."


async def answer(connection: Connection, account_id: str, principal: str, since: str, until: str) -> dict[str, Any]:
    """:raises InvalidParameter: root, a session, or somebody of another account."""
    currency = await questions.currency(connection)
    begin, end = material.dated(since), material.dated(until)
    assert begin is not None, "a period is always given"
    assert end is not None, "likewise"
    authority = await material.authority_of(connection, account_id, currency.head.position)
    who, in_force = _held(authority, principal)
    found = await material.uses(connection, account_id, Period(begin, end, currency.as_of.position), who)
    made = found.get(who, [])
    policy = least_policy(made, in_force=in_force)
    return material.answer_of(
        **asking.how_current(currency),
        principal=principal,
        since=begin,
        until=end,
        documents=list(policy.documents),
        documents_needed=policy.documents_needed,
        is_whole=policy.is_whole,
        permissions=policy.permissions,
        calls=sum(use.times for use in made),
        remark=policy.remark or None,
        uses=[
            material.answer_of(
                action=use.action, resource=use.resource, times=use.times, first_at=use.first_at, last_at=use.last_at
            )
            for use in sorted(made)
        ],
    )


def _held(authority: Authority, principal: str) -> tuple[str, Iterable[Policy]]:
    """Its id, and its policies."""
    start, _, named = principal.partition(f":{authority.account_id}:")
    kind, _, name = named.partition("/")
    if start != "acs:ram:" or kind not in {"user", "role"} or not name:
        raise InvalidParameter("principal", EXPECTED)
    entities = authority.users if kind == "user" else authority.roles
    if name not in entities:
        raise InvalidParameter("principal", f"There is no {kind} of that name. {EXPECTED}")
    in_force = authority.policies_of_user(name) if kind == "user" else authority.policies_of_role(name)
    return entities[name].id, in_force
