"""Changes of roles. Commands return the event and change nothing.

A role is never renamed, as Alibaba's: its name stands in other accounts' programs and policies.
"""

from __future__ import annotations

from domain import events, policy
from domain.call import Call
from domain.errors import InvalidParameter
from domain.policy import PolicyKind
from domain.ram import grammar, ids, limits
from domain.ram.authority import Authority
from domain.ram.entities import Role, Target, TargetKind
from domain.ram.errors import RoleExists, RoleHasPolicies, RoleNotFound, TooManyRoles


def create_role(
    authority: Authority,
    call: Call,
    role_name: str,
    trust_policy: str,
    *,
    description: str = "",
    max_session_duration: int = limits.SESSION_SECONDS_DEFAULT,
) -> events.RoleCreated:
    """:raises RoleExists: one of this name is there, whatever its case. :raises TooManyRoles: there is no room.
    :raises MalformedPolicyDocument: nobody could evaluate the trust policy; the message says where it is wrong.
    """
    grammar.role_name(role_name)
    grammar.description(description)
    _session_seconds(max_session_duration, "MaxSessionDuration")
    policy.parse(trust_policy, kind=PolicyKind.TRUST)
    if not authority.roles.is_free(role_name):
        raise RoleExists()
    if len(authority.roles) >= limits.ROLES:
        raise TooManyRoles()
    return events.RoleCreated(
        **authority.next(call),
        role_name=role_name,
        role_id=ids.role_id(call),
        description=description,
        trust_policy=trust_policy,
        max_session_duration=max_session_duration,
    )


def update_role(
    authority: Authority,
    call: Call,
    role_name: str,
    *,
    new_trust_policy: str | None = None,
    new_description: str | None = None,
    new_max_session_duration: int | None = None,
) -> events.RoleUpdated:
    """None keeps what there is. Another trust policy ends the sessions that were begun under this one.

    :raises RoleNotFound: there is none.
    :raises MalformedPolicyDocument: nobody could evaluate the trust policy; the message says where it is wrong.
    """
    role = existing(authority, role_name)
    trust_policy = role.trust_policy if new_trust_policy is None else new_trust_policy
    description = role.description if new_description is None else new_description
    seconds = role.max_session_duration if new_max_session_duration is None else new_max_session_duration
    grammar.description(description, "NewDescription")
    _session_seconds(seconds, "NewMaxSessionDuration")
    policy.parse(trust_policy, kind=PolicyKind.TRUST)
    return events.RoleUpdated(
        **authority.next(call),
        role_name=role.name,
        description=description,
        trust_policy=trust_policy,
        max_session_duration=seconds,
    )


def delete_role(authority: Authority, call: Call, role_name: str) -> events.RoleDeleted:
    """Its sessions are over with it.

    :raises RoleNotFound: there is none. :raises RoleHasPolicies: these would be left behind.
    """
    role = existing(authority, role_name)
    if authority.attachments.of(Target(TargetKind.ROLE, role.id)):
        raise RoleHasPolicies()
    return events.RoleDeleted(**authority.next(call), role_name=role.name, role_id=role.id)


def existing(authority: Authority, role_name: str) -> Role:
    """:raises RoleNotFound: there is none of exactly this name."""
    role = authority.roles.get(role_name)
    if role is None:
        raise RoleNotFound()
    return role


def _session_seconds(seconds: int, parameter: str) -> None:
    if seconds not in limits.SESSION_SECONDS:
        first, last = limits.SESSION_SECONDS[0], limits.SESSION_SECONDS[-1]
        raise InvalidParameter(parameter, f"Expected {first} to {last} seconds.")
