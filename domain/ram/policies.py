"""Changes of custom policies. Commands return the event and change nothing.

System policies are nobody's to change: whatever would change one finds no custom policy of its name.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain import events, policy
from domain.call import Call
from domain.errors import InvalidParameter, StateConflict
from domain.ram import grammar, limits
from domain.ram.authority import Authority
from domain.ram.entities import ManagedPolicy, PolicyKey, PolicyType, TargetKind
from domain.ram.errors import (
    PolicyExists,
    PolicyHasVersions,
    PolicyNotFound,
    PolicyOnGroups,
    PolicyOnRoles,
    PolicyOnUsers,
    PolicyVersionIsDefault,
    PolicyVersionNotFound,
    TooManyPolicies,
    TooManyPolicyVersions,
)
from domain.ram.system_policies import SYSTEM_NAMES


class RotateStrategy(StrEnum):
    """Of CreatePolicyVersion: what happens to the sixth version."""

    NONE = "None"
    DELETE_OLDEST = "DeleteOldestNonDefaultVersionWhenLimitExceeded"


_IN_THE_WAY: Final[dict[TargetKind, type[StateConflict]]] = {
    TargetKind.USER: PolicyOnUsers,
    TargetKind.GROUP: PolicyOnGroups,
    TargetKind.ROLE: PolicyOnRoles,
}


def create_policy(
    authority: Authority, call: Call, policy_name: str, document: str, *, description: str = ""
) -> events.PolicyCreated:
    """:raises PolicyExists: a custom or a system policy has this name, whatever its case: nobody shall take one for the
        other. :raises TooManyPolicies: there is no room.
    :raises MalformedPolicyDocument: nobody could evaluate it; the message says where it is wrong.
    """
    grammar.policy_name(policy_name)
    grammar.description(description)
    policy.parse(document)
    if not authority.policies.is_free(policy_name) or policy_name.lower() in SYSTEM_NAMES:
        raise PolicyExists()
    if len(authority.policies) >= limits.POLICIES:
        raise TooManyPolicies()
    return events.PolicyCreated(
        **authority.next(call), policy_name=policy_name, description=description, document=document
    )


def create_policy_version(
    authority: Authority,
    call: Call,
    policy_name: str,
    document: str,
    *,
    set_as_default: bool = False,
    rotate_strategy: str = RotateStrategy.NONE,
) -> events.PolicyVersionCreated:
    """:raises PolicyNotFound: there is no such custom policy.
    :raises MalformedPolicyDocument: nobody could evaluate it; the message says where it is wrong.
    :raises TooManyPolicyVersions: it has five, and the strategy lets none of them go.
    """
    if rotate_strategy not in set(RotateStrategy):
        raise InvalidParameter("RotateStrategy", f"Expected one of {', '.join(RotateStrategy)}.")
    managed = existing(authority, policy_name)
    policy.parse(document)
    return events.PolicyVersionCreated(
        **authority.next(call),
        policy_name=managed.name,
        version_id=f"v{managed.created_versions + 1}",
        document=document,
        set_as_default=set_as_default,
        removed_version=_making_room(managed, rotate_strategy),
    )


def _making_room(managed: ManagedPolicy, rotate_strategy: str) -> str:
    if len(managed.versions) < limits.VERSIONS_OF_POLICY:
        return ""
    if rotate_strategy != RotateStrategy.DELETE_OLDEST:
        raise TooManyPolicyVersions()
    others = (version.version_id for version in managed.versions if version.version_id != managed.default_version)
    return next(others)


def delete_policy_version(
    authority: Authority, call: Call, policy_name: str, version_id: str
) -> events.PolicyVersionDeleted:
    """:raises PolicyNotFound, PolicyVersionNotFound: there is none. :raises PolicyVersionIsDefault: it is in force."""
    managed = _with_version(authority, policy_name, version_id)
    if version_id == managed.default_version:
        raise PolicyVersionIsDefault()
    return events.PolicyVersionDeleted(**authority.next(call), policy_name=managed.name, version_id=version_id)


def set_default_policy_version(
    authority: Authority, call: Call, policy_name: str, version_id: str
) -> events.DefaultPolicyVersionSet:
    """:raises PolicyNotFound, PolicyVersionNotFound: there is none."""
    managed = _with_version(authority, policy_name, version_id)
    return events.DefaultPolicyVersionSet(**authority.next(call), policy_name=managed.name, version_id=version_id)


def update_policy_description(
    authority: Authority, call: Call, policy_name: str, new_description: str
) -> events.PolicyDescriptionUpdated:
    """:raises PolicyNotFound: there is no such custom policy."""
    managed = existing(authority, policy_name)
    grammar.description(new_description, "NewDescription")
    return events.PolicyDescriptionUpdated(
        **authority.next(call), policy_name=managed.name, description=new_description
    )


def delete_policy(
    authority: Authority, call: Call, policy_name: str, *, cascading_delete: bool = False
) -> events.PolicyDeleted:
    """:param cascading_delete: all versions go with it. What it is attached to is asked about all the same: an
        administrator who deletes a policy must not take permissions away without being told of it.
    :raises PolicyNotFound: there is no such custom policy.
    :raises PolicyOnUsers, PolicyOnGroups, PolicyOnRoles: it is attached.
    :raises PolicyHasVersions: it has others than the default one.
    """
    managed = existing(authority, policy_name)
    for target in authority.attachments.to(PolicyKey(PolicyType.CUSTOM, managed.name)):
        raise _IN_THE_WAY[target.kind]()
    if len(managed.versions) > 1 and not cascading_delete:
        raise PolicyHasVersions()
    return events.PolicyDeleted(**authority.next(call), policy_name=managed.name)


def existing(authority: Authority, policy_name: str) -> ManagedPolicy:
    """:raises PolicyNotFound: there is no custom policy of exactly this name."""
    managed = authority.policies.get(policy_name)
    if managed is None:
        raise PolicyNotFound()
    return managed


def _with_version(authority: Authority, policy_name: str, version_id: str) -> ManagedPolicy:
    grammar.version_id(version_id)
    managed = existing(authority, policy_name)
    if managed.version(version_id) is None:
        raise PolicyVersionNotFound()
    return managed
