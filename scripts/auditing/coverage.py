"""``key-ledger audit coverage``: how much of the ledger the answers know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scripts.auditing.answers import number, part, rows, text, time
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import Page, Section
from scripts.operating.table import Table


@grouped
def coverage(*, output: Output, connection: Connection) -> None:
    """How complete the answers are: the ledger's head, and how far everything that is made from it has come."""
    with in_words():
        form = output.form
        answer = connection.service().get("GetCoverage", "/audit/coverage", connection.query)
        _page(answer).show(form)


def _page(answer: Mapping[str, Any]) -> Page:
    head, projections = part(answer, "ledger_head"), rows(answer, "projections")
    cells = [
        (text(each, "name"), number(each, "position"), time(each, "recorded_at"), _state(each)) for each in projections
    ]
    stopped = [text(each, "name") for each in projections if each.get("stopped")]
    return Page(
        answer=answer,
        facts={"ledger head": f"position {number(head, 'position'):,}, {time(head, 'recorded_at')}"},
        sections=(Section(title="What is made from it", table=Table(("name", "position", "time", "state"), cells)),),
        notes=[f"{name} has STOPPED: the projector's log says why. Tell the operator." for name in stopped],
    )


def _state(projection: Mapping[str, Any]) -> str:
    if projection.get("stopped"):
        return f"stopped before {number(projection, 'stopped_at'):,}"
    return "complete" if projection.get("complete") else "behind"
