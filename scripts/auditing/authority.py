"""``key-ledger audit authority``: who granted what to whom, when, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from scripts.auditing.answers import rows, text, time
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import SENTENCE, Page, Section
from scripts.auditing.principals import brief
from scripts.auditing.times import WRITTEN, ending, written
from scripts.operating.table import Table

_COLUMNS: Final = ("from", "until", "whom", "kind", "what", "by", SENTENCE)


@grouped
def authority(
    *,
    moment: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="WHEN", help=f"What was in force then: a position, {WRITTEN}. Default: everything ever."
        ),
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", metavar="WHO", help="Granted to user/NAME, group/NAME, role/NAME.")
    ] = (None),
    object_: Annotated[
        str | None, typer.Option("--object", metavar="WHAT", help="What was granted: a policy, a group, …")
    ] = (None),
    output: Output,
    connection: Connection,
) -> None:
    """Who granted what to whom, when, and until when it was in force: policies, groups, access keys, trust."""
    with in_words():
        form = output.form
        asked = {**_when(moment), **connection.query}
        asked |= {name: value for name, value in (("subject", subject), ("object", object_)) if value is not None}
        service = connection.service()
        answer = service.get("ListAuthorityChanges", "/audit/authority", asked)
        grants = rows(answer, "grants")
        while "next_cursor" in answer:
            answer = service.get("ListAuthorityChanges", "/audit/authority", {**asked, "cursor": answer["next_cursor"]})
            grants += rows(answer, "grants")
        _page({**answer, "grants": grants}).show(form)


def _when(moment: str | None) -> dict[str, str]:
    if moment is None:
        return {}
    if moment.isdecimal():
        return {"at": moment}
    return {"at": written(ending(moment, datetime.now(UTC), "--at"))}


def _page(answer: Mapping[str, Any]) -> Page:
    table = Table(_COLUMNS, [_row(each) for each in rows(answer, "grants")])
    return Page(answer=answer, sections=(Section(title="", table=table, empty="Nothing was granted."),))


def _row(grant: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        time(grant, "from"),
        time(grant, "until") or "in force",
        text(grant, "subject"),
        text(grant, "kind"),
        text(grant, "object"),
        brief(text(grant, "by")),
        text(grant, SENTENCE),
    )
