"""Groups and who is in them: parse, ask, shape."""

from __future__ import annotations

from dataclasses import replace

from api.action import Fields
from api.parameters import Parameters
from api.ram import paging, reading, shapes
from api.services import Services
from domain.ram import groups, listing, users
from domain.recording import Case


async def create_group(services: Services, case: Case, given: Parameters) -> Fields:
    name, comments = given.required("GroupName"), given.optional("Comments")
    event = await services.administration.change(
        case, lambda authority, call: groups.create_group(authority, call, name, comments=comments)
    )
    return {"Group": shapes.created_group(event)}


async def get_group(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("GroupName")
    found = await services.administration.read(case, lambda authority: groups.existing(authority, name))
    return {"Group": shapes.group(found)}


async def update_group(services: Services, case: Case, given: Parameters) -> Fields:
    name, new_name = given.required("GroupName"), reading.renamed(given, "NewGroupName")
    comments = reading.replaced(given, "NewComments")
    before, event = await services.administration.update(
        case,
        lambda authority: groups.existing(authority, name),
        lambda authority, call: groups.update_group(
            authority, call, name, new_group_name=new_name, new_comments=comments
        ),
    )
    after = replace(before, name=event.new_group_name, updated_at=event.timestamp, comments=event.comments)
    return {"Group": shapes.group(after)}


async def list_groups(services: Services, case: Case, given: Parameters) -> Fields:
    asked = paging.wanted(given)
    found, more = await services.administration.read(
        case, lambda authority: paging.page(authority.groups, paging.by_creation, asked)
    )
    return {**shapes.wrapped("Groups", "Group", map(shapes.group, found)), **more}


async def delete_group(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("GroupName")
    await services.administration.change(case, lambda authority, call: groups.delete_group(authority, call, name))
    return {}


async def add_user_to_group(services: Services, case: Case, given: Parameters) -> Fields:
    user, group = given.required("UserName"), given.required("GroupName")
    await services.administration.change(
        case, lambda authority, call: groups.add_user_to_group(authority, call, user, group)
    )
    return {}


async def remove_user_from_group(services: Services, case: Case, given: Parameters) -> Fields:
    user, group = given.required("UserName"), given.required("GroupName")
    await services.administration.change(
        case, lambda authority, call: groups.remove_user_from_group(authority, call, user, group)
    )
    return {}


async def list_groups_for_user(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("UserName")
    found = await services.administration.read(
        case, lambda authority: listing.groups_of_user(authority, users.existing(authority, name))
    )
    return shapes.wrapped("Groups", "Group", map(shapes.joined_group, found))


async def list_users_for_group(services: Services, case: Case, given: Parameters) -> Fields:
    name, asked = given.required("GroupName"), paging.wanted(given)
    found, more = await services.administration.read(
        case,
        lambda authority: paging.page(
            listing.users_of_group(authority, groups.existing(authority, name)), paging.by_linking, asked
        ),
    )
    return {**shapes.wrapped("Users", "User", map(shapes.member, found)), **more}
