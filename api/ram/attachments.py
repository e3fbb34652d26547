"""Which policies are attached to which users, groups and roles: parse, ask, shape.

Three kinds of targets, each with three operations: one handler each is made of the kind and its parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from api.action import Fields, Handler
from api.parameters import Parameters
from api.ram import policies, reading, shapes
from api.services import Services
from domain.call import Call
from domain.events import PolicyAttached, PolicyDetached
from domain.ram import attachments, groups, listing, roles, users
from domain.ram.authority import Authority
from domain.ram.entities import Target, TargetKind
from domain.recording import Case

_Changes = Callable[..., PolicyAttached | PolicyDetached]


def _changing(command: _Changes, kind: TargetKind, parameter: str) -> Handler:
    async def change(services: Services, case: Case, given: Parameters) -> Fields:
        # To ignore it would attach for the whole account what was meant for a part of it.
        reading.refuse(given, "ResourceGroupId")
        policy_type, name, target = reading.policy_type(given), given.required("PolicyName"), given.required(parameter)

        def decided(authority: Authority, call: Call) -> PolicyAttached | PolicyDetached:
            return command(authority, call, policy_type, name, kind, target)

        await services.administration.change(case, decided)
        return {}

    return change


def _listing(target: Callable[[Authority, str], Target], parameter: str) -> Handler:
    async def list_policies(services: Services, case: Case, given: Parameters) -> Fields:
        name = given.required(parameter)
        found = await services.administration.read(
            case, lambda authority: listing.policies_of(authority, target(authority, name))
        )
        return shapes.wrapped("Policies", "Policy", map(shapes.attached_policy, found))

    return list_policies


attach_policy_to_user = _changing(attachments.attach_policy, TargetKind.USER, "UserName")
attach_policy_to_group = _changing(attachments.attach_policy, TargetKind.GROUP, "GroupName")
attach_policy_to_role = _changing(attachments.attach_policy, TargetKind.ROLE, "RoleName")
detach_policy_from_user = _changing(attachments.detach_policy, TargetKind.USER, "UserName")
detach_policy_from_group = _changing(attachments.detach_policy, TargetKind.GROUP, "GroupName")
detach_policy_from_role = _changing(attachments.detach_policy, TargetKind.ROLE, "RoleName")
list_policies_for_user = _listing(
    lambda authority, name: Target(TargetKind.USER, users.existing(authority, name).id), "UserName"
)
list_policies_for_group = _listing(
    lambda authority, name: Target(TargetKind.GROUP, groups.existing(authority, name).id), "GroupName"
)
list_policies_for_role = _listing(
    lambda authority, name: Target(TargetKind.ROLE, roles.existing(authority, name).id), "RoleName"
)


async def list_entities_for_policy(services: Services, case: Case, given: Parameters) -> Fields:
    name, policy_type = given.required("PolicyName"), reading.policy_type(given)
    account_id = case.call.by.account_id
    found = await services.administration.read(
        case, lambda authority: listing.entities_of(authority, policies.existing(authority, policy_type, name))
    )
    told: dict[str, Any] = {
        **shapes.wrapped("Users", "User", map(shapes.user_with_policy, found.users)),
        **shapes.wrapped("Groups", "Group", map(shapes.group_with_policy, found.groups)),
        **shapes.wrapped("Roles", "Role", (shapes.role_with_policy(role, account_id) for role in found.roles)),
    }
    return told
