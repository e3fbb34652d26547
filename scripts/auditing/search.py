"""``key-ledger audit search``: the events that fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

import typer

from scripts.auditing import completeness
from scripts.auditing.completeness import counted
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.filters import Filters
from scripts.auditing.listing import listing
from scripts.auditing.option_groups import grouped
from scripts.auditing.questions import checked, of_account, pages
from scripts.auditing.times import Period
from scripts.envelope.failure import WrongUse
from scripts.operating.table import Form

_LIMIT: Final = 50


@grouped
def search(
    *,
    filters: Filters,
    period: Period,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help=f"At most so many. Default: {_LIMIT}.")] = (
        None
    ),
    everything: Annotated[bool, typer.Option("--all", help="Every event that fits, however many.")] = False,
    total: Annotated[bool, typer.Option("--total", help="Say how many fit in all.")] = False,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="In the order in which they happened.")] = False,
    wide: Annotated[bool, typer.Option("--wide", help="All that is known of each event.")] = False,
    output: Output,
    connection: Connection,
) -> None:
    """Search the audit trail: who did what, on what, when, from where, and how it came out. The newest comes first.

    All changes, uses, refusals and failed authentications of your account are there, and how your principals assumed
    others' roles. What is done in a role stands in the trail of the role's account: --assumed-by finds there whose it
    was.
    """
    with in_words():
        if everything and limit is not None:
            raise WrongUse("--all and --limit contradict each other.", "Give one of them.")
        form, query = output.form, checked(filters, period, connection)
        service = connection.service()
        query = {**of_account(query, service), "order": "asc" if oldest_first else "desc"}
        shown = listing(form, wide=wide)
        told = _Told()
        for answer in pages(
            service, {**query, **({"total": "true"} if total else {})}, None if everything else limit or _LIMIT
        ):
            shown.page(answer["events"])
            told.heard(answer)
        shown.end(told.about)
        told.tell(form)


class _Told:
    """What the pages said besides events: the first page fixes where the answer ends."""

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}
        self.count = 0
        self.is_cut = False

    def heard(self, answer: dict[str, Any]) -> None:
        self.count += len(answer["events"])
        self.is_cut = "next_cursor" in answer
        rest = {name: value for name, value in answer.items() if name not in ("events", "next_cursor", "RequestId")}
        self.about = {**rest, **self.about}

    def tell(self, form: Form) -> None:
        stood = completeness.of(self.about)
        if form is Form.JSON:
            completeness.warn(stood)
            return
        for remark in self._remarks():
            completeness.aside(remark)
        completeness.tell(stood)

    def _remarks(self) -> Iterator[str]:
        if "total" in self.about:
            yield f"{self.count:,} of {counted(int(self.about['total']), 'event')}."
        elif self.is_cut:
            yield f"{counted(self.count, 'event')}, and there are more: --limit N, --all or narrower filters."
        elif not self.count:
            yield "No event fits."
