"""A replay asks for the permissions that the service asked for: the resources of RAM's changes, line by line."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import pytest

from api import audit_operations
from api.action import Effect, Product
from api.operations import OPERATIONS
from api.parameters import Parameters
from api.ram.authorised import arns
from domain import events
from domain.history.asked import Asked, asked_of
from domain.vocabulary import Operation
from tests.fixtures.ledger import a_call

VALUES: Final[dict[str, Any]] = {
    "user_name": "alice", "new_user_name": "bob", "group_name": "devs", "new_group_name": "ops", "role_name": "shop",
    "policy_name": "use", "policy_type": "Custom",
}  # fmt: skip
GIVEN: Final = {
    "UserName": "alice", "NewUserName": "bob", "GroupName": "devs", "NewGroupName": "ops", "RoleName": "shop",
    "PolicyName": "use", "PolicyType": "Custom",
}  # fmt: skip
_O: Final = Operation
MADE: Final[dict[Operation, type[events.Event]]] = {
    _O.CREATE_USER: events.UserCreated,
    _O.UPDATE_USER: events.UserUpdated,
    _O.DELETE_USER: events.UserDeleted,
    _O.CREATE_ACCESS_KEY: events.UserAccessKeyCreated,
    _O.UPDATE_ACCESS_KEY: events.AccessKeyUpdated,
    _O.DELETE_ACCESS_KEY: events.AccessKeyDeleted,
    _O.CREATE_GROUP: events.GroupCreated,
    _O.UPDATE_GROUP: events.GroupUpdated,
    _O.DELETE_GROUP: events.GroupDeleted,
    _O.ADD_USER_TO_GROUP: events.UserAddedToGroup,
    _O.REMOVE_USER_FROM_GROUP: events.UserRemovedFromGroup,
    _O.CREATE_POLICY: events.PolicyCreated,
    _O.CREATE_POLICY_VERSION: events.PolicyVersionCreated,
    _O.DELETE_POLICY_VERSION: events.PolicyVersionDeleted,
    _O.SET_DEFAULT_POLICY_VERSION: events.DefaultPolicyVersionSet,
    _O.UPDATE_POLICY_DESCRIPTION: events.PolicyDescriptionUpdated,
    _O.DELETE_POLICY: events.PolicyDeleted,
    _O.ATTACH_POLICY_TO_USER: events.PolicyAttached,
    _O.ATTACH_POLICY_TO_GROUP: events.PolicyAttached,
    _O.ATTACH_POLICY_TO_ROLE: events.PolicyAttached,
    _O.DETACH_POLICY_FROM_USER: events.PolicyDetached,
    _O.DETACH_POLICY_FROM_GROUP: events.PolicyDetached,
    _O.DETACH_POLICY_FROM_ROLE: events.PolicyDetached,
    _O.CREATE_ROLE: events.RoleCreated,
    _O.UPDATE_ROLE: events.RoleUpdated,
    _O.DELETE_ROLE: events.RoleDeleted,
}
CHANGES: Final = [
    action for action in OPERATIONS.values() if action.product is Product.RAM and action.effect is Effect.CHANGES
]


def test_every_change_of_ram_is_compared() -> None:
    assert {action.operation for action in CHANGES} == MADE.keys()


@pytest.mark.parametrize("policy_type", ["Custom", "System"])
@pytest.mark.parametrize("action", CHANGES, ids=lambda action: action.name)
def test_a_replay_asks_for_what_the_service_asked_for(action: Any, policy_type: str) -> None:
    call = a_call(action.operation)
    kind = action.name.rpartition("Policy")[2].removeprefix("To").removeprefix("From").lower()
    target = {"target_kind": kind, "target_name": {"user": "alice", "group": "devs", "role": "shop"}.get(kind)}
    place = {"originator_id": call.stream, "originator_version": 1, "timestamp": call.at, "call": call}
    values: dict[str, Any] = {**VALUES, **target, **place, "policy_type": policy_type}
    made: Any = MADE[action.operation]
    event = made(**{field.name: values.get(field.name) for field in fields(made)})
    needed = asked_of(event)
    assert needed is not None
    assert needed.action == action.ram_action
    given = Parameters({**GIVEN, "PolicyType": policy_type})
    assert set(needed.resources) == set(arns(action.resources, given, call.by))


def test_an_access_key_of_root_is_asked_for_as_roots() -> None:
    call = a_call(Operation.CREATE_ACCESS_KEY)
    event = events.AccessKeyCreated(
        originator_id=call.stream,
        originator_version=1,
        timestamp=call.at,
        call=call,
        account_id=call.by.account_id,
        access_key_id="LTAI1",
    )
    assert asked_of(event) == ("ram:CreateAccessKey", (f"acs:ram:*:{call.by.account_id}:user/root",))


@pytest.mark.parametrize("code", ["", "NoPermission"])
@pytest.mark.parametrize("action", audit_operations.TABLE, ids=lambda action: action.name)
def test_a_replay_asks_who_read_the_audit_trail_for_what_the_service_asked(action: Any, code: str) -> None:
    call = a_call(action.operation)
    (trail,) = arns(action.resources, Parameters({}), call.by, action.product.prefix)
    place: dict[str, Any] = {"originator_id": call.stream, "originator_version": 1, "timestamp": call.at, "call": call}
    refused = events.CallRefused(**place, code=code, message="", resource=trail)
    event = refused if code else events.CallAnswered(**place, resource=trail)
    assert asked_of(event) == Asked(action.ram_action, (trail,))
