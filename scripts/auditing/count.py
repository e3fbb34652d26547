"""``key-ledger audit count``: how often, by whom, of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from domain.audit.facts import Outcome
from domain.audit.words import brief as cut
from domain.audit.words import visible
from domain.call import SYSTEM_PRINCIPAL
from domain.vocabulary import Operation
from scripts.auditing import completeness
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.events import SOMEBODY, cell, pairs
from scripts.auditing.filters import Filters
from scripts.auditing.option_groups import grouped
from scripts.auditing.principals import brief
from scripts.auditing.questions import checked, of_account
from scripts.auditing.times import Period
from scripts.envelope.failure import WrongUse
from scripts.operating.table import Cell, Form, Table, show

DIMENSIONS: Final = (
    "principal", "principal_id", "access_key_id", "operation", "outcome", "error_code", "key_id", "region_id",
    "source_ip", "user_agent", "encryption_context", "assumed_by", "day", "month", "hour",
)  # fmt: skip
_BY: Final = "principal,operation"
_CHOSEN_MAX: Final = 50
"""Characters of what a caller chose, in a line for people."""


@grouped
def count(
    *,
    by: Annotated[
        str,
        typer.Option("--by", metavar="WHAT", help=f"A line for each of: {', '.join(DIMENSIONS)}; several with commas."),
    ] = _BY,
    filters: Filters,
    period: Period,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1_000, help="At most so many lines.")] = 100,
    output: Output,
    connection: Connection,
) -> None:
    """Count events: who did what how often, where from, how it came out; the most frequent first."""
    with in_words():
        form, names = output.form, dimensions(by)
        query = {**checked(filters, period, connection), "by": ",".join(names), "limit": str(limit)}
        service = connection.service()
        answer = service.get("CountEvents", "/audit/counts", of_account(query, service))
        show_counts(answer.get("groups", []), names, form, answer)


def show_counts(groups: Sequence[Mapping[str, Any]], by: Sequence[str], form: Form, answer: Mapping[str, Any]) -> None:
    """Groups as rows, with a bar for each: its share of the largest."""
    table = counts_table(groups, by, form)
    stood = completeness.of(answer)
    named = ("as_of", "ledger_head", "complete", "stopped_at", "more_groups")
    about = {name: answer[name] for name in named if name in answer}
    show(table, form, about, shares(groups), lambda _: "cyan")
    if answer.get("more_groups"):
        completeness.caution(f"There are more than these {completeness.counted(len(groups), 'line')}: see --limit.")
    if form is Form.JSON:
        completeness.warn(stood)
    else:
        completeness.tell(stood)


def counts_table(groups: Sequence[Mapping[str, Any]], by: Sequence[str], form: Form = Form.TABLE) -> Table:
    """People are shown principals, clients and encryption contexts briefly."""
    named = [{**group, **_briefly(group)} for group in groups]
    rows = [_row(group, by) for group in (named if form is Form.TABLE else groups)]
    return Table((*by, "events", "requests", "first", "last"), rows, spare=frozenset({"requests", "first", "last"}))


def _briefly(group: Mapping[str, Any]) -> dict[str, str]:
    return {
        "principal": _who(group),
        "user_agent": cut(visible(str(group.get("user_agent") or "")), _CHOSEN_MAX),
        "encryption_context": cut(visible(pairs(group.get("encryption_context"))), _CHOSEN_MAX),
    }


def _who(group: Mapping[str, Any]) -> str:
    """The service has no operation of no name: these failed to be somebody."""
    principal = str(group.get("principal", ""))
    failed = group.get("operation") == Operation.UNKNOWN or group.get("outcome") == Outcome.UNAUTHENTICATED
    return SOMEBODY if failed and principal == SYSTEM_PRINCIPAL else brief(principal)


def shares(groups: Sequence[Mapping[str, Any]]) -> list[float]:
    counts = [int(group.get("count", 0)) for group in groups]
    return [each / max(counts) for each in counts] if any(counts) else []


def dimensions(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in DIMENSIONS:
            raise WrongUse(f"--by {name!r} cannot be.", f"It takes {', '.join(DIMENSIONS)}.")
    return names


def _row(group: Mapping[str, Any], by: Sequence[str]) -> tuple[Cell, ...]:
    moments = [completeness.brief_time(str(moment(group, name))) for name in ("first", "last")]
    return (
        *(cell(group.get(name)) for name in by),
        int(group.get("count", 0)),
        int(group.get("requests", 0)),
        *moments,
    )


def moment(group: Mapping[str, Any], name: str) -> str:
    found = group.get(name)
    return str(found.get("recorded_at", "")) if isinstance(found, Mapping) else ""
