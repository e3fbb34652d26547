"""What a caller may do: the decision, and the reason for it.

Here: one principal's ``Access`` and its questions ``decide``, ``permits`` and ``check``. Not here: what policies say
(:mod:`domain.policy`), what a resource's owner says (:mod:`domain.owner`), and where attached policies are found
(:mod:`domain.ram`).

The rules (Alibaba Cloud RAM, "How RAM evaluates policies"; Key Management Service, "Key policies"):

1. An explicit Deny of any policy involved wins.
2. A session's own policy must allow.
3. On a resource of the caller's own account, the identity's policies or the resource's policy must allow. The root
   identity needs no policy.
4. On a resource of another account, the caller's side (identity policies, or being root) and the resource's policy must
   both allow.
5. To assume a role, the caller's side and the role's trust policy must both allow, within one account as between two.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from domain import decision
from domain.circumstances import NO_CIRCUMSTANCES, Circumstances
from domain.conditions import Condition
from domain.decision import NO_POLICY, NOT_BY_OWNER, NOT_BY_SESSION, NOT_TRUSTED, ROOT, Decision, Outcome
from domain.errors import Denied, NoPermission
from domain.owner import ASSUME_ROLE, stance, trusts
from domain.patterns import Matches
from domain.policy import Effect, Policy
from domain.ram.errors import RamNoPermission

__all__ = ["Access", "Circumstances", "Decision", "NoPermission", "Outcome", "trusts"]

NOBODY_ELSE: Final = ("", "*", "system")
"""In an ARN's place of the account: resources that belong to no customer, such as system policies."""


class _Candidate(NamedTuple):
    """A statement about the action that is asked about: where and when it applies, and what it decides then."""

    is_about_resource: Matches
    conditions: tuple[Condition, ...]
    decision: Decision


class _Considered(NamedTuple):
    """All statements about one action. ``session`` is None for callers without a session's policy."""

    denies: tuple[_Candidate, ...]
    allows: tuple[_Candidate, ...]
    session: tuple[_Candidate, ...] | None


class Access:
    """What one principal may do, at one version of its account's authority.

    Keep it as long as that version stands: which statements are about an action is found out once for each action, and
    there are only as many actions as operations.

    :param principal: ARN; of a role's session ``acs:ram::<uid>:role/<role>/<session>``.
    :param policies: of the identity: its own and its groups', or its role's.
    """

    __slots__ = ("_considered", "_owners", "account_id", "is_root", "policies", "principal", "session_policy")

    def __init__(
        self,
        *,
        account_id: str,
        principal: str,
        is_root: bool = False,
        policies: Iterable[Policy] = (),
        session_policy: Policy | None = None,
    ) -> None:
        self.account_id = account_id
        self.principal = principal
        self.is_root = is_root
        self.policies = tuple(policies)
        self.session_policy = session_policy
        self._owners = frozenset({account_id, *NOBODY_ELSE})
        self._considered: dict[str, _Considered] = {}

    def check(
        self,
        action: str,
        resource: str,
        circumstances: Circumstances = NO_CIRCUMSTANCES,
        resource_policy: Policy | None = None,
    ) -> None:
        """:raises Denied: it may not; NoPermission by the code of KMS or of RAM and STS, whose the action is."""
        decided = self.decide(action, resource, circumstances, resource_policy)
        if decided.outcome is not Outcome.ALLOWED:
            raise self._refusal(action, resource, decided)

    def permits(
        self,
        action: str,
        resource: str,
        circumstances: Circumstances = NO_CIRCUMSTANCES,
        resource_policy: Policy | None = None,
    ) -> bool:
        return self.decide(action, resource, circumstances, resource_policy).outcome is Outcome.ALLOWED

    def decide(
        self,
        action: str,
        resource: str,
        circumstances: Circumstances = NO_CIRCUMSTANCES,
        resource_policy: Policy | None = None,
    ) -> Decision:
        """:param resource: ARN, whose account is the owner: ``acs:kms:<region>:<uid>:key/<id>``.
        :param resource_policy: of the resource, where it has one. Without one, nobody else's account gets at it.
        """
        mine = self._own_side(action, resource, circumstances)
        if resource_policy is not None:
            return self._with_owner(mine, action, resource, circumstances, resource_policy)
        if mine.outcome is Outcome.ALLOWED and not self._owns(resource):
            return NOT_BY_OWNER
        return mine

    def decide_assume_role(
        self, role_arn: str, trust_policy: Policy, circumstances: Circumstances = NO_CIRCUMSTANCES
    ) -> Decision:
        """Rule 5."""
        mine = self._own_side(ASSUME_ROLE, role_arn, circumstances)
        theirs = stance(
            trust_policy, self.principal, self.account_id, ASSUME_ROLE, role_arn, circumstances, account_suffices=True
        )
        if theirs.outcome is Outcome.DENIED or mine.outcome is not Outcome.ALLOWED:
            return theirs if theirs.outcome is Outcome.DENIED else mine
        return decision.both(mine, theirs) if theirs.outcome is Outcome.ALLOWED else NOT_TRUSTED

    def check_assume_role(
        self, role_arn: str, trust_policy: Policy, circumstances: Circumstances = NO_CIRCUMSTANCES
    ) -> None:
        """:raises RamNoPermission: rule 5 is not met."""
        decided = self.decide_assume_role(role_arn, trust_policy, circumstances)
        if decided.outcome is not Outcome.ALLOWED:
            raise self._refusal(ASSUME_ROLE, role_arn, decided)

    def _own_side(self, action: str, resource: str, circumstances: Circumstances) -> Decision:
        """Rules 1 and 2, and what identity policies or being root say."""
        considered = self._considered.get(action)
        if considered is None:
            considered = self._considered[action] = self._consider(action)
        denied = _first(considered.denies, resource, circumstances)
        if denied is not None:
            return denied
        if considered.session is not None and _first(considered.session, resource, circumstances) is None:
            return NOT_BY_SESSION
        if self.is_root:
            return ROOT
        return _first(considered.allows, resource, circumstances) or NO_POLICY

    def _with_owner(
        self, mine: Decision, action: str, resource: str, circumstances: Circumstances, resource_policy: Policy
    ) -> Decision:
        owns = self._owns(resource)
        theirs = stance(
            resource_policy,
            self.principal,
            self.account_id,
            action,
            resource,
            circumstances,
            account_suffices=not owns,
        )
        if mine.outcome is Outcome.DENIED or theirs.outcome is Outcome.DENIED:
            return mine if mine.outcome is Outcome.DENIED else theirs
        if owns:
            return theirs if mine is NO_POLICY and theirs.outcome is Outcome.ALLOWED else mine
        if mine.outcome is not Outcome.ALLOWED or theirs.outcome is not Outcome.ALLOWED:
            return mine if mine.outcome is not Outcome.ALLOWED else theirs
        return decision.both(mine, theirs)

    def _owns(self, resource: str) -> bool:
        """Anything that is no ARN belongs to nobody else either: such as ``*``, which a list is asked about."""
        parts = resource.split(":", 4)
        return len(parts) < 4 or parts[3] in self._owners

    def _consider(self, action: str) -> _Considered:
        session = [] if self.session_policy is None else [self.session_policy]
        return _Considered(
            denies=_candidates((*self.policies, *session), action, Effect.DENY),
            allows=_candidates(self.policies, action, Effect.ALLOW),
            session=_candidates(session, action, Effect.ALLOW) if session else None,
        )

    def _refusal(self, action: str, resource: str, decided: Decision) -> Denied:
        kind = NoPermission if action.startswith("kms:") else RamNoPermission
        return kind(f"{kind.default} {self.principal} needs {action} on {resource}: {decided.outcome}.")


def _candidates(policies: Iterable[Policy], action: str, effect: Effect) -> tuple[_Candidate, ...]:
    return tuple(
        _Candidate(statement.is_about_resource, statement.conditions, decision.by(policy, statement))
        for policy in policies
        for statement in policy.statements
        if statement.effect is effect and statement.is_about_action(action)
    )


def _first(candidates: tuple[_Candidate, ...], resource: str, circumstances: Circumstances) -> Decision | None:
    for is_about_resource, conditions, decided in candidates:
        if is_about_resource(resource) and (not conditions or _all_hold(conditions, circumstances)):
            return decided
    return None


def _all_hold(conditions: tuple[Condition, ...], circumstances: Circumstances) -> bool:
    return all(condition.holds(circumstances) for condition in conditions)
