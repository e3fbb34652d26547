"""Attaching policies to users, groups and roles. Commands return the event and change nothing."""

from __future__ import annotations

from typing import Final, NamedTuple

from domain import events
from domain.call import Call
from domain.errors import KeyLedgerError
from domain.ram import errors, limits
from domain.ram.authority import Authority
from domain.ram.entities import PolicyKey, PolicyType, Target, TargetKind


class _Refusals(NamedTuple):
    """RAM has a code for each kind of target."""

    no_target: type[KeyLedgerError]
    has_it: type[KeyLedgerError]
    has_it_not: type[KeyLedgerError]
    too_many: type[KeyLedgerError]


_REFUSALS: Final = {
    TargetKind.USER: _Refusals(
        errors.UserNotFound, errors.UserHasPolicy, errors.UserHasNotPolicy, errors.TooManyPoliciesOfUser
    ),
    TargetKind.GROUP: _Refusals(
        errors.GroupNotFound, errors.GroupHasPolicy, errors.GroupHasNotPolicy, errors.TooManyPoliciesOfGroup
    ),
    TargetKind.ROLE: _Refusals(
        errors.RoleNotFound, errors.RoleHasPolicy, errors.RoleHasNotPolicy, errors.TooManyPoliciesOfRole
    ),
}


def attach_policy(
    authority: Authority, call: Call, policy_type: PolicyType, policy_name: str, kind: TargetKind, target_name: str
) -> events.PolicyAttached:
    """:raises KeyLedgerError: there is no such target or policy, it has the policy already, or as many as it may."""
    target, key = _looked_up(authority, policy_type, policy_name, kind, target_name)
    attached = authority.attachments.of(target)
    if key in attached:
        raise _REFUSALS[kind].has_it()
    if sum(other.policy_type is policy_type for other in attached) >= limits.POLICIES_OF_TARGET:
        raise _REFUSALS[kind].too_many()
    return events.PolicyAttached(
        **authority.next(call),
        policy_type=policy_type.value,
        policy_name=policy_name,
        target_kind=kind.value,
        target_name=target_name,
    )


def detach_policy(
    authority: Authority, call: Call, policy_type: PolicyType, policy_name: str, kind: TargetKind, target_name: str
) -> events.PolicyDetached:
    """:raises KeyLedgerError: there is no such target or policy, or it has it not."""
    target, key = _looked_up(authority, policy_type, policy_name, kind, target_name)
    if not authority.attachments.links(target, key):
        raise _REFUSALS[kind].has_it_not()
    return events.PolicyDetached(
        **authority.next(call),
        policy_type=policy_type.value,
        policy_name=policy_name,
        target_kind=kind.value,
        target_name=target_name,
    )


def _looked_up(
    authority: Authority, policy_type: PolicyType, policy_name: str, kind: TargetKind, target_name: str
) -> tuple[Target, PolicyKey]:
    try:
        target = authority.target(kind, target_name)
    except KeyError:
        raise _REFUSALS[kind].no_target() from None
    if authority.policy(policy_type, policy_name) is None:
        raise errors.PolicyNotFound()
    return target, PolicyKey(policy_type, policy_name)
