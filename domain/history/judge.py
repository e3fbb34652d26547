"""Decides each recorded use, read, change and refusal again, on the world just before it.

An answer that the world would have refused is a contradiction, and so is a refusal for want of permission, or for the
state of the key, that it would not have refused. What is not decided again is said with its reason, never passed over.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from domain import events, state_matrix
from domain.admission import ACTIONS
from domain.circumstances import NO_FACTS, Circumstances
from domain.errors import REGISTRY, KeyLedgerError, NoPermission, StateConflict, StateModifiedFailed
from domain.history import asked
from domain.history.asked import Asked
from domain.history.world import World
from domain.identity import Identity
from domain.key import Key
from domain.ram.errors import RamNoPermission
from domain.sts import EXTERNAL_ID
from domain.vocabulary import Operation

_WANT_OF_PERMISSION: Final = frozenset((NoPermission.code, RamNoPermission.code))
_STATES: Final = frozenset(code for code, error in REGISTRY.items() if issubclass(error, StateConflict))

_CALLERS_GONE: Final = "the caller, its access key or its session was not in force"
_NO_KEY: Final = "there was no such key within its reach"


class Outcome(StrEnum):
    AGREES = "agrees"
    CONTRADICTS = "contradicts"
    NOT_JUDGED = "not judged"


class Verdict(NamedTuple):
    """:param reason: why it contradicts, or why it was not judged; empty where it agrees."""

    outcome: Outcome
    reason: str = ""


AGREES: Final = Verdict(Outcome.AGREES)


def judged(world: World, event: events.Event) -> Verdict:
    """``world`` is as of the event before."""
    if isinstance(event, events.AuthenticationFailed | events.RegionOpened):
        return _not_judged("no caller was known")
    if event.call.by.kind == "system":
        return _destruction(world, event) if isinstance(event, events.KeyDestroyed) else _not_judged("the deployment's")
    if isinstance(event, events.CallRefused):
        return _refusal(world, event)
    caller = world.caller(event.call)
    if caller is None:
        return _contradicts(_CALLERS_GONE)
    return _answer(world, event, caller)


def _answer(world: World, event: events.Event, caller: Identity) -> Verdict:
    if isinstance(event, events.RoleAssumed):
        return _assumed(world, event, caller)
    needed = asked.of_change(event)
    if needed is not None:
        return _permitted(caller, event, needed)
    if isinstance(event, events.KeyUsed):
        return _about_key(world.keys.get(event.key_id), event, caller)
    if isinstance(event, events.CallAnswered):
        return _read(world, event, caller)
    if isinstance(event, events.KeyCreated):
        return _permitted(caller, event, asked.of_keys(event.call))
    return _about_key(world.keys.get(event.originator_id), event, caller)


def _read(world: World, event: events.CallAnswered, caller: Identity) -> Verdict:
    if event.call.operation in asked.UNAUTHORISED:
        return AGREES
    if event.key_id is not None:
        return _about_key(world.keys.get(event.key_id), event, caller)
    if event.resource:
        return _permitted(caller, event, asked.of_resource(event.call, event.resource))
    return _permitted(caller, event, asked.of_keys(event.call))


def _about_key(key: Key | None, event: events.Event, caller: Identity) -> Verdict:
    """Permission, reach and state."""
    if key is None or not key.is_reached_by(event.call):
        return _contradicts(_NO_KEY)
    action = ACTIONS[event.call.operation]
    if not caller.access.permits(action, key.arn, Circumstances(call=event.call, tags=key.tags)):
        return _contradicts(f"{caller.caller.principal} lacked {action} on {key.arn}")
    try:
        key.permit(event.call)
    except KeyLedgerError as refusal:
        return _contradicts(f"the key would have refused it with {refusal.code}")
    return AGREES


def _permitted(caller: Identity, event: events.Event, needed: Asked) -> Verdict:
    circumstances = Circumstances(call=event.call)
    for resource in needed.resources:
        if not caller.access.permits(needed.action, resource, circumstances):
            return _contradicts(f"{caller.caller.principal} lacked {needed.action} on {resource}")
    return AGREES


def _assumed(world: World, event: events.RoleAssumed, caller: Identity) -> Verdict:
    verdict = _may_assume(world, event, event.role_arn, caller)
    authority = world.authority(event.account_id)
    role = authority.roles.get(event.role_arn.partition(":role/")[2]) if authority is not None else None
    if role is None or role.id != event.role_id:
        return _contradicts("there was no such role")
    if verdict is None:
        return _not_judged("an ExternalId, which is not recorded, may decide it")
    return AGREES if verdict else _contradicts(f"{caller.caller.principal} could not assume {event.role_arn}")


def _may_assume(world: World, event: events.Event, role_arn: str, caller: Identity) -> bool | None:
    """None where an ExternalId may decide it."""
    authority = world.authority(role_arn.split(":")[3])
    role_name = role_arn.partition(":role/")[2]
    if authority is None or role_name not in authority.roles:
        return False
    trust = authority.trust_policy_of(role_name)
    decided = caller.access.decide_assume_role(role_arn, trust, Circumstances(call=event.call))
    if EXTERNAL_ID.lower() in trust.document.lower():
        return None
    return decided.is_allowed


def _refusal(world: World, event: events.CallRefused) -> Verdict:
    caller = world.caller(event.call)
    if caller is None:
        return _contradicts(_CALLERS_GONE)
    if event.code in _WANT_OF_PERMISSION:
        return _unpermitted(world, event, caller)
    if event.code in _STATES:
        return _state(world, event)
    return _not_judged(f"{event.code} is about the request, not about authority or state")


def _unpermitted(world: World, event: events.CallRefused, caller: Identity) -> Verdict:
    if event.call.operation is Operation.ASSUME_ROLE:
        allowed = _may_assume(world, event, event.resource, caller)
        if allowed is None:
            return _not_judged("an ExternalId, which is not recorded, may decide it")
    else:
        key = world.keys.get(event.key_id) if event.key_id is not None else None
        tags = key.tags if key is not None and key.is_reached_by(event.call) else NO_FACTS
        needed = asked.of_resource(event.call, event.resource)
        circumstances = Circumstances(call=event.call, tags=tags)
        allowed = all(caller.access.permits(needed.action, resource, circumstances) for resource in needed.resources)
    if allowed:
        return _contradicts(f"{caller.caller.principal} had the permission on {event.resource}")
    return AGREES


def _state(world: World, event: events.CallRefused) -> Verdict:
    key = world.keys.get(event.key_id) if event.key_id is not None else None
    if key is None:
        return _not_judged(f"{event.code} names no key")
    try:
        state_matrix.permit(event.call.operation, key.state)
    except StateConflict as refusal:
        return AGREES if refusal.code == event.code else _contradicts(f"the state's refusal is {refusal.code}")
    if event.code == StateModifiedFailed.code:
        return _not_judged("it was overtaken by other changes, again and again")
    return _contradicts(f"the key was {key.state.value}, which permits it")


def _destruction(world: World, event: events.KeyDestroyed) -> Verdict:
    key = world.keys.get(event.originator_id)
    due = key is not None and key.is_due(event.call.at)
    return AGREES if due else _contradicts("the key's deletion was not due")


def _contradicts(reason: str) -> Verdict:
    return Verdict(Outcome.CONTRADICTS, reason)


def _not_judged(reason: str) -> Verdict:
    return Verdict(Outcome.NOT_JUDGED, reason)
