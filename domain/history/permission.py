"""Whether a recorded call had the permission that it needed, on the world just before it.

Here: the decision, as the service made it. Not here: whether the record agrees with it (:mod:`domain.history.judge`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from domain import events
from domain.access import Access
from domain.circumstances import NO_FACTS, Circumstances
from domain.decision import NOT_TRUSTED, Decision
from domain.errors import NoPermission
from domain.history.asked import Asked, key_of
from domain.history.world import World
from domain.owner import ASSUME_ROLE
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


def _assumption(world: World, event: events.Event, access: Access, role_arn: str) -> Ruling | None:
    start, _, role_name = role_arn.partition(":role/")
    authority = world.authority(start.rpartition(":")[2])
    if authority is None or role_name not in authority.roles:
        return Ruling(NOT_TRUSTED, role_arn)
    trust = authority.trust_policy_of(role_name)
    if EXTERNAL_ID.lower() in trust.document.lower():
        return None
    return Ruling(access.decide_assume_role(role_arn, trust, Circumstances(call=event.call)), role_arn)
