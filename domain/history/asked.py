"""Which permissions an event's call needed: action and resources, as the service asked for them when it was recorded.

The resources of RAM's changes are those of the table of operations (``api/ram_operations.py``): a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from domain import events
from domain.admission import ACTIONS
from domain.call import Call
from domain.owner import ASSUME_ROLE
from domain.ram.entities import PolicyType
from domain.vocabulary import Operation

UNAUTHORISED: Final = frozenset((Operation.DESCRIBE_REGIONS, Operation.GET_CALLER_IDENTITY))
"""Operations that every authenticated caller may call."""


class Asked(NamedTuple):
    """:param resources: ARNs, all of which had to be allowed."""

    action: str
    resources: tuple[str, ...]


def asked_of(event: events.Event) -> Asked | None:
    """What the call of ``event`` had to be allowed; None where nobody was asked for permission: of the deployment's own
    doings, of what every caller may do, and of refusals that came before the question.

    A call reaches the keys of its own account and region alone, so that the ARN of its key follows from the call.

    :raises KeyError: an event that is not in :data:`domain.events.EVENTS`.
    """
    return None if event.call.by.kind == "system" else _ASKED[type(event)](event)


def key_of(event: events.Event) -> UUID | None:
    """The CMK that was asked for; None where it was none, or one that was only to be."""
    if isinstance(event, events.KeyUsed | events.CallAnswered | events.CallRefused):
        return event.key_id
    return event.originator_id if type(event) in _CHANGES_OF_KEYS else None


def _of_change(event: events.Event) -> Asked:
    """Of RAM."""
    account = event.call.by.account_id
    named = _RESOURCES[type(event)](event)
    parts = [part if part.startswith("acs:") else f"acs:ram:*:{account}:{part}" for part in named]
    return Asked(f"ram:{event.call.operation.value}", tuple(parts))


def _of_assumption(event: events.RoleAssumed) -> Asked:
    return Asked(ASSUME_ROLE, (event.role_arn,))


def _of_key(event: events.Event) -> Asked:
    call = event.call
    return Asked(ACTIONS[call.operation], (f"acs:kms:{call.region_id}:{call.by.account_id}:key/{key_of(event)}",))


def _of_keys(event: events.Event) -> Asked:
    """Of CreateKey and ListKeys."""
    call = event.call
    return Asked(ACTIONS[call.operation], (f"acs:kms:{call.region_id}:{call.by.account_id}:key",))


def _of_answer(event: events.CallAnswered) -> Asked | None:
    if event.call.operation in UNAUTHORISED:
        return None
    if event.key_id is not None:
        return _of_key(event)
    return _of_resource(event.call, event.resource) if event.resource else _of_keys(event)


def _of_refusal(event: events.CallRefused) -> Asked | None:
    """The resource that was asked about last: of a refusal for want of permission, the one that was not allowed."""
    return _of_resource(event.call, event.resource) if event.resource else None


def _of_resource(call: Call, resource: str) -> Asked:
    product = resource.split(":", 2)[1] if resource.startswith("acs:") else "kms"
    if call.operation is Operation.ASSUME_ROLE:
        product = "sts"
    return Asked(f"{product}:{call.operation.value}", (resource,))


def _policy(event: Any) -> str:
    account = "system" if event.policy_type == PolicyType.SYSTEM else event.call.by.account_id
    return f"acs:ram:*:{account}:policy/{event.policy_name}"


def _custom(event: Any) -> tuple[str, ...]:
    return (f"policy/{event.policy_name}",)


def _user(event: Any) -> tuple[str, ...]:
    return (f"user/{event.user_name or 'root'}",)


def _group(event: Any) -> tuple[str, ...]:
    return (f"group/{event.group_name}",)


def _role(event: Any) -> tuple[str, ...]:
    return (f"role/{event.role_name}",)


def _renamed(kind: str, name: str, new_name: str) -> tuple[str, ...]:
    """A rename needs permission on both names."""
    return (f"{kind}/{new_name}",) if new_name not in ("", name) else ()


def _member(event: Any) -> tuple[str, ...]:
    return (*_user(event), *_group(event))


def _attachment(event: Any) -> tuple[str, ...]:
    return (f"{event.target_kind}/{event.target_name}", _policy(event))


_RESOURCES: Final[Mapping[type[events.Event], Callable[[Any], tuple[str, ...]]]] = {
    events.AccessKeyCreated: lambda _: ("user/root",),
    events.UserCreated: lambda _: ("user/*",),
    events.UserUpdated: lambda event: (*_user(event), *_renamed("user", event.user_name, event.new_user_name)),
    events.UserDeleted: _user,
    events.UserAccessKeyCreated: _user,
    events.AccessKeyUpdated: _user,
    events.AccessKeyDeleted: _user,
    events.GroupCreated: lambda _: ("group/*",),
    events.GroupUpdated: lambda event: (*_group(event), *_renamed("group", event.group_name, event.new_group_name)),
    events.GroupDeleted: _group,
    events.UserAddedToGroup: _member,
    events.UserRemovedFromGroup: _member,
    events.PolicyCreated: lambda _: ("policy/*",),
    events.PolicyVersionCreated: _custom,
    events.PolicyVersionDeleted: _custom,
    events.DefaultPolicyVersionSet: _custom,
    events.PolicyDescriptionUpdated: _custom,
    events.PolicyDeleted: _custom,
    events.PolicyAttached: _attachment,
    events.PolicyDetached: _attachment,
    events.RoleCreated: lambda _: ("role/*",),
    events.RoleUpdated: _role,
    events.RoleDeleted: _role,
}

_CHANGES_OF_KEYS: Final = (
    events.KeyEnabled,
    events.KeyDisabled,
    events.KeyDescriptionUpdated,
    events.KeyDeletionScheduled,
    events.KeyDeletionCancelled,
    events.KeyDestroyed,
)

_ASKED: Final[Mapping[type[events.Event], Callable[[Any], Asked | None]]] = {
    **dict.fromkeys(_RESOURCES, _of_change),
    **dict.fromkeys(_CHANGES_OF_KEYS, _of_key),
    **dict.fromkeys((events.RegionOpened, events.AccountCreated, events.QuotaRaised), lambda _: None),
    events.KeyCreated: _of_keys,
    events.KeyUsed: _of_key,
    events.CallAnswered: _of_answer,
    events.CallRefused: _of_refusal,
    events.RoleAssumed: _of_assumption,
    events.AuthenticationFailed: lambda _: None,
}
