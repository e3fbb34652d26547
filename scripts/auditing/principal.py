"""``key-ledger audit principal``: what somebody did, everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from scripts.auditing import activity, identities
from scripts.auditing.answers import rows
from scripts.auditing.completeness import caution
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.count import counts_table, shares
from scripts.auditing.events import events_table
from scripts.auditing.identities import Group
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import Page, Section
from scripts.auditing.principals import acting_as, acting_under, arn_of, is_access_key, is_id
from scripts.auditing.times import Period
from scripts.operating.table import Form

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

_REFUSALS: Final = 10
_STANDING: Final = ("as_of", "ledger_head", "complete", "stopped_at")

Words = Mapping[str, str]


@grouped
def principal(
    principal_: Annotated[
        str,
        typer.Argument(
            metavar="PRINCIPAL",
            help="An ARN, also of one session, or user/NAME, role/NAME, root of your own account; an id, whatever its "
            "names; or an access key.",
        ),
    ],
    *,
    period: Period,
    output: Output,
    connection: Connection,
) -> None:
    """What a principal did: how often, with which keys, and what it was refused. Of a role: in all its sessions.

    A name may have been several identities', one after the other, and an identity may have had several names: both are
    told. Asked by id, it is what this identity did, whatever it was called.
    """
    with in_words():
        form, service = output.form, connection.service()
        asked = {**period.query(datetime.now(UTC)), **connection.query}
        who, query = _meant(principal_, service)
        page = _page(service, who, {**asked, **query})
        page.show(form)
        if form is Form.CSV:  # which has no room for them, and needs them as much
            for note in page.notes:
                caution(note)


def _meant(text: str, service: AuditService) -> tuple[Words, Words]:
    """What is asked about, and the filter for it."""
    if is_access_key(text):
        return {"access_key_id": text}, {"access_key_id": text}
    if is_id(text):
        return {"principal_id": text}, {"principal_id": acting_under(text)}
    arn = arn_of(text, service)
    return {"principal": arn}, {"principal": acting_as(arn)}


def _page(service: AuditService, who: Words, query: Words) -> Page:
    answer = identities.asked(service, query)
    # The further questions are about the same events, whatever has happened meanwhile.
    same = activity.up_to(answer, query)
    found = identities.of(answer)
    notes = [*identities.notes(answer, found), *(_renaming(service, found, same) if "principal" in who else ())]
    refused = {**same, "outcome": "refused", "limit": str(_REFUSALS)}
    refusals = rows(service.get("SearchEvents", "/audit/events", refused), "events")
    counts = {by: activity.counts(service, same, by) for by in ("operation,outcome", "key_id", "day")}
    operations, keys = counts["operation,outcome"], [each for each in counts["key_id"] if each.get("key_id")]
    return Page(
        answer={
            **who,
            **{name: answer[name] for name in _STANDING if name in answer},
            "identities": rows(answer, "groups"),
            "operations": operations,
            "keys": keys,
            "per_day": counts["day"],
            "refusals": refusals,
            "remarks": notes,
        },
        facts={
            **{name.replace("_", " "): text for name, text in who.items()},
            **activity.drawn(counts["day"], "calls"),
        },
        sections=(
            identities.section(identities.of_access_key(found) if "access_key_id" in who else found),
            _counted("What it did", operations, ("operation", "outcome")),
            _counted("With which keys", keys, ("key_id",)),
            Section(
                title=f"What it was refused (the last {_REFUSALS})", table=events_table(refusals), empty="Nothing."
            ),
        ),
        notes=notes,
        csv=counts_table(operations, ("operation", "outcome")),
    )


def _renaming(service: AuditService, found: Sequence[Group], same: Words) -> Iterator[str]:
    """One further question, where one tells it: of several identities it would be one each."""
    if principal_id := identities.only_user(found):
        rest = {name: value for name, value in same.items() if name != "principal"}
        answer = identities.asked(service, {**rest, "principal_id": principal_id})
        yield from identities.renaming(found, identities.of(answer))


def _counted(title: str, groups: list[Mapping[str, Any]], by: tuple[str, ...]) -> Section:
    return Section(title=title, table=counts_table(groups, by), empty="Nothing.", bars=shares(groups))
