"""``key-ledger audit what-if``: what would have become of recorded calls, had a policy been another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
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

CHECK_EXIT_CODE: Final = (
    "With --check, 1 if an answered call would have been refused, or if what is supposed is about nothing that was "
    "there: then nothing was checked."
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
        answer = connection.service().post(
            "EvaluatePolicy", "/audit/what-if", {"days": days, **content, **connection.flags}
        )
        _page(answer).show(form)
        if check and (number(part(answer, "totals"), "would_be_refused") or answer.get("remarks")):
            raise typer.Exit(_WOULD_BE_REFUSED)


def _page(answer: Mapping[str, Any]) -> Page:
    totals, findings = part(answer, "totals"), rows(answer, "findings")
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
                table=Table(("last", "supposed", "times", "who", "action", SENTENCE), _together(findings)),
                empty="Nothing.",
            ),
        ),
        notes=[*_not_judged(totals), *_more(answer), *map(str, answer.get("remarks") or ())],
        csv=Table(("time", "supposed", "who", "action", SENTENCE), [_cells(each) for each in findings]),
    )


def _cells(finding: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("supposed", "principal", "action", SENTENCE)
    return (time(finding, "at"), *(text(finding, name) for name in names))


def _together(findings: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """For people: the same difference once, with how often it was found and when last."""
    times: Counter[tuple[str, ...]] = Counter()
    last: dict[tuple[str, ...], str] = {}
    for at, *what in map(_cells, findings):
        times[tuple(what)] += 1
        last[tuple(what)] = at
    return [
        (last[what], what[0], f"{count:,} times" if count > 1 else "once", brief(what[1]), what[2], what[3])
        for what, count in times.most_common()
    ]


def _not_judged(totals: Mapping[str, Any]) -> list[str]:
    without = int(totals.get("without_permission") or 0)
    return [
        *(
            [f"{counted(without, 'call')} had been answered or refused before any permission was asked for."]
            if without
            else []
        ),
        *(
            f"{counted(int(count), 'event')} could not be decided again: {reason}."
            for reason, count in part(totals, "not_judged").items()
        ),
    ]


def _more(answer: Mapping[str, Any]) -> list[str]:
    return ["There are more: these are the first."] if answer.get("more_findings") else []
