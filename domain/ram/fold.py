"""How each event of an account's stream changes the account: one handler per event, none of which decides anything.

What an event names must exist: a handler that does not find it raises KeyError, and the ledger is corrupt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from domain import events
from domain.ram.entities import (
    AccessKey,
    AccessKeyStatus,
    Group,
    ManagedPolicy,
    PolicyKey,
    PolicyType,
    PolicyVersion,
    Role,
    Target,
    TargetKind,
    User,
)
from domain.ram.relation import Link
from domain.ram.state import AccountState

_KINDS: Final = {kind.value: kind for kind in TargetKind}
_TYPES: Final = {policy_type.value: policy_type for policy_type in PolicyType}
"""Looked up in a third of the time that an enumeration takes: replays do so for every attachment."""


def evolve(event: events.Event, account: AccountState) -> None:
    """:raises ValueError: the event does not belong into an account's stream, or contradicts those before it."""
    handler = _HANDLERS.get(type(event))
    if handler is None or (account.version == 0) != isinstance(event, events.AccountCreated):
        raise ValueError(f"{event.TOPIC} does not belong at version {event.originator_version} of an account's stream")
    try:
        handler(event, account)
    except KeyError as unknown:
        at = f"version {event.originator_version} of account {account.account_id}"
        raise ValueError(f"{event.TOPIC} at {at} names {unknown}, which is not there") from unknown


# --- the root identity ---


def _account_created(event: events.AccountCreated, account: AccountState) -> None:
    account.account_id = event.account_id


def _root_access_key_created(event: events.AccessKeyCreated, account: AccountState) -> None:
    account.root_access_keys += (_access_key(event),)
    account.access_key_owners[event.access_key_id] = ""


def _quota_raised(event: events.QuotaRaised, account: AccountState) -> None:
    account.quotas[event.region_id] = event.quota


# --- users ---


def _user_created(event: events.UserCreated, account: AccountState) -> None:
    account.users.put(
        User(
            name=event.user_name,
            id=event.user_id,
            number=event.originator_version,
            created_at=event.timestamp,
            updated_at=event.timestamp,
            display_name=event.display_name,
            comments=event.comments,
            email=event.email,
            mobile_phone=event.mobile_phone,
        )
    )


def _user_updated(event: events.UserUpdated, account: AccountState) -> None:
    user = replace(
        account.users[event.user_name],
        name=event.new_user_name,
        updated_at=event.timestamp,
        display_name=event.display_name,
        comments=event.comments,
        email=event.email,
        mobile_phone=event.mobile_phone,
    )
    account.users.put(user)


def _user_deleted(event: events.UserDeleted, account: AccountState) -> None:
    user = account.users.remove(event.user_name)
    account.forget_in_force(Target(TargetKind.USER, user.id))


def _access_key_created(event: events.UserAccessKeyCreated, account: AccountState) -> None:
    user = account.users[event.user_name]
    account.users.put(replace(user, access_keys=(*user.access_keys, _access_key(event))))
    account.access_key_owners[event.access_key_id] = user.id


def _access_key_updated(event: events.AccessKeyUpdated, account: AccountState) -> None:
    status = AccessKeyStatus(event.status)
    keys = _access_keys(event.user_name, account)
    changed = tuple(replace(key, status=status) if key.access_key_id == event.access_key_id else key for key in keys)
    _put_access_keys(event.user_name, changed, account)


def _access_key_deleted(event: events.AccessKeyDeleted, account: AccountState) -> None:
    del account.access_key_owners[event.access_key_id]
    keys = _access_keys(event.user_name, account)
    rest = tuple(key for key in keys if key.access_key_id != event.access_key_id)
    _put_access_keys(event.user_name, rest, account)


def _access_key(event: events.AccessKeyCreated | events.UserAccessKeyCreated) -> AccessKey:
    return AccessKey(access_key_id=event.access_key_id, status=AccessKeyStatus.ACTIVE, created_at=event.timestamp)


def _access_keys(user_name: str, account: AccountState) -> tuple[AccessKey, ...]:
    return account.users[user_name].access_keys if user_name else account.root_access_keys


def _put_access_keys(user_name: str, access_keys: tuple[AccessKey, ...], account: AccountState) -> None:
    if user_name:
        account.users.put(replace(account.users[user_name], access_keys=access_keys))
    else:
        account.root_access_keys = access_keys


# --- groups ---


def _group_created(event: events.GroupCreated, account: AccountState) -> None:
    account.groups.put(
        Group(
            name=event.group_name,
            id=event.group_id,
            number=event.originator_version,
            created_at=event.timestamp,
            updated_at=event.timestamp,
            comments=event.comments,
        )
    )


def _group_updated(event: events.GroupUpdated, account: AccountState) -> None:
    group = account.groups[event.group_name]
    changed = replace(group, name=event.new_group_name, updated_at=event.timestamp, comments=event.comments)
    account.groups.put(changed)


def _group_deleted(event: events.GroupDeleted, account: AccountState) -> None:
    account.groups.remove(event.group_name)


def _user_added(event: events.UserAddedToGroup, account: AccountState) -> None:
    user, group = account.users[event.user_name], account.groups[event.group_name]
    account.memberships.link(user.id, group.id, _link(event))
    account.forget_in_force(Target(TargetKind.USER, user.id))


def _user_removed(event: events.UserRemovedFromGroup, account: AccountState) -> None:
    user, group = account.users[event.user_name], account.groups[event.group_name]
    account.memberships.unlink(user.id, group.id)
    account.forget_in_force(Target(TargetKind.USER, user.id))


# --- policies ---


def _policy_created(event: events.PolicyCreated, account: AccountState) -> None:
    first = PolicyVersion(version_id="v1", document=event.document, created_at=event.timestamp)
    account.policies.put(
        ManagedPolicy(
            policy_type=PolicyType.CUSTOM,
            name=event.policy_name,
            number=event.originator_version,
            created_at=event.timestamp,
            updated_at=event.timestamp,
            description=event.description,
            versions=(first,),
            default_version=first.version_id,
        )
    )


def _policy_version_created(event: events.PolicyVersionCreated, account: AccountState) -> None:
    policy = account.policies[event.policy_name]
    version = PolicyVersion(version_id=event.version_id, document=event.document, created_at=event.timestamp)
    kept = tuple(one for one in policy.versions if one.version_id != event.removed_version)
    changed = replace(
        policy,
        updated_at=event.timestamp,
        versions=(*kept, version),
        default_version=event.version_id if event.set_as_default else policy.default_version,
        created_versions=policy.created_versions + 1,
    )
    account.policies.put(changed)
    if event.set_as_default:
        account.forget_policy(policy.name)


def _policy_version_deleted(event: events.PolicyVersionDeleted, account: AccountState) -> None:
    policy = account.policies[event.policy_name]
    kept = tuple(one for one in policy.versions if one.version_id != event.version_id)
    account.policies.put(replace(policy, updated_at=event.timestamp, versions=kept))


def _default_version_set(event: events.DefaultPolicyVersionSet, account: AccountState) -> None:
    policy = account.policies[event.policy_name]
    account.policies.put(replace(policy, updated_at=event.timestamp, default_version=event.version_id))
    account.forget_policy(policy.name)


def _policy_described(event: events.PolicyDescriptionUpdated, account: AccountState) -> None:
    policy = account.policies[event.policy_name]
    account.policies.put(replace(policy, updated_at=event.timestamp, description=event.description))


def _policy_deleted(event: events.PolicyDeleted, account: AccountState) -> None:
    account.policies.remove(event.policy_name)
    account.forget_policy(event.policy_name)


def _policy_attached(event: events.PolicyAttached, account: AccountState) -> None:
    target = account.target(_KINDS[event.target_kind], event.target_name)
    account.attachments.link(target, PolicyKey(_TYPES[event.policy_type], event.policy_name), _link(event))
    account.forget_in_force(target)


def _policy_detached(event: events.PolicyDetached, account: AccountState) -> None:
    target = account.target(_KINDS[event.target_kind], event.target_name)
    account.attachments.unlink(target, PolicyKey(_TYPES[event.policy_type], event.policy_name))
    account.forget_in_force(target)


def _link(event: events.Event) -> Link:
    return Link(event.originator_version, event.timestamp)


# --- roles ---


def _role_created(event: events.RoleCreated, account: AccountState) -> None:
    account.roles.put(
        Role(
            name=event.role_name,
            id=event.role_id,
            number=event.originator_version,
            created_at=event.timestamp,
            updated_at=event.timestamp,
            description=event.description,
            trust_policy=event.trust_policy,
            trust_number=event.originator_version,
            max_session_duration=event.max_session_duration,
        )
    )


def _role_updated(event: events.RoleUpdated, account: AccountState) -> None:
    role = account.roles[event.role_name]
    # A trust policy of the same text is the same trust: sessions go on.
    is_same = event.trust_policy == role.trust_policy
    changed = replace(
        role,
        updated_at=event.timestamp,
        description=event.description,
        trust_policy=event.trust_policy,
        trust_number=role.trust_number if is_same else event.originator_version,
        max_session_duration=event.max_session_duration,
    )
    account.roles.put(changed)
    account.forget_trust(role.id)


def _role_deleted(event: events.RoleDeleted, account: AccountState) -> None:
    role = account.roles.remove(event.role_name)
    account.forget_in_force(Target(TargetKind.ROLE, role.id))
    account.forget_trust(role.id)


_HANDLERS: Final[dict[type[events.Event], Callable[[Any, AccountState], None]]] = {
    events.AccountCreated: _account_created,
    events.AccessKeyCreated: _root_access_key_created,
    events.QuotaRaised: _quota_raised,
    events.UserCreated: _user_created,
    events.UserUpdated: _user_updated,
    events.UserDeleted: _user_deleted,
    events.UserAccessKeyCreated: _access_key_created,
    events.AccessKeyUpdated: _access_key_updated,
    events.AccessKeyDeleted: _access_key_deleted,
    events.GroupCreated: _group_created,
    events.GroupUpdated: _group_updated,
    events.GroupDeleted: _group_deleted,
    events.UserAddedToGroup: _user_added,
    events.UserRemovedFromGroup: _user_removed,
    events.PolicyCreated: _policy_created,
    events.PolicyVersionCreated: _policy_version_created,
    events.PolicyVersionDeleted: _policy_version_deleted,
    events.DefaultPolicyVersionSet: _default_version_set,
    events.PolicyDescriptionUpdated: _policy_described,
    events.PolicyDeleted: _policy_deleted,
    events.PolicyAttached: _policy_attached,
    events.PolicyDetached: _policy_detached,
    events.RoleCreated: _role_created,
    events.RoleUpdated: _role_updated,
    events.RoleDeleted: _role_deleted,
}

TOPICS: Final = frozenset(event.TOPIC for event in _HANDLERS)
"""Of all that can stand in an account's stream."""
