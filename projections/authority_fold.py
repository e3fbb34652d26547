"""How each event of an account's RAM changes who was granted what: one handler per event; none decides anything.

What an event names must stand: a handler that does not find it raises KeyError, and the ledger is corrupt. Handlers end
whatever hangs on what is deleted; RAM's own commands leave nothing to end there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from domain import events
from domain.events import Event
from domain.standing import Standing
from projections.authority_facts import EVERY_REGION, ROOT, TRUST, Fact, Facts


def apply(history: Iterable[Standing], facts: Facts) -> None:
    """Events that are nothing to RAM change nothing."""
    for standing in history:
        handler = HANDLERS.get(type(standing.event))
        if handler is not None:
            facts.at(standing)
            handler(standing.event, facts)


def _owner(user_name: str) -> str:
    return f"user/{user_name}" if user_name else ROOT


# --- the root identity ---


def _account_created(event: events.AccountCreated, facts: Facts) -> None:
    facts.grant(Fact(event.account_id, "account", ROOT, event.account_id))


def _quota_raised(event: events.QuotaRaised, facts: Facts) -> None:
    fact = Fact(event.account_id, "quota", ROOT, event.region_id or EVERY_REGION)
    facts.grant(fact, {"quota": event.quota, "ticket": event.ticket})


# --- users and access keys ---


def _user_created(event: events.UserCreated, facts: Facts) -> None:
    _user(event, event.user_name, event.user_id, facts)


def _user_updated(event: events.UserUpdated, facts: Facts) -> None:
    user_id = facts.one(event.account_id, "user", f"user/{event.user_name}").object
    facts.rename(event.account_id, f"user/{event.user_name}", f"user/{event.new_user_name}")
    _user(event, event.new_user_name, user_id, facts)


def _user(event: events.UserCreated | events.UserUpdated, name: str, user_id: str, facts: Facts) -> None:
    texts = {"display_name": event.display_name, "comments": event.comments}
    facts.grant(Fact(event.account_id, "user", f"user/{name}", user_id), texts)


def _user_deleted(event: events.UserDeleted, facts: Facts) -> None:
    _deleted(event.account_id, "user", event.user_name, facts)


def _deleted(account_id: str, kind: str, name: str, facts: Facts) -> None:
    """With all it has and all that is had of it."""
    facts.one(account_id, kind, f"{kind}/{name}")
    facts.end_all(account_id, f"{kind}/{name}")


def _root_access_key_created(event: events.AccessKeyCreated, facts: Facts) -> None:
    facts.grant(Fact(event.account_id, "access-key", ROOT, event.access_key_id), {"status": "Active"})


def _access_key_created(event: events.UserAccessKeyCreated, facts: Facts) -> None:
    facts.grant(_access_key(event), {"status": "Active"})


def _access_key_updated(event: events.AccessKeyUpdated, facts: Facts) -> None:
    facts.grant(_access_key(event), {"status": event.status})


def _access_key_deleted(event: events.AccessKeyDeleted, facts: Facts) -> None:
    facts.end(_access_key(event))


def _access_key(event: events.UserAccessKeyCreated | events.AccessKeyUpdated | events.AccessKeyDeleted) -> Fact:
    return Fact(event.account_id, "access-key", _owner(event.user_name), event.access_key_id)


# --- groups ---


def _group_created(event: events.GroupCreated, facts: Facts) -> None:
    fact = Fact(event.account_id, "group", f"group/{event.group_name}", event.group_id)
    facts.grant(fact, {"comments": event.comments})


def _group_updated(event: events.GroupUpdated, facts: Facts) -> None:
    old, new = f"group/{event.group_name}", f"group/{event.new_group_name}"
    group_id = facts.one(event.account_id, "group", old).object
    facts.rename(event.account_id, old, new)
    facts.grant(Fact(event.account_id, "group", new, group_id), {"comments": event.comments})


def _group_deleted(event: events.GroupDeleted, facts: Facts) -> None:
    _deleted(event.account_id, "group", event.group_name, facts)


def _user_added(event: events.UserAddedToGroup, facts: Facts) -> None:
    facts.grant(_membership(event))


def _user_removed(event: events.UserRemovedFromGroup, facts: Facts) -> None:
    facts.end(_membership(event))


def _membership(event: events.UserAddedToGroup | events.UserRemovedFromGroup) -> Fact:
    return Fact(event.account_id, "membership", f"user/{event.user_name}", f"group/{event.group_name}")


# --- policies ---


def _policy_created(event: events.PolicyCreated, facts: Facts) -> None:
    _policy(event, facts)
    facts.grant(_version(event, "v1"), _says("v1", event.document, in_force=True))


def _policy_described(event: events.PolicyDescriptionUpdated, facts: Facts) -> None:
    _policy(event, facts)


def _policy(event: events.PolicyCreated | events.PolicyDescriptionUpdated, facts: Facts) -> None:
    name = event.policy_name
    fact = Fact(event.account_id, "policy", f"policy/{name}", f"Custom/{name}")
    facts.grant(fact, {"description": event.description})


def _policy_version_created(event: events.PolicyVersionCreated, facts: Facts) -> None:
    if event.removed_version:
        facts.end(_version(event, event.removed_version))
    fact = _version(event, event.version_id)
    facts.grant(fact, _says(event.version_id, event.document, in_force=False))
    if event.set_as_default:
        _put_in_force(fact, facts)


def _policy_version_deleted(event: events.PolicyVersionDeleted, facts: Facts) -> None:
    facts.end(_version(event, event.version_id))


def _default_version_set(event: events.DefaultPolicyVersionSet, facts: Facts) -> None:
    _put_in_force(_version(event, event.version_id), facts)


def _put_in_force(version: Fact, facts: Facts) -> None:
    """Only one version of a policy is. :raises KeyError: there is no such version."""
    for row in facts.about(version.account_id, version.subject):
        if row.kind == version.kind and row.details is not None:
            facts.grant(row.fact, {**row.details, "in_force": row.fact == version})
    if facts.get(version) is None:
        raise KeyError(version.object)


def _policy_deleted(event: events.PolicyDeleted, facts: Facts) -> None:
    _deleted(event.account_id, "policy", event.policy_name, facts)
    facts.end_all(event.account_id, f"Custom/{event.policy_name}")


def _version(event: Any, version_id: str) -> Fact:
    name = event.policy_name
    return Fact(event.account_id, "policy-version", f"policy/{name}", f"Custom/{name}/{version_id}")


def _says(version_id: str, document: str, *, in_force: bool) -> dict[str, Any]:
    return {"version": version_id, "in_force": in_force, "document": document}


def _policy_attached(event: events.PolicyAttached, facts: Facts) -> None:
    facts.grant(_attachment(event))


def _policy_detached(event: events.PolicyDetached, facts: Facts) -> None:
    facts.end(_attachment(event))


def _attachment(event: events.PolicyAttached | events.PolicyDetached) -> Fact:
    target, policy = f"{event.target_kind}/{event.target_name}", f"{event.policy_type}/{event.policy_name}"
    return Fact(event.account_id, "attachment", target, policy)


# --- roles ---


def _role_created(event: events.RoleCreated, facts: Facts) -> None:
    _role(event, event.role_id, facts)


def _role_updated(event: events.RoleUpdated, facts: Facts) -> None:
    _role(event, facts.one(event.account_id, "role", f"role/{event.role_name}").object, facts)


def _role(event: events.RoleCreated | events.RoleUpdated, role_id: str, facts: Facts) -> None:
    subject = f"role/{event.role_name}"
    says = {"description": event.description, "max_session_duration": event.max_session_duration}
    facts.grant(Fact(event.account_id, "role", subject, role_id), says)
    facts.grant(Fact(event.account_id, "trust", subject, TRUST), {"document": event.trust_policy})


def _role_deleted(event: events.RoleDeleted, facts: Facts) -> None:
    _deleted(event.account_id, "role", event.role_name, facts)


HANDLERS: Final[dict[type[Event], Callable[[Any, Facts], None]]] = {
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
