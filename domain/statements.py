"""Statements of policies: Effect, Action or NotAction, Resource, Condition, Principal, Sid.

Here: the value and how it is read. Which elements a statement has depends on where its document stands: a trust policy
names principals and no resource (the role is the resource), a key's policy names both, an identity's no principal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain import conditions, principals
from domain.conditions import Condition
from domain.patterns import Matches, any_of
from domain.policy_document import Fault, Members, members, named, quoted, text, texts, within
from domain.principals import Principals


class PolicyKind(StrEnum):
    """Where a document stands."""

    IDENTITY = "identity"
    """Attached to users, groups and roles."""

    TRUST = "trust"
    """Of a role: who may assume it."""

    RESOURCE = "resource"
    """Of a key: who may do what with it."""

    SESSION = "session"
    """Given to AssumeRole: what the session may at most."""


class Effect(StrEnum):
    ALLOW = "Allow"
    DENY = "Deny"


_ALWAYS: Final = ("Effect", "Action", "NotAction", "Condition", "Sid")

ELEMENTS: Final[Mapping[PolicyKind, tuple[str, ...]]] = MappingProxyType(
    {
        PolicyKind.IDENTITY: (*_ALWAYS, "Resource"),
        PolicyKind.SESSION: (*_ALWAYS, "Resource"),
        PolicyKind.TRUST: (*_ALWAYS, "Principal"),
        PolicyKind.RESOURCE: (*_ALWAYS, "Resource", "Principal"),
    }
)

_ACTION: Final = re.compile(r"\*|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+")
_RESOURCE: Final = re.compile(r"\*|acs:(?:[^:]*:){3}.+|acs:.*\*.*", re.DOTALL)
_SID: Final = re.compile(r"[A-Za-z0-9_/+=.@ -]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """:param index: its place in the document, from 0.
    :param resources: empty in a trust policy, whose only resource is its role.
    """

    index: int
    effect: Effect
    sid: str
    actions: tuple[str, ...]
    excludes_actions: bool
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]
    principals: Principals | None
    is_about_resource: Matches = field(compare=False, repr=False)
    _has_action: Matches = field(compare=False, repr=False)

    def is_about_action(self, action: str) -> bool:
        """The letters' case does not count."""
        return self._has_action(action.lower()) is not self.excludes_actions


def parse(place: str, index: int, value: object, kind: PolicyKind) -> Statement:
    """:raises Fault: an element is missing, unknown here, or nobody can evaluate it."""
    given = members(place, value, ELEMENTS[kind])
    actions = _actions(place, given)
    resources = _resources(place, given) if "Resource" in ELEMENTS[kind] else ()
    return Statement(
        index=index,
        effect=_effect(place, given),
        sid=_sid(place, given),
        actions=actions,
        excludes_actions="NotAction" in given,
        resources=resources,
        conditions=conditions.parse(within(place, "Condition"), given["Condition"]) if "Condition" in given else (),
        principals=_principals(place, given) if "Principal" in ELEMENTS[kind] else None,
        is_about_resource=any_of(resources or ("*",)),
        _has_action=any_of(action.lower() for action in actions),
    )


def _effect(place: str, given: Members) -> Effect:
    value = _required(place, given, "Effect")
    if value not in ("Allow", "Deny"):
        raise Fault(within(place, "Effect"), f"expected Allow or Deny, not {named(value)}")
    return Effect(str(value))


def _actions(place: str, given: Members) -> tuple[str, ...]:
    names = [name for name in ("Action", "NotAction") if name in given]
    if len(names) != 1:
        raise Fault(place, f"expected exactly one of Action and NotAction, not {'both' if names else 'neither'}")
    return tuple(_action(at, action) for at, action in texts(within(place, names[0]), given[names[0]]))


def _action(place: str, action: str) -> str:
    if _ACTION.fullmatch(action) is None:
        raise Fault(
            place, f'{quoted(action)} is no action. Expected <service>:<operation>, such as kms:Encrypt, or "*"'
        )
    return action


def _resources(place: str, given: Members) -> tuple[str, ...]:
    value = _required(place, given, "Resource")
    return tuple(_resource(at, resource) for at, resource in texts(within(place, "Resource"), value))


def _resource(place: str, resource: str) -> str:
    if _RESOURCE.fullmatch(resource) is None:
        expected = 'Expected acs:<service>:<region>:<account id>:<relative id>, or "*"'
        raise Fault(place, f"{quoted(resource)} is no resource. {expected}")
    return resource


def _sid(place: str, given: Members) -> str:
    if "Sid" not in given:
        return ""
    sid = text(within(place, "Sid"), given["Sid"])
    if _SID.fullmatch(sid) is None:
        raise Fault(within(place, "Sid"), "expected 1 to 128 letters, digits, spaces and characters of _/+=.@-")
    return sid


def _principals(place: str, given: Members) -> Principals:
    return principals.parse(within(place, "Principal"), _required(place, given, "Principal"))


def _required(place: str, given: Members, name: str) -> object:
    if name not in given:
        raise Fault(place, f"{name} is missing")
    return given[name]
