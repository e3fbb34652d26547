"""Roles: parse, ask, shape. To assume one is STS's (:mod:`api.sts`)."""

from __future__ import annotations

from dataclasses import replace

from api.action import Fields
from api.parameters import Parameters
from api.ram import paging, reading, shapes
from api.services import Services
from domain.ram import limits, roles
from domain.recording import Case


async def create_role(services: Services, case: Case, given: Parameters) -> Fields:
    reading.refuse(given, "Tag", "AllowConsoleLogin")
    name, trust = given.required("RoleName"), given.required("AssumeRolePolicyDocument")
    description = given.optional("Description")
    seconds = given.integer("MaxSessionDuration", limits.SESSION_SECONDS, limits.SESSION_SECONDS_DEFAULT)
    event = await services.administration.change(
        case,
        lambda authority, call: roles.create_role(
            authority, call, name, trust, description=description, max_session_duration=seconds
        ),
    )
    return {"Role": shapes.created_role(event)}


async def get_role(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("RoleName")
    found = await services.administration.read(case, lambda authority: roles.existing(authority, name))
    return {"Role": {**shapes.whole_role(found, case.call.by.account_id), "IsServiceLinkedRole": False}}


async def update_role(services: Services, case: Case, given: Parameters) -> Fields:
    reading.refuse(given, "NewAllowConsoleLogin")
    name, trust = given.required("RoleName"), given.optional("NewAssumeRolePolicyDocument") or None
    description, seconds = reading.replaced(given, "NewDescription"), _new_duration(given)
    before, event = await services.administration.update(
        case,
        lambda authority: roles.existing(authority, name),
        lambda authority, call: roles.update_role(
            authority,
            call,
            name,
            new_trust_policy=trust,
            new_description=description,
            new_max_session_duration=seconds,
        ),
    )
    after = replace(
        before,
        updated_at=event.timestamp,
        description=event.description,
        trust_policy=event.trust_policy,
        max_session_duration=event.max_session_duration,
    )
    return {"Role": shapes.whole_role(after, event.account_id)}


async def list_roles(services: Services, case: Case, given: Parameters) -> Fields:
    reading.refuse(given, "Tag")
    asked, account_id = paging.wanted(given), case.call.by.account_id
    found, more = await services.administration.read(
        case, lambda authority: paging.page(authority.roles, paging.by_creation, asked)
    )
    return {**shapes.wrapped("Roles", "Role", (shapes.role(role, account_id) for role in found)), **more}


async def delete_role(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("RoleName")
    await services.administration.change(case, lambda authority, call: roles.delete_role(authority, call, name))
    return {}


def _new_duration(given: Parameters) -> int | None:
    name = "NewMaxSessionDuration"
    return given.integer(name, limits.SESSION_SECONDS) if given.optional(name) else None
