"""Which events are asked for, and getting them page by page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from scripts.auditing.connection import Connection
from scripts.auditing.filters import Filters
from scripts.auditing.principals import acting_as, arn_of
from scripts.auditing.times import Period

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

_EVENTS: Final = "/audit/events"
_PAGE: Final = 1_000


def checked(filters: Filters, period: Period, connection: Connection) -> dict[str, str]:
    """The parameters of a question about events.

    :raises WrongUse: something cannot be meant; before anybody is asked.
    """
    return {**filters.query(), **period.query(datetime.now(UTC)), **connection.query}


def of_account(query: Mapping[str, str], service: AuditService) -> dict[str, str]:
    """``query`` with whole ARNs where principals of one's own account were named briefly."""
    whole = dict(query)
    for name in whole.keys() & {"principal", "assumed_by"}:
        arn = arn_of(whole[name], service)
        whole[name] = acting_as(arn) if name == "principal" else arn
    return whole


def pages(service: AuditService, query: Mapping[str, str], limit: int | None) -> Iterator[dict[str, Any]]:
    """Answers of SearchEvents, one at least, with ``limit`` events in all at most."""
    parameters, left = dict(query), limit
    while True:
        asked = _PAGE if left is None else min(_PAGE, left)
        answer = service.get("SearchEvents", _EVENTS, {**parameters, "limit": str(asked)})
        answer.setdefault("events", [])
        yield answer
        left = None if left is None else left - len(answer["events"])
        if "next_cursor" not in answer or (left is not None and left <= 0):
            return
        parameters["cursor"] = answer["next_cursor"]
        parameters.pop("total", None)
        parameters.pop("wait", None)
