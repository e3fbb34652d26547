"""ListAuthorityChanges: who granted what to whom, when, by whom, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from api.action import Fields
from api.audit import asking, cursors, parameters
from api.audit.cursors import Cursor
from api.parameters import Parameters
from api.services import Services
from domain.audit.filters import ANY, Texts, position_of, time_of
from domain.audit.grants import sentence_of
from domain.errors import InvalidParameter
from domain.recording import Case
from projections import audit_questions
from projections.audit_coverage import coverage
from projections.authority_questions import NAME, Asked, grants
from projections.pages import Connection

_AUTHORITY: Final = parameters.named(parameters.AUTHORITY)
_QUESTION: Final = ("at", "subject", "object")


async def list_authority_changes(services: Services, case: Case, given: Parameters) -> Fields:
    asking.check_names(given, _AUTHORITY)
    account_id, limit = case.call.by.account_id, given.integer("limit", range(1, 1_001), 100)
    of = cursors.question("ListAuthorityChanges", account_id, {name: given.optional(name) for name in _QUESTION})
    cursor = cursors.read(given.optional("cursor"), of)
    subject, what, at = _text(given, "subject"), _text(given, "object"), given.optional("at")
    wanted = await asking.goal(services.trail, given, NAME)
    async with services.trail.snapshot() as (connection, currency):
        (ours,) = [one for one in await coverage(connection) if one.name == NAME]
        # A table of changes is as good as the ledger's head where no change is left.
        as_of = currency.head if ours.complete else ours.place
        until = min(cursor.until, as_of.position) if cursor else as_of.position
        asked = Asked(await _position(connection, at, currency.head.position) if at else None, subject, what)
        begin = cursor.after if cursor else 0
        rows = await grants(connection, account_id, asked, until, begin, limit + 1)
        shown = as_of if until == as_of.position else await audit_questions.time_at(connection, until)
    await services.stewardship.answer(case)
    more = {"next_cursor": cursors.written(Cursor(begin + limit, until), of)} if len(rows) > limit else {}
    return {
        **asking.how_current(currency._replace(stopped_at=ours.stopped_at), wanted, shown),
        "grants": [_shaped(row) for row in rows[:limit]],
        **more,
    }


async def _position(connection: Connection, at: str, head: int) -> int:
    """:raises InvalidParameter: neither a position that there is, nor a time."""
    if not at.isascii() or not at.isdigit():
        return await audit_questions.position_at(connection, time_of("at", at, ends=True))
    position = position_of("at", at)
    if position > head:
        raise InvalidParameter("at", f"The ledger ends at position {head}.")
    return position


def _text(given: Parameters, name: str) -> Texts | None:
    value = given.text(name, 512)
    if not value:
        return None
    return Texts((), (value[:-1],)) if value.endswith(ANY) else Texts((value,))


def _shaped(row: Mapping[str, Any]) -> dict[str, Any]:
    """As people ask: from when, until when, by whom."""
    told = {name: asking.moment(value) if isinstance(value, datetime) else value for name, value in row.items()}
    return {"from": told.pop("since"), "by": told["granted_by"], **told, "sentence": sentence_of(row)}
