"""What the owner of a resource says: the policy of a key, and the trust policy of a role.

Such a policy names principals. An account named as a whole is allowed to share out what is granted to it: it counts for
its users and roles where their own policies must allow as well (another account's key, any role), and leaves its own
key to the account's policies. A Deny that names the account holds for everybody in it.
"""

from __future__ import annotations

from domain import decision
from domain.circumstances import NO_CIRCUMSTANCES, Circumstances
from domain.decision import NOT_BY_OWNER, Decision
from domain.policy import Effect, Policy, Statement

ASSUME_ROLE = "sts:AssumeRole"


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
    """What ``policy`` decides about the principal; Deny before Allow, and NOT_BY_OWNER where it says nothing.

    :param account_suffices: whether an Allow for the principal's whole account is one for the principal.
    """
    applying = [
        statement
        for statement in policy.statements
        if statement.principals is not None
        and statement.is_about_action(action)
        and statement.is_about_resource(resource)
        and all(condition.holds(circumstances) for condition in statement.conditions)
    ]
    for statement in applying:
        if statement.effect is Effect.DENY and _includes(statement, principal, account_id, account_suffices=True):
            return decision.by(policy, statement)
    for statement in applying:
        if statement.effect is Effect.ALLOW and _includes(
            statement, principal, account_id, account_suffices=account_suffices
        ):
            return decision.by(policy, statement)
    return NOT_BY_OWNER


def _includes(statement: Statement, principal: str, account_id: str, *, account_suffices: bool) -> bool:
    principals = statement.principals
    assert principals is not None, "only statements that name principals are asked"
    return principals.name(principal) or (account_suffices and account_id in principals.accounts)


def trusts(
    trust_policy: Policy, principal: str, account_id: str, circumstances: Circumstances = NO_CIRCUMSTANCES
) -> bool:
    """Whether a role's trust policy lets the principal of the account assume it, as far as the role is concerned.

    That the principal's own account allows it as well is :meth:`domain.access.Access.decide_assume_role`.
    """
    return stance(trust_policy, principal, account_id, ASSUME_ROLE, "", circumstances, account_suffices=True).is_allowed
