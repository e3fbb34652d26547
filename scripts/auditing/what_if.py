"""``key-ledger audit what-if``: what would have become of recorded calls, had a policy been another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from scripts.auditing.answers import number, part, rows, text, time
from scripts.auditing.completeness import counted
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import SENTENCE, Page, Section
from scripts.auditing.principals import brief
from scripts.auditing.suppositions import Supposition
from scripts.auditing.unused import DaysOption
from scripts.operating.table import Table

_DAYS: Final = 30
_WOULD_BE_REFUSED: Final = 1
_UNMET: Final = "NOTHING CHECKED: there was no such policy, target or role in this time. Look at the names."

CHECK_EXIT_CODE: Final = (
    "With --check, 1 if an answered call would have been refused, or if what is supposed is about nothing that was "
    "there."
)


@grouped
def what_if(
    *,
    supposition: Supposition,
    days: DaysOption = _DAYS,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if a call that was answered would have been refused.")
    ] = False,
    output: Output,
    connection: Connection,
) -> None:
    """Suppose another policy: which recorded calls would have been refused, and which refused ones allowed.

    Nothing is changed. Before a policy goes live, --check lets a pipeline stop at calls that it would break.
    """
    with in_words():
        form, content = output.form, supposition.content()
        answer = connection.service().post("EvaluatePolicy", "/audit/what-if", {"days": days, **content})
        _page(answer).show(form)
        if check and (number(part(answer, "totals"), "would_be_refused") or answer.get("unmet")):
            raise typer.Exit(_WOULD_BE_REFUSED)


def _page(answer: Mapping[str, Any]) -> Page:
    totals, findings = part(answer, "totals"), rows(answer, "findings")
    cells = [
        (
            time(each, "at"),
            text(each, "supposed"),
            brief(text(each, "principal")),
            text(each, "action"),
            text(each, "sentence"),
        )
        for each in findings
    ]
    return Page(
        answer=answer,
        facts={
            "calls looked at": number(totals, "events"),
            "decided the same": number(totals, "same"),
            "would have been refused": number(totals, "would_be_refused"),
            "would have been allowed": number(totals, "would_be_allowed"),
        },
        sections=(
            Section(
                title="What would have been different",
                table=Table(("time", "supposed", "who", "action", SENTENCE), cells),
                empty="Nothing.",
            ),
        ),
        notes=[*_not_judged(totals), *([_UNMET] if answer.get("unmet") else [])],
    )


def _not_judged(totals: Mapping[str, Any]) -> list[str]:
    return [
        f"{counted(int(count), 'event')} could not be decided again: {reason}."
        for reason, count in part(totals, "not_judged").items()
    ]
