"""Users: parse, ask, shape."""

from __future__ import annotations

from dataclasses import replace

from api.action import Fields
from api.parameters import Parameters
from api.ram import paging, reading, shapes
from api.services import Services
from domain.ram import users
from domain.recording import Case


async def create_user(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("UserName")
    texts = {
        "display_name": given.optional("DisplayName"),
        "comments": given.optional("Comments"),
        "email": given.optional("Email"),
        "mobile_phone": given.optional("MobilePhone"),
    }
    event = await services.administration.change(
        case, lambda authority, call: users.create_user(authority, call, name, **texts)
    )
    return {"User": shapes.created_user(event)}


async def get_user(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("UserName")
    found = await services.administration.read(case, lambda authority: users.existing(authority, name))
    return {"User": shapes.user(found)}


async def update_user(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("UserName")
    wanted = {
        "new_user_name": reading.renamed(given, "NewUserName"),
        "new_display_name": reading.replaced(given, "NewDisplayName"),
        "new_comments": reading.replaced(given, "NewComments"),
        "new_email": reading.replaced(given, "NewEmail"),
        "new_mobile_phone": reading.replaced(given, "NewMobilePhone"),
    }
    before, event = await services.administration.update(
        case,
        lambda authority: users.existing(authority, name),
        lambda authority, call: users.update_user(authority, call, name, **wanted),
    )
    after = replace(
        before,
        name=event.new_user_name,
        updated_at=event.timestamp,
        display_name=event.display_name,
        comments=event.comments,
        email=event.email,
        mobile_phone=event.mobile_phone,
    )
    return {"User": shapes.user(after)}


async def list_users(services: Services, case: Case, given: Parameters) -> Fields:
    asked = paging.wanted(given)
    found, more = await services.administration.read(
        case, lambda authority: paging.page(authority.users, paging.by_creation, asked)
    )
    return {**shapes.wrapped("Users", "User", map(shapes.user, found)), **more}


async def delete_user(services: Services, case: Case, given: Parameters) -> Fields:
    name = given.required("UserName")
    await services.administration.change(case, lambda authority, call: users.delete_user(authority, call, name))
    return {}
