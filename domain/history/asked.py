"""Which permissions an event needed: action and resources, as the service asked for them when it was recorded.

The resources of RAM's changes are those of the table of operations (``api/ram_operations.py``): a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from domain import events
from domain.admission import ACTIONS
from domain.call import Call
from domain.ram.entities import PolicyType
from domain.vocabulary import Operation

UNAUTHORISED: Final = frozenset((Operation.DESCRIBE_REGIONS, Operation.GET_CALLER_IDENTITY))
"""Operations that every authenticated caller may call."""


class Asked(NamedTuple):
    action: str
    resources: tuple[str, ...]


def of_change(event: events.Event) -> Asked | None:
    """Of a change of RAM; None where the event is none."""
    named = _RESOURCES.get(type(event))
    if named is None:
        return None
    account = event.call.by.account_id
    parts = [part if part.startswith("acs:") else f"acs:ram:*:{account}:{part}" for part in named(event)]
    return Asked(f"ram:{event.call.operation.value}", tuple(parts))


def of_resource(call: Call, resource: str) -> Asked:
    """Of a call whose event names the ARN that was asked for last."""
    product = resource.split(":", 2)[1] if resource.startswith("acs:") else "kms"
    if call.operation is Operation.ASSUME_ROLE:
        product = "sts"
    return Asked(f"{product}:{call.operation.value}", (resource,))


def of_keys(call: Call) -> Asked:
    """Of CreateKey and ListKeys."""
    return Asked(ACTIONS[call.operation], (f"acs:kms:{call.region_id}:{call.by.account_id}:key",))


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
