"""GetKeyHistory: what was done to a key, and who used it for what."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from api.action import Fields
from api.audit import asking, parameters
from api.parameters import Parameters
from api.services import Services
from domain.audit.filters import Texts
from domain.errors import KeyNotFound
from domain.key_reference import KeyReference
from domain.recording import Case
from projections import audit_pages
from projections import audit_questions as questions
from projections.audit_pages import Slice
from projections.audit_questions import Dimension

CHANGES_MAX: Final = 1_000
USERS_MAX: Final = 1_000

_HISTORY: Final = parameters.named(parameters.HISTORY)
_CHANGED: Final = Texts(("changed",))
_USED: Final = Texts(("used", "read", "refused"))
_USES_BY: Final = (Dimension.PRINCIPAL, Dimension.OPERATION, Dimension.OUTCOME)


async def get_key_history(services: Services, case: Case, given: Parameters) -> Fields:
    account_id = case.call.by.account_id
    filters = asking.read(given, _HISTORY, account_id).filters
    await check_owner(services, account_id, given.key("key_id"))
    wanted = await asking.goal(services.trail, given)
    changed, used = (replace(filters, texts={"outcome": outcomes}) for outcomes in (_CHANGED, _USED))
    async with services.trail.snapshot() as (connection, currency):
        until = currency.as_of.position
        part = Slice(until, CHANGES_MAX + 1, descending=False)
        changes = await audit_pages.page(connection, account_id, changed, part)
        uses = await questions.counts(connection, account_id, used, _USES_BY, until, USERS_MAX + 1)
    await services.stewardship.answer(case)
    return {
        **asking.how_current(currency, wanted),
        "key_id": str(filters.key_id),
        "changes": changes[:CHANGES_MAX],
        "more_changes": len(changes) > CHANGES_MAX,
        "uses": uses[:USERS_MAX],
        "more_uses": len(uses) > USERS_MAX,
    }


async def check_owner(services: Services, account_id: str, key: KeyReference) -> None:
    """:raises KeyNotFound: no key of this account ever had this id, or not where its ARN says; whether another
    account's has it, nobody learns.
    """
    held = (await services.keys.held(key.key_id)).key
    if held is None or held.owner != account_id or not key.may_be_in(held.region_id, account_id):
        raise KeyNotFound()
