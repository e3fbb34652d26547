"""ExportEvents: parse, record, then rows without end."""

from __future__ import annotations

from typing import Final

import orjson

from api.audit import asking, parameters
from api.parameters import Parameters
from api.services import Services
from api.streaming import Stream
from domain.recording import Case
from projections.audit_export import Form

CURRENCY_HEADER: Final = "x-key-ledger-currency"
"""What other answers say in their members ``as_of``, ``ledger_head`` and ``complete``, as one JSON object."""

_EXPORT: Final = parameters.named(parameters.EXPORT)
_ORDERS: Final = ("asc", "desc")
_MEDIA_TYPES: Final = {Form.NDJSON: "application/x-ndjson", Form.CSV: "text/csv; charset=utf-8; header=present"}


async def export_events(services: Services, case: Case, given: Parameters) -> Stream:
    """Everything up to the event that the trail had last when it was asked: a header says which that was."""
    account_id = case.call.by.account_id
    asked = asking.read(given, _EXPORT, account_id)
    form = given.choice("format", Form, Form.NDJSON)
    descending = given.one_of("order", _ORDERS, "asc") == "desc"
    services.trail.admit_export(account_id)
    wanted = await asking.goal(services.trail, given)
    async with services.trail.snapshot() as (_, currency):
        until = currency.as_of.position
    await services.stewardship.answer(case)
    rows = services.trail.exported(account_id, asked.filters, until, form, descending=descending)
    headers = {CURRENCY_HEADER: orjson.dumps(asking.how_current(currency, wanted)).decode()}
    return await Stream.begun(_MEDIA_TYPES[form], f"events.{form}", rows, headers)
