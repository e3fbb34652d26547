"""Decides each recorded use, read, change and refusal again, on the world just before it.

An answer that the world would have refused is a contradiction, and so is a refusal for want of permission, or for the
state of the key, that it would not have refused. What is not decided again is said with its reason, never passed over.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from domain import events, state_matrix
from domain.errors import REGISTRY, EncryptionsExhausted, KeyLedgerError, StateConflict, StateModifiedFailed
from domain.history.asked import Asked, asked_of, key_of
from domain.history.permission import EXTERNAL_ID_DECIDES, WANT_OF_PERMISSION, ruled
from domain.history.world import World
from domain.identity import Identity
from domain.key import Key

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
    needed, key_id = asked_of(event), key_of(event)
    if needed is None:
        return AGREES
    if isinstance(event, events.RoleAssumed) and not _is_there(world, event):
        return _contradicts("there was no such role")
    if key_id is None:
        return _permitted(world, event, caller, needed)
    return _about_key(world, event, caller, needed, world.keys.get(key_id))


def _about_key(world: World, event: events.Event, caller: Identity, needed: Asked, key: Key | None) -> Verdict:
    """Reach, permission and state."""
    if key is None or not key.is_reached_by(event.call):
        return _contradicts(_NO_KEY)
    verdict = _permitted(world, event, caller, needed)
    if verdict is not AGREES:
        return verdict
    try:
        key.permit(event.call)
    except KeyLedgerError as refusal:
        return _contradicts(f"the key would have refused it with {refusal.code}")
    return AGREES


def _permitted(world: World, event: events.Event, caller: Identity, needed: Asked) -> Verdict:
    ruling = ruled(world, event, caller.access, needed)
    if ruling is None:
        return _not_judged(EXTERNAL_ID_DECIDES)
    if ruling.decision.is_allowed:
        return AGREES
    return _contradicts(f"{caller.caller.principal} lacked {needed.action} on {ruling.resource}")


def _is_there(world: World, event: events.RoleAssumed) -> bool:
    authority = world.authority(event.account_id)
    role = authority.roles.get(event.role_arn.partition(":role/")[2]) if authority is not None else None
    return role is not None and role.id == event.role_id


def _refusal(world: World, event: events.CallRefused) -> Verdict:
    caller = world.caller(event.call)
    if caller is None:
        # Such a refusal alone is not guarded by the caller's account: it says that the account kept changing.
        gone_meanwhile = event.code == StateModifiedFailed.code
        return _not_judged(_CALLERS_GONE) if gone_meanwhile else _contradicts(_CALLERS_GONE)
    if event.code in WANT_OF_PERMISSION:
        return _unpermitted(world, event, caller)
    if event.code in _STATES:
        return _state(world, event)
    return _not_judged(f"{event.code} is about the request, not about authority or state")


def _unpermitted(world: World, event: events.CallRefused, caller: Identity) -> Verdict:
    needed = asked_of(event)
    if needed is None:
        return _not_judged("it does not say what was asked for")
    ruling = ruled(world, event, caller.access, needed)
    if ruling is None:
        return _not_judged(EXTERNAL_ID_DECIDES)
    if ruling.decision.is_allowed:
        return _contradicts(f"{caller.caller.principal} had the permission on {event.resource}")
    return AGREES


def _state(world: World, event: events.CallRefused) -> Verdict:
    key = world.keys.get(event.key_id) if event.key_id is not None else None
    if key is None:
        return _not_judged(f"{event.code} names no key")
    try:
        state_matrix.permit(event.call.operation, key.state)
    except StateConflict as refusal:
        if refusal.code == event.code:
            return AGREES
        contradiction = f"the state's refusal is {refusal.code}"
    else:
        if event.code == EncryptionsExhausted.code:
            return _not_judged("how often a key version has encrypted is not counted again here")
        contradiction = f"the key was {key.state.value}, which permits it"
    if event.code == StateModifiedFailed.code:
        # Decided on no state of the key, so any state may stand there.
        return _not_judged("it was overtaken by other changes, again and again")
    return _contradicts(contradiction)


def _destruction(world: World, event: events.KeyDestroyed) -> Verdict:
    key = world.keys.get(event.originator_id)
    due = key is not None and key.is_due(event.call.at)
    return AGREES if due else _contradicts("the key's deletion was not due")


def _contradicts(reason: str) -> Verdict:
    return Verdict(Outcome.CONTRADICTS, reason)


def _not_judged(reason: str) -> Verdict:
    return Verdict(Outcome.NOT_JUDGED, reason)
