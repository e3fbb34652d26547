"""Access keys of users and of the root identity: parse, ask, shape."""

from __future__ import annotations

from adapters.access_keys import sealing_place
from adapters.ram_identifiers import new_access_key
from api.action import Fields
from api.parameters import Parameters
from api.ram import reading, shapes
from api.services import Services
from domain.ram import users
from domain.ram.authority import Authority
from domain.ram.entities import AccessKey
from domain.ram.service import NewSecret
from domain.recording import Case


async def create_access_key(services: Services, case: Case, given: Parameters) -> Fields:
    owner, made = reading.owner(given, case.call.by), new_access_key()
    event = await services.administration.create_access_key(
        case,
        lambda authority, call: users.create_access_key(authority, call, owner, made.access_key_id),
        NewSecret(made.access_key_id, sealing_place(made.access_key_id), made.secret),
    )
    return {"AccessKey": shapes.created_access_key(event, made.secret)}


async def update_access_key(services: Services, case: Case, given: Parameters) -> Fields:
    owner = reading.owner(given, case.call.by)
    access_key_id, status = given.required("UserAccessKeyId"), given.required("Status")
    await services.administration.change(
        case, lambda authority, call: users.update_access_key(authority, call, owner, access_key_id, status)
    )
    return {}


async def list_access_keys(services: Services, case: Case, given: Parameters) -> Fields:
    owner = reading.owner(given, case.call.by)

    def owned(authority: Authority) -> tuple[AccessKey, ...]:
        return users.existing(authority, owner).access_keys if owner else authority.root_access_keys

    found = await services.administration.read(case, owned)
    return shapes.wrapped("AccessKeys", "AccessKey", map(shapes.access_key, found))


async def delete_access_key(services: Services, case: Case, given: Parameters) -> Fields:
    owner, access_key_id = reading.owner(given, case.call.by), given.required("UserAccessKeyId")
    await services.administration.delete_access_key(
        case, lambda authority, call: users.delete_access_key(authority, call, owner, access_key_id)
    )
    return {}
