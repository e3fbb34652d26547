"""Policies and their versions: parse, ask, shape."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from api.action import Fields
from api.parameters import Parameters
from api.ram import paging, reading, shapes
from api.services import Services
from domain.errors import MissingParameter
from domain.ram import grammar, listing, policies
from domain.ram.authority import Authority
from domain.ram.entities import ManagedPolicy, PolicyType
from domain.ram.errors import PolicyNotFound, PolicyVersionNotFound
from domain.ram.policies import RotateStrategy
from domain.ram.system_policies import SYSTEM_POLICIES
from domain.recording import Case


async def create_policy(services: Services, case: Case, given: Parameters) -> Fields:
    reading.refuse(given, "Tag")
    name, document = given.required("PolicyName"), given.required("PolicyDocument")
    description = given.optional("Description")
    event = await services.administration.change(
        case, lambda authority, call: policies.create_policy(authority, call, name, document, description=description)
    )
    return {"Policy": shapes.created_policy(event)}


async def get_policy(services: Services, case: Case, given: Parameters) -> Fields:
    name, policy_type = given.required("PolicyName"), reading.policy_type(given)

    def described(authority: Authority) -> tuple[ManagedPolicy, int]:
        found = existing(authority, policy_type, name)
        return found, listing.attachment_count(authority, found)

    policy, count = await services.administration.read(case, described)
    version = policy.version(policy.default_version)
    assert version is not None, "the default version is never deleted"
    return {
        "Policy": {**_counted(policy, count), "PolicyDocument": version.document},
        "DefaultPolicyVersion": shapes.version(version, policy),
    }


async def list_policies(services: Services, case: Case, given: Parameters) -> Fields:
    reading.refuse(given, "Tag")
    asked, policy_type = paging.wanted(given), given.optional("PolicyType") and reading.policy_type(given)

    def listed(authority: Authority) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        found, more = paging.page(_of_type(authority, policy_type), paging.by_creation, asked)
        return [_counted(policy, listing.attachment_count(authority, policy)) for policy in found], more

    found, more = await services.administration.read(case, listed)
    return {**shapes.wrapped("Policies", "Policy", found), **more}


async def update_policy_description(services: Services, case: Case, given: Parameters) -> Fields:
    name, description = given.required("PolicyName"), reading.replaced(given, "NewDescription")
    if description is None:
        raise MissingParameter("NewDescription")
    before, event = await services.administration.update(
        case,
        lambda authority: policies.existing(authority, name),
        lambda authority, call: policies.update_policy_description(authority, call, name, description),
    )
    return {"Policy": shapes.policy(replace(before, description=event.description, updated_at=event.timestamp))}


async def delete_policy(services: Services, case: Case, given: Parameters) -> Fields:
    name, cascading = given.required("PolicyName"), given.boolean("CascadingDelete")
    await services.administration.change(
        case, lambda authority, call: policies.delete_policy(authority, call, name, cascading_delete=cascading)
    )
    return {}


async def create_policy_version(services: Services, case: Case, given: Parameters) -> Fields:
    name, document = given.required("PolicyName"), given.required("PolicyDocument")
    as_default = given.boolean("SetAsDefault")
    strategy = given.choice("RotateStrategy", RotateStrategy, RotateStrategy.NONE)
    event = await services.administration.change(
        case,
        lambda authority, call: policies.create_policy_version(
            authority, call, name, document, set_as_default=as_default, rotate_strategy=strategy
        ),
    )
    return {"PolicyVersion": shapes.created_version(event)}


async def get_policy_version(services: Services, case: Case, given: Parameters) -> Fields:
    name, policy_type = given.required("PolicyName"), reading.policy_type(given)
    version_id = given.required("VersionId")
    grammar.version_id(version_id)

    def described(authority: Authority) -> dict[str, Any]:
        policy = existing(authority, policy_type, name)
        version = policy.version(version_id)
        if version is None:
            raise PolicyVersionNotFound()
        return shapes.version(version, policy)

    return {"PolicyVersion": await services.administration.read(case, described)}


async def list_policy_versions(services: Services, case: Case, given: Parameters) -> Fields:
    name, policy_type = given.required("PolicyName"), reading.policy_type(given)
    policy = await services.administration.read(case, lambda authority: existing(authority, policy_type, name))
    versions = (shapes.version(version, policy) for version in policy.versions)
    return shapes.wrapped("PolicyVersions", "PolicyVersion", versions)


async def delete_policy_version(services: Services, case: Case, given: Parameters) -> Fields:
    name, version_id = given.required("PolicyName"), given.required("VersionId")
    await services.administration.change(
        case, lambda authority, call: policies.delete_policy_version(authority, call, name, version_id)
    )
    return {}


async def set_default_policy_version(services: Services, case: Case, given: Parameters) -> Fields:
    name, version_id = given.required("PolicyName"), given.required("VersionId")
    await services.administration.change(
        case, lambda authority, call: policies.set_default_policy_version(authority, call, name, version_id)
    )
    return {}


def existing(authority: Authority, policy_type: PolicyType, name: str) -> ManagedPolicy:
    """:raises PolicyNotFound: there is none of this type and exactly this name."""
    policy = authority.policy(policy_type, name)
    if policy is None:
        raise PolicyNotFound()
    return policy


def _of_type(authority: Authority, policy_type: str) -> Iterable[ManagedPolicy]:
    """Of both where it is empty."""
    if policy_type != PolicyType.CUSTOM:
        yield from SYSTEM_POLICIES.values()
    if policy_type != PolicyType.SYSTEM:
        yield from authority.policies


def _counted(policy: ManagedPolicy, count: int) -> dict[str, Any]:
    return {**shapes.policy(policy), "AttachmentCount": count}
