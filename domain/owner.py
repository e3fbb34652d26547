"""What the owner of a resource says: the policy of a key, and the trust policy of a role.

Such a policy names principals. An account that it names as a whole may share out what is granted to it: to its users
and roles that counts where their own policies must allow as well (another account's key, any role), while its own keys
are left to its policies. A Deny that names the account holds for everybody in it.
"""

from __future__ import annotations

from typing import Final

from domain import decision
from domain.circumstances import NO_CIRCUMSTANCES, Circumstances
from domain.conditions import all_hold
from domain.decision import NOT_BY_OWNER, Decision
from domain.policy import Effect, Policy, Statement

ASSUME_ROLE: Final = "sts:AssumeRole"


def stance(
    policy: Policy,
    principal: str,
    account_id: str,
    action: str,
    resource: str,
    circumstances: Circumstances,
    *,
    account_suffices: bool,
) -> Decision:
    """What ``policy`` decides about the principal: Deny before Allow, and NOT_BY_OWNER where it says nothing.

    :param account_suffices: whether an Allow for the principal's whole account is one for the principal.
    """
    applying = [
        statement
        for statement in policy.statements
        if statement.is_about_action(action)
        and statement.is_about_resource(resource)
        and all_hold(statement.conditions, circumstances)
    ]
    for effect, account_counts in ((Effect.DENY, True), (Effect.ALLOW, account_suffices)):
        for statement in applying:
            if statement.effect is effect and names(statement, principal, account_id if account_counts else ""):
                return decision.by(policy, statement)
    return NOT_BY_OWNER


def names(statement: Statement, principal: str, account_id: str) -> bool:
    """Whether it is about the principal, itself or as one of the account; an empty ``account_id`` leaves that out."""
    principals = statement.principals
    return principals is not None and (principals.name(principal) or account_id in principals.accounts)


def trusts(
    trust_policy: Policy, principal: str, account_id: str, circumstances: Circumstances = NO_CIRCUMSTANCES
) -> bool:
    """Whether a role's trust policy lets the principal of the account assume it.

    That is the role's side; the principal's own is in :meth:`domain.access.Access.decide_assume_role`.
    """
    decided = stance(trust_policy, principal, account_id, ASSUME_ROLE, "", circumstances, account_suffices=True)
    return decided.is_allowed
