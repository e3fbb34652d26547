"""Who asks, and what it may do: derived from the authority of its account, at one version of it.

Here: the root identity, users and sessions of roles, by what they authenticate with. Not here: whether they did
(signatures, sealed tokens), and whether a session's time is over, which a clock has to say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from domain import policy
from domain.access import Access
from domain.account import SYSTEM
from domain.call import Caller
from domain.errors import AccessKeyInactive, AccessKeyNotFound, SecurityTokenExpired
from domain.policy import Policy, PolicyKind
from domain.ram.authority import Authority
from domain.ram.entities import AccessKeyStatus
from domain.sessions import Session


class Identity(NamedTuple):
    """``caller.authority`` guards ``access``: both were read at the same version."""

    caller: Caller
    access: Access


def of_access_key(authority: Authority, access_key_id: str, known: Access | None = None) -> Identity:
    """The root identity or a user.

    :param known: its access at an earlier version, kept where nothing of it changed: it remembers decisions.
    :raises AccessKeyNotFound: the account has none of this id, or not any more.
    :raises AccessKeyInactive: it is not in force.
    """
    held = authority.access_key(access_key_id)
    if held is None:
        raise AccessKeyNotFound()
    if held.status is not AccessKeyStatus.ACTIVE:
        raise AccessKeyInactive()
    if held.owner is None:
        caller = authority.root(access_key_id)
        return Identity(caller, known or Access(account_id=caller.account_id, principal=caller.principal, is_root=True))
    caller = authority.as_user(held.owner, access_key_id)
    return Identity(caller, _access(caller, authority.policies_of_user(held.owner.name), None, known))


def of_session(authority: Authority, session: Session, known: Access | None = None) -> Identity:
    """The role, as ``session`` acts as it.

    :param known: see :func:`of_access_key`.
    :raises SecurityTokenExpired: the role is gone, is another one of the same name, or trusts others than it did when
        the session began.
    """
    role = authority.roles.get(session.role_name)
    if role is None or (role.id, role.trust_number) != (session.role_id, session.trust_number):
        raise SecurityTokenExpired("The role is gone or trusts others now. Assume it anew.")
    caller = authority.as_session(role, session.session_name, session.access_key_id, session.assumed_by)
    limits = known.session_policy if known is not None else _limits(session)
    return Identity(caller, _access(caller, authority.policies_of_role(role.name), limits, known))


def of_system(account_id: str) -> Identity:
    """The deployment itself, at work for an account: what it does, the account's owner has ordered."""
    caller = replace(SYSTEM, account_id=account_id)
    return Identity(caller, Access(account_id=account_id, principal=caller.principal, is_root=True))


def _access(caller: Caller, policies: tuple[Policy, ...], limits: Policy | None, known: Access | None) -> Access:
    if known is not None and known.principal == caller.principal and known.policies is policies:
        return known
    return Access(account_id=caller.account_id, principal=caller.principal, policies=policies, session_policy=limits)


def _limits(session: Session) -> Policy | None:
    if not session.session_policy:
        return None
    return policy.parse(session.session_policy, kind=PolicyKind.SESSION, name="Session")
