"""``key-ledger audit principal``: what somebody did, everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from scripts.auditing import activity
from scripts.auditing.answers import rows
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.count import counts_table, shares
from scripts.auditing.events import events_table
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import Page, Section
from scripts.auditing.principals import acting_as, arn_of, is_access_key
from scripts.auditing.times import Period

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

_REFUSALS: Final = 10


@grouped
def principal(
    principal_: Annotated[
        str,
        typer.Argument(
            metavar="PRINCIPAL",
            help="An ARN, also of one session, or user/NAME, role/NAME, root of your own account; or an access key.",
        ),
    ],
    *,
    period: Period,
    output: Output,
    connection: Connection,
) -> None:
    """What a principal did: how often, with which keys, and what it was refused. Of a role: in all its sessions."""
    with in_words():
        form, service = output.form, connection.service()
        asked = {**period.query(datetime.now(UTC)), **connection.query}
        if is_access_key(principal_):
            who, query = {"access_key_id": principal_}, {"access_key_id": principal_}
        else:
            arn = arn_of(principal_, service)
            who, query = {"principal": arn}, {"principal": acting_as(arn)}
        _page(service, who, {**asked, **query}).show(form)


def _page(service: AuditService, who: Mapping[str, str], query: Mapping[str, str]) -> Page:
    refused = {**query, "outcome": "refused", "limit": str(_REFUSALS)}
    answer = service.get("SearchEvents", "/audit/events", refused)
    same = activity.up_to(answer, query)
    found = {by: activity.counts(service, same, by) for by in ("operation,outcome", "key_id", "day")}
    operations, keys = found["operation,outcome"], [each for each in found["key_id"] if each.get("key_id")]
    refusals = rows(answer, "events")
    standing: dict[str, Any] = {name: answer[name] for name in ("as_of", "ledger_head", "complete") if name in answer}
    return Page(
        answer={
            **who,
            **standing,
            "operations": operations,
            "keys": keys,
            "per_day": found["day"],
            "refusals": refusals,
        },
        facts={**{name.replace("_", " "): text for name, text in who.items()}, **activity.drawn(found["day"], "calls")},
        sections=(
            _counted("What it did", operations, ("operation", "outcome")),
            _counted("With which keys", keys, ("key_id",)),
            Section(
                title=f"What it was refused (the last {_REFUSALS})", table=events_table(refusals), empty="Nothing."
            ),
        ),
    )


def _counted(title: str, groups: list[Mapping[str, Any]], by: tuple[str, ...]) -> Section:
    return Section(title=title, table=counts_table(groups, by), empty="Nothing.", bars=shares(groups))
