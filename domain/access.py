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

from domain import decision
from domain.applicable import Applicable, Candidate, Statements
from domain.circumstances import NO_CIRCUMSTANCES, Circumstances
from domain.conditions import all_hold
from domain.decision import NO_POLICY, NOT_BY_OWNER, NOT_BY_SESSION, NOT_TRUSTED, ROOT, Decision, Outcome
from domain.errors import Denied, NoPermission
from domain.owner import ASSUME_ROLE, stance, trusts
from domain.policy import Policy
from domain.ram.errors import RamNoPermission

__all__ = ["Access", "Circumstances", "Decision", "NoPermission", "Outcome", "trusts"]


class Access:
    """What one principal may do, at one version of its account's authority.

    Keep it as long as that version stands: it remembers which statements are about the actions and resources that were
    asked about.

    :param principal: ARN; of a role's session ``acs:ram::<uid>:role/<role>/<session>``.
    :param policies: of the identity: its own and its groups', or its role's.
    """

    __slots__ = ("_statements", "account_id", "is_root", "policies", "principal", "session_policy")

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
        session = () if session_policy is None else (session_policy,)
        self._statements = Statements(account_id, self.policies, session)

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
        :param resource_policy: of the resource, where it has one. Without one, no other account gets at it.
        """
        about = self._statements.about(action, resource)
        mine = self._own_side(about, circumstances)
        if resource_policy is not None:
            theirs = self._stance_of(
                resource_policy, action, resource, circumstances, account_suffices=not about.is_own
            )
            return _of_own_account(mine, theirs) if about.is_own else _of_two_sides(mine, theirs, NOT_BY_OWNER)
        return mine if about.is_own or mine.outcome is not Outcome.ALLOWED else NOT_BY_OWNER

    def decide_assume_role(
        self, role_arn: str, trust_policy: Policy, circumstances: Circumstances = NO_CIRCUMSTANCES
    ) -> Decision:
        """Whether it may assume the role, which has ``trust_policy``: rule 5."""
        mine = self._own_side(self._statements.about(ASSUME_ROLE, role_arn), circumstances)
        theirs = self._stance_of(trust_policy, ASSUME_ROLE, role_arn, circumstances, account_suffices=True)
        return _of_two_sides(mine, theirs, NOT_TRUSTED)

    def check_assume_role(
        self, role_arn: str, trust_policy: Policy, circumstances: Circumstances = NO_CIRCUMSTANCES
    ) -> None:
        """:raises RamNoPermission: rule 5 is not met."""
        decided = self.decide_assume_role(role_arn, trust_policy, circumstances)
        if decided.outcome is not Outcome.ALLOWED:
            raise self._refusal(ASSUME_ROLE, role_arn, decided)

    def _own_side(self, about: Applicable, circumstances: Circumstances) -> Decision:
        """Rules 1 and 2, and what identity policies or being root say."""
        if about.denies:
            denied = _first(about.denies, circumstances)
            if denied is not None:
                return denied
        if about.session is not None and _first(about.session, circumstances) is None:
            return NOT_BY_SESSION
        if self.is_root:
            return ROOT
        return _first(about.allows, circumstances) or NO_POLICY

    def _stance_of(
        self, policy: Policy, action: str, resource: str, circumstances: Circumstances, *, account_suffices: bool
    ) -> Decision:
        return stance(
            policy,
            self.principal,
            self.account_id,
            action,
            resource,
            circumstances,
            account_suffices=account_suffices,
        )

    def _refusal(self, action: str, resource: str, decided: Decision) -> Denied:
        kind = NoPermission if action.startswith("kms:") else RamNoPermission
        return kind(f"{kind.default} {self.principal} needs {action} on {resource}: {decided.outcome}.")


def _of_own_account(mine: Decision, theirs: Decision) -> Decision:
    """Either suffices, but no Deny and no session's policy is overcome."""
    if theirs.outcome is Outcome.DENIED and mine.outcome is not Outcome.DENIED:
        return theirs
    return theirs if mine is NO_POLICY and theirs.outcome is Outcome.ALLOWED else mine


def _of_two_sides(mine: Decision, theirs: Decision, silence: Decision) -> Decision:
    """Both are needed. ``silence`` is the decision where the owner's side says nothing."""
    if mine.outcome is Outcome.DENIED:
        return mine
    if theirs.outcome is Outcome.DENIED:
        return theirs
    if mine.outcome is not Outcome.ALLOWED:
        return mine
    return decision.both(mine, theirs) if theirs.outcome is Outcome.ALLOWED else silence


def _first(candidates: tuple[Candidate, ...], circumstances: Circumstances) -> Decision | None:
    for _, conditions, decided in candidates:
        if not conditions or all_hold(conditions, circumstances):
            return decided
    return None
