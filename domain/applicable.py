"""Which statements of a caller's policies are about an action on a resource, found once and remembered.

Here: the looking up. Not here: what follows (:mod:`domain.access`); conditions are asked there, for each call anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from domain import decision
from domain.conditions import Condition
from domain.decision import Decision
from domain.patterns import Matches
from domain.policy import Effect, Policy
from domain.ram.arns import matched

NOBODY_ELSE: Final = ("", "*", "system")
"""In an ARN's place of the account: resources that belong to no customer, such as system policies."""

RESOURCES_REMEMBERED: Final = 64
"""For each caller: enough for the keys that one uses in turn, little enough for thousands of callers."""


class Candidate(NamedTuple):
    """A statement about the action: where it applies, when, and what it decides then."""

    is_about_resource: Matches
    conditions: tuple[Condition, ...]
    decision: Decision


class Applicable(NamedTuple):
    """
    :param session: Allows of the session's policy; None for callers without one.
    :param is_own: whether the resource belongs to the caller's account.
    """

    denies: tuple[Candidate, ...]
    session: tuple[Candidate, ...] | None
    allows: tuple[Candidate, ...]
    is_own: bool


class Statements:
    """All statements of one caller: of the identity's policies, and of its session's policy if it has one."""

    __slots__ = ("_actions", "_identity", "_owners", "_resources", "_session")

    def __init__(self, account_id: str, identity: tuple[Policy, ...], session: tuple[Policy, ...]) -> None:
        self._identity = identity
        self._session = session
        self._owners = frozenset({account_id, *NOBODY_ELSE})
        self._actions: dict[str, Applicable] = {}
        self._resources: dict[tuple[str, str], Applicable] = {}

    def about(self, action: str, resource: str) -> Applicable:
        found = self._resources.get((action, resource))
        return found if found is not None else self._about_resource(action, resource)

    def _about_resource(self, action: str, resource: str) -> Applicable:
        if len(self._resources) >= RESOURCES_REMEMBERED:
            self._resources.clear()
        of_action = self._about_action(action)
        named = matched(resource)
        found = self._resources[action, resource] = Applicable(
            denies=_about(of_action.denies, named),
            session=None if of_action.session is None else _about(of_action.session, named),
            allows=_about(of_action.allows, named),
            is_own=self._owns(resource),
        )
        return found

    def _about_action(self, action: str) -> Applicable:
        """On whatever resource. There are only as many actions as operations, so all of them are remembered."""
        found = self._actions.get(action)
        if found is None:
            found = self._actions[action] = Applicable(
                denies=_candidates((*self._identity, *self._session), action, Effect.DENY),
                session=_candidates(self._session, action, Effect.ALLOW) if self._session else None,
                allows=_candidates(self._identity, action, Effect.ALLOW),
                is_own=False,
            )
        return found

    def _owns(self, resource: str) -> bool:
        """What is no ARN belongs to nobody else either."""
        parts = resource.split(":", 4)
        return len(parts) < 4 or parts[3] in self._owners


def _candidates(policies: Iterable[Policy], action: str, effect: Effect) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(statement.is_about_resource, statement.conditions, decision.by(policy, statement))
        for policy in policies
        for statement in policy.statements
        if statement.effect is effect and statement.is_about_action(action)
    )


def _about(candidates: tuple[Candidate, ...], resource: str) -> tuple[Candidate, ...]:
    """Up to the first that has no condition: whatever comes after it decides nothing."""
    about = []
    for candidate in candidates:
        if candidate.is_about_resource(resource):
            about.append(candidate)
            if not candidate.conditions:
                break
    return tuple(about)
