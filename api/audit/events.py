"""SearchEvents and CountEvents: parse, ask, record, shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from api.action import Fields
from api.audit import asking, cursors, parameters
from api.audit.cursors import Cursor
from api.parameters import Parameters
from api.services import Services
from domain.errors import InvalidParameter
from domain.recording import Case
from projections import audit_pages
from projections import audit_questions as questions
from projections.audit_pages import Slice
from projections.audit_questions import Currency, Dimension, Place, Row
from projections.pages import Connection

_SEARCH: Final = parameters.named(parameters.SEARCH)
_COUNT: Final = parameters.named(parameters.COUNT)
_ORDERS: Final = ("desc", "asc")


async def search_events(services: Services, case: Case, given: Parameters) -> Fields:
    account_id = case.call.by.account_id
    asked = asking.read(given, _SEARCH, account_id)
    order = given.one_of("order", _ORDERS, "desc")
    limit = given.integer("limit", range(1, 1_001), 100)
    is_counted = given.boolean("total")
    of = cursors.question("SearchEvents", account_id, {**asked.given, "order": order})
    cursor = cursors.read(given.optional("cursor"), of)
    wanted = await asking.goal(services.trail, given)
    async with services.trail.snapshot() as (connection, currency):
        as_of = await pinned(connection, currency, cursor)
        after = cursor.after if cursor else None
        part = Slice(as_of.position, limit + 1, order == "desc", after)
        rows = await audit_pages.page(connection, account_id, asked.filters, part)
        total = await questions.total(connection, account_id, asked.filters, as_of.position) if is_counted else None
    await services.stewardship.answer(case)
    return {
        **asking.how_current(currency, wanted, as_of),
        "events": rows[:limit],
        **next_page(rows, limit, cursor.until if cursor else as_of.position, of, "next_cursor"),
        **({} if total is None else {"total": total}),
    }


async def count_events(services: Services, case: Case, given: Parameters) -> Fields:
    account_id = case.call.by.account_id
    asked = asking.read(given, _COUNT, account_id)
    by, limit = _dimensions(given.optional("by")), given.integer("limit", range(1, 10_001), 1_000)
    wanted = await asking.goal(services.trail, given)
    async with services.trail.snapshot() as (connection, currency):
        until = currency.as_of.position
        groups = await questions.counts(connection, account_id, asked.filters, by, until, limit + 1)
    await services.stewardship.answer(case)
    return {
        **asking.how_current(currency, wanted),
        "groups": groups[:limit],
        "more_groups": len(groups) > limit,
    }


async def pinned(connection: Connection, currency: Currency, cursor: Cursor | None) -> Place:
    """Up to where a page knows events: the first page's place, so that a later one is a page of the same list.

    Where the trail is being made anew and is not there yet, where it is: an answer says what it lacks.
    """
    if cursor is None or cursor.until >= currency.as_of.position:
        return currency.as_of
    return await questions.time_at(connection, cursor.until)


def next_page(rows: Sequence[Row], limit: int, until: int, of: bytes, name: str) -> dict[str, Any]:
    """:param rows: one more than ``limit`` where there is a next page."""
    if len(rows) <= limit:
        return {}
    return {name: cursors.written(Cursor(int(rows[limit - 1]["position"]), until), of)}


def _dimensions(text: str) -> list[Dimension]:
    names = [name.strip() for name in text.split(",")] if text else []
    if len(set(names)) != len(names) or not set(names) <= set(Dimension):
        raise InvalidParameter("by", f"Expected some of {', '.join(Dimension)}, each once, separated by commas.")
    return [Dimension(name) for name in names]
