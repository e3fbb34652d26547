"""Whether a recorded call had the permission that it needed, on the world just before it.

Here: the decision, as the service made it. Not here: whether the record agrees with it (:mod:`domain.history.judge`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from domain import events
from domain.access import Access
from domain.circumstances import NO_FACTS, Circumstances
from domain.decision import NOT_BY_OWNER, NOT_TRUSTED, Decision
from domain.errors import NoPermission
from domain.history.asked import Asked, key_of
from domain.history.world import World
from domain.owner import ASSUME_ROLE, stance
from domain.policy import Policy
from domain.ram.errors import RamNoPermission
from domain.sts import EXTERNAL_ID

WANT_OF_PERMISSION: Final = frozenset((NoPermission.code, RamNoPermission.code))
"""Codes of refusals by which the service said that a permission was lacking."""

EXTERNAL_ID_DECIDES: Final = "an ExternalId, which is not recorded, may decide it"
"""Why there is no ruling, where there is none."""


class Ruling(NamedTuple):
    """:param resource: the ARN that the decision is about: the first that was not allowed, else the last."""

    decision: Decision
    resource: str


def ruled(world: World, event: events.Event, access: Access, needed: Asked) -> Ruling | None:
    """None where what decides it is not recorded: :data:`EXTERNAL_ID_DECIDES`.

    :param access: of who called. :param needed: what :func:`~domain.history.asked.asked_of` says of ``event``.
    """
    if needed.action == ASSUME_ROLE:
        return _assumption(world, event, access, needed.resources[0])
    circumstances = Circumstances(call=event.call, tags=_tags(world, event))
    for resource in needed.resources:
        ruling = Ruling(access.decide(needed.action, resource, circumstances), resource)
        if not ruling.decision.is_allowed:
            break
    return ruling


def _tags(world: World, event: events.Event) -> Mapping[str, str]:
    key_id = key_of(event)
    key = world.keys.get(key_id) if key_id is not None else None
    return key.tags if key is not None and key.is_reached_by(event.call) else NO_FACTS


def role_ruled(world: World, event: events.Event, role_arn: str) -> Ruling | None:
    """What the role's account alone says of an AssumeRole; None as :func:`ruled` says it."""

    def theirs(trust: Policy) -> Decision:
        by, circumstances = event.call.by, Circumstances(call=event.call)
        said = stance(trust, by.principal, by.account_id, ASSUME_ROLE, role_arn, circumstances, account_suffices=True)
        return NOT_TRUSTED if said is NOT_BY_OWNER else said

    return _by_trust(world, role_arn, theirs)


def _assumption(world: World, event: events.Event, access: Access, role_arn: str) -> Ruling | None:
    circumstances = Circumstances(call=event.call)
    return _by_trust(world, role_arn, lambda trust: access.decide_assume_role(role_arn, trust, circumstances))


def _by_trust(world: World, role_arn: str, decide: Callable[[Policy], Decision]) -> Ruling | None:
    trust = _trust(world, role_arn)
    if trust is None:
        return Ruling(NOT_TRUSTED, role_arn)
    if EXTERNAL_ID.lower() in trust.document.lower():
        return None
    return Ruling(decide(trust), role_arn)


def _trust(world: World, role_arn: str) -> Policy | None:
    """None where there is no such role."""
    start, _, role_name = role_arn.partition(":role/")
    authority = world.authority(start.rpartition(":")[2])
    if authority is None or role_name not in authority.roles:
        return None
    return authority.trust_policy_of(role_name)
