"""One English sentence for every event: who, what, on what, from where, and how it came out.

Here: the sentence of each kind of event. The words in it: :mod:`domain.audit.words`. Uses are most of what a ledger
holds, so theirs is one formatting of texts that are at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain import events
from domain.audit.words import (
    CHARACTERS_MAX,
    brief,
    moment,
    plural,
    principal_named,
    quoted,
    source,
    thing,
    visible,
    who,
)
from domain.authentication_failures import OTHER_SOURCES
from domain.call import NO_PARAMETERS, Call
from domain.errors import DryRunOperation
from domain.vocabulary import Operation

_WITH: Final[Mapping[str, str]] = {
    Operation.ENCRYPT: "encrypted with",
    Operation.DECRYPT: "decrypted with",
    Operation.GENERATE_DATA_KEY: "generated a data key with",
    Operation.GENERATE_DATA_KEY_WITHOUT_PLAINTEXT: "generated a data key, without being told it, with",
}
_USES: Final[Mapping[str, str]] = {
    operation: _WITH.get(operation, f"used ({operation.value})") for operation in Operation
}

_LOOKED_AT: Final[Mapping[str, str]] = {
    Operation.DESCRIBE_KEY: "looked at",
    Operation.GET_USER: "looked at",
    Operation.LIST_ACCESS_KEYS: "listed the access keys of",
    Operation.GET_GROUP: "looked at",
    Operation.LIST_GROUPS_FOR_USER: "listed the groups of",
    Operation.LIST_USERS_FOR_GROUP: "listed the users of",
    Operation.GET_POLICY: "looked at",
    Operation.GET_POLICY_VERSION: "looked at a version of",
    Operation.LIST_POLICY_VERSIONS: "listed the versions of",
    Operation.LIST_POLICIES_FOR_USER: "listed the policies of",
    Operation.LIST_POLICIES_FOR_GROUP: "listed the policies of",
    Operation.LIST_POLICIES_FOR_ROLE: "listed the policies of",
    Operation.LIST_ENTITIES_FOR_POLICY: "listed whatever has",
    Operation.GET_ROLE: "looked at",
}
"""Answers about one thing, which the sentence names."""

_TOLD_OF: Final[Mapping[str, str]] = {
    Operation.LIST_KEYS: "listed keys",
    Operation.DESCRIBE_REGIONS: "listed regions",
    Operation.LIST_USERS: "listed users",
    Operation.LIST_GROUPS: "listed groups",
    Operation.LIST_POLICIES: "listed policies",
    Operation.LIST_ROLES: "listed roles",
    Operation.GET_CALLER_IDENTITY: "asked who they are",
    Operation.SEARCH_EVENTS: "searched the audit trail",
    Operation.COUNT_EVENTS: "counted events of the audit trail",
    Operation.EXPORT_EVENTS: "exported events of the audit trail",
    Operation.GET_KEY_HISTORY: "looked at the history of a key",
    Operation.GET_KEY_AT: "asked who could use a key",
    Operation.LIST_KEY_FINDINGS: "asked which keys deserve attention",
    Operation.LIST_UNUSED_PERMISSIONS: "asked which permissions nobody used",
    Operation.GET_LEAST_POLICY: "asked for the least policy of somebody",
    Operation.EVALUATE_POLICY: "asked what other policies would have changed",
    Operation.LIST_AUTHORITY_CHANGES: "asked who granted what to whom",
    Operation.GET_COVERAGE: "asked how complete the audit trail is",
    Operation.LOOKUP_EVENTS: "looked up events of the audit trail",
}

_PAIRS_CHARACTERS_MAX: Final = 240

_INTO: Final = {"Active": "activated", "Inactive": "deactivated"}


_DONE: Final[Mapping[type[events.Event], str]] = {
    events.RegionOpened: "opened region {0.region_id}, whose root key has the check value {0.key_check_value},",
    events.AccountCreated: "opened account {0.account_id}",
    events.AccessKeyCreated: "created access key {0.access_key_id} of root of {0.account_id}",
    events.UserCreated: "created user {0.user_name}",
    events.UserDeleted: "deleted user {0.user_name}",
    events.UserAccessKeyCreated: "created access key {0.access_key_id} of user {0.user_name}",
    events.GroupCreated: "created group {0.group_name}",
    events.GroupDeleted: "deleted group {0.group_name}",
    events.UserAddedToGroup: "added user {0.user_name} to group {0.group_name}",
    events.UserRemovedFromGroup: "removed user {0.user_name} from group {0.group_name}",
    events.PolicyCreated: "created policy {0.policy_name}",
    events.PolicyVersionDeleted: "deleted version {0.version_id} of policy {0.policy_name}",
    events.DefaultPolicyVersionSet: "put version {0.version_id} of policy {0.policy_name} in force,",
    events.PolicyDeleted: "deleted policy {0.policy_name} with all its versions",
    events.RoleCreated: "created role {0.role_name}",
    events.RoleUpdated: "updated role {0.role_name}",
    events.RoleDeleted: "deleted role {0.role_name}",
}
"""What somebody did, of the event's own fields; who did it and from where comes around it."""


def sentence(event: events.Event) -> str:
    """Plain and printable, in past tense, of at most :data:`~domain.audit.words.CHARACTERS_MAX` characters.

    :raises KeyError: an event that is not in :data:`domain.events.EVENTS`.
    """
    make = _SENTENCES.get(type(event))
    return _plain(make(event) if make is not None else _did(event, _DONE[type(event)].format(event)))


About = tuple[str, str, str, str, str, str]
"""What a call was about, for whoever has that without the event: the caller, as :func:`~domain.audit.words.who` says
it; operation; key, empty where it was about none; ARN of what it was about instead, empty where nobody knows; region;
source."""


def of_use(about: About) -> str:
    """The sentence of a :class:`~domain.events.KeyUsed`."""
    by, operation, key_id, _, region_id, source_ip = about
    return _plain(f"{by} {_USES[operation]} key {key_id} in {region_id}{source(source_ip)}.")


def of_answer(about: About, asked: Mapping[str, str] = NO_PARAMETERS) -> str:
    """Of a :class:`~domain.events.CallAnswered`. :param asked: its request's parameters."""
    by, operation, key_id, resource, region_id, source_ip = about
    told_of = _TOLD_OF.get(operation)
    if told_of is None:
        looked_at = _LOOKED_AT.get(operation) or f"was answered {operation} about"
        told_of = f"{looked_at} {_named(key_id, resource, region_id)}"
    elif operation == Operation.LIST_KEYS:
        told_of = f"{told_of} in {region_id}"
    if asked:
        told_of = f"{told_of} ({_pairs(asked)})"
    return _plain(_done(by, told_of, source(source_ip)))


def of_refusal(about: About, code: str, asked: Mapping[str, str] = NO_PARAMETERS) -> str:
    """Of a :class:`~domain.events.CallRefused`. :param asked: its request's parameters."""
    by, operation, key_id, resource, region_id, source_ip = about
    named, origin = _named(key_id, resource, region_id), source(source_ip)
    what = "an unknown operation" if operation == Operation.UNKNOWN else operation
    if named:
        what = f"{what} {'with' if operation in _WITH else 'on'} {named}"
    if asked:
        what = f"{what} ({_pairs(asked)})"
    if code == DryRunOperation.code:
        return _plain(_done(by, f"asked whether {what} was possible, which it was,", origin))
    return _plain(f"{by} was refused {what}{origin}: {code}.")


def _named(key_id: str, resource: str, region_id: str) -> str:
    """Empty where nobody knows."""
    if key_id:
        return f"key {key_id} in {region_id}"
    return thing(resource) if resource else ""


def _pairs(asked: Mapping[str, str]) -> str:
    """``key_id "6f1d…", outcome "refused"``; cut so that there is room for how it ended."""
    return brief(", ".join(f"{brief(name)} {quoted(value)}" for name, value in asked.items()), _PAIRS_CHARACTERS_MAX)


def _plain(told: str) -> str:
    return told if len(told) <= CHARACTERS_MAX and told.isprintable() else brief(visible(told), CHARACTERS_MAX)


def _by(call: Call) -> str:
    by = call.by
    return who(by.kind, by.principal, by.assumed_by)


def _did(event: events.Event, what: str) -> str:
    """Somebody did it, from somewhere: all that RAM's sentences need, which is the same in every region."""
    return _done(_by(event.call), what, _from(event))


def _done(by: str, what: str, origin: str) -> str:
    """:param what: with a comma at its end where another place would be read into it. :param origin: perhaps empty."""
    return f"{by} {what if origin else what.removesuffix(',')}{origin}."


# --- the deployment ---


def _quota_raised(event: events.QuotaRaised) -> str:
    where = event.region_id or "every region"
    keys = plural(event.quota, "key")
    return _did(event, f"let account {event.account_id} have {keys} in {where}, as {quoted(event.ticket)} asked for,")


# --- who may do what ---


def _user_updated(event: events.UserUpdated) -> str:
    return _did(event, _updated("user", event.user_name, event.new_user_name))


def _group_updated(event: events.GroupUpdated) -> str:
    return _did(event, _updated("group", event.group_name, event.new_group_name))


def _updated(kind: str, name: str, new_name: str) -> str:
    return f"updated {kind} {name}" if new_name in ("", name) else f"renamed {kind} {name} to {new_name}"


def _access_key_updated(event: events.AccessKeyUpdated) -> str:
    done = _INTO.get(event.status) or f"set to {event.status}"
    return _did(event, f"{done} access key {event.access_key_id} of {_owner(event)}")


def _access_key_deleted(event: events.AccessKeyDeleted) -> str:
    return _did(event, f"deleted access key {event.access_key_id} of {_owner(event)}")


def _owner(event: events.AccessKeyUpdated | events.AccessKeyDeleted) -> str:
    return f"user {event.user_name}" if event.user_name else f"root of {event.account_id}"


def _policy_version_created(event: events.PolicyVersionCreated) -> str:
    removed = f" in place of {event.removed_version}" if event.removed_version else ""
    in_force = " and put it in force" if event.set_as_default else ", not in force yet"
    return _did(event, f"created version {event.version_id} of policy {event.policy_name}{removed}{in_force},")


def _policy_described(event: events.PolicyDescriptionUpdated) -> str:
    return _did(event, _described(f"policy {event.policy_name}", event.description))


def _described(what: str, description: str) -> str:
    return f"described {what} as {quoted(description)}" if description else f"removed the description of {what}"


def _attached(event: events.PolicyAttached) -> str:
    return _did(event, f"attached {_policy(event)} to {event.target_kind} {event.target_name}")


def _detached(event: events.PolicyDetached) -> str:
    return _did(event, f"detached {_policy(event)} from {event.target_kind} {event.target_name}")


def _policy(event: events.PolicyAttached | events.PolicyDetached) -> str:
    return f"the {event.policy_type.lower()} policy {event.policy_name}"


def _role_assumed(event: events.RoleAssumed) -> str:
    narrowed = ", narrowed by a policy," if event.session_policy else ""
    what = f"assumed {principal_named(event.role_arn)} as session {event.session_name}{narrowed}"
    return _did(event, f"{what} until {moment(event.expires_at)},")


def _authentication_failed(event: events.AuthenticationFailed) -> str:
    where = "further addresses" if event.source_ip == OTHER_SOURCES else event.source_ip
    codes = ", ".join(f"{count} {code}" for code, count in event.codes.items())
    return (
        f"Somebody at {where} failed {plural(event.count, 'time')} to be the owner of access key {event.access_key_id} "
        f"of {event.account_id} in the minute from {event.minute:%Y-%m-%d %H:%M} UTC: {codes}."
    )


# --- keys ---


def _key_created(event: events.KeyCreated) -> str:
    called = f" {quoted(event.description)}" if event.description else ""
    return f"{_by(event.call)} created key {event.originator_id}{called} in {event.region_id}{_from(event)}."


def _key_described(event: events.KeyDescriptionUpdated) -> str:
    return _did(event, _described(f"key {event.originator_id} in {event.call.region_id}", event.description))


def _deletion_scheduled(event: events.KeyDeletionScheduled) -> str:
    days = plural(event.pending_window_days, "day")
    return _of_key("scheduled", event, f" to be deleted after {days}, at {moment(event.delete_at)},")


def _key_destroyed(event: events.KeyDestroyed) -> str:
    versions = plural(len(event.key_version_ids), "version")
    return _of_key("destroyed", event, f" with {versions} of it, as its scheduled deletion was due,")


def _of_key(verb: str, event: events.Event, more: str = "") -> str:
    return f"{_by(event.call)} {verb} key {event.originator_id}{more} in {event.call.region_id}{_from(event)}."


def _from(event: events.Event) -> str:
    return source(event.call.source_ip)


# --- calls that change no key ---


def _about(event: events.KeyUsed | events.CallAnswered | events.CallRefused) -> About:
    call = event.call
    key_id = "" if event.key_id is None else str(event.key_id)
    resource = getattr(event, "resource", "")
    return _by(call), call.operation.value, key_id, resource, call.region_id, call.source_ip


_SENTENCES: Final[Mapping[type[events.Event], Callable[[Any], str]]] = {
    events.QuotaRaised: _quota_raised,
    events.UserUpdated: _user_updated,
    events.AccessKeyUpdated: _access_key_updated,
    events.AccessKeyDeleted: _access_key_deleted,
    events.GroupUpdated: _group_updated,
    events.PolicyVersionCreated: _policy_version_created,
    events.PolicyDescriptionUpdated: _policy_described,
    events.PolicyAttached: _attached,
    events.PolicyDetached: _detached,
    events.KeyCreated: _key_created,
    events.KeyEnabled: lambda event: _of_key("enabled", event),
    events.KeyDisabled: lambda event: _of_key("disabled", event),
    events.KeyDescriptionUpdated: _key_described,
    events.KeyDeletionScheduled: _deletion_scheduled,
    events.KeyDeletionCancelled: lambda event: _of_key("cancelled the deletion of", event),
    events.KeyDestroyed: _key_destroyed,
    events.KeyUsed: lambda event: of_use(_about(event)),
    events.CallAnswered: lambda event: of_answer(_about(event), event.request_parameters),
    events.CallRefused: lambda event: of_refusal(_about(event), event.code, event.request_parameters),
    events.RoleAssumed: _role_assumed,
    events.AuthenticationFailed: _authentication_failed,
}
"""What takes more than :data:`_DONE`."""
