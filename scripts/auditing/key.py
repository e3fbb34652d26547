"""``key-ledger audit key``: the life of a CMK, and who used it how often."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from scripts.auditing import activity
from scripts.auditing.answers import rows
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.count import counts_table, shares
from scripts.auditing.events import events_table
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import Page, Section
from scripts.auditing.times import Period
from scripts.key_ids import key_id_of

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="The CMK: its id or ARN.")]

_ASKED_BY: Final = ("principal", "operation", "outcome")
_ASKED_HOW: Final = ("source_ip", "user_agent", "encryption_context", "outcome")
_WAYS_SHOWN: Final = 20


@grouped
def key(
    key_id: KeyArgument,
    *,
    period: Period,
    output: Output,
    connection: Connection,
) -> None:
    """The history of a key: what was done to it, by whom; and who used it how often, and was refused."""
    with in_words():
        wanted, form = str(key_id_of(key_id)), output.form
        asked = {**period.query(datetime.now(UTC)), **connection.query}
        _page(connection.service(), wanted, asked).show(form)


def _page(service: AuditService, key_id: str, asked: Mapping[str, str]) -> Page:
    history = service.get("GetKeyHistory", f"/audit/keys/{key_id}/history", asked)
    # The further questions are about the same events, whatever has happened meanwhile.
    same = activity.up_to(history, {**asked, "key_id": key_id})
    days = activity.counts(service, {**same, "outcome": "used"}, "day")
    refusals = activity.counts(service, {**same, "outcome": "refused"}, "error_code,principal")
    ways = activity.counts(service, {**same, "outcome": "used,read,refused"}, ",".join(_ASKED_HOW))
    uses = rows(history, "uses")
    asked_for = counts_table(uses, _ASKED_BY)
    return Page(
        answer={**history, "uses_per_day": days, "asked_how": ways, "refusals": refusals},
        facts={"key": key_id, **activity.drawn(days, "uses")},
        csv=asked_for,
        sections=(
            Section(title="What was done to it", table=events_table(rows(history, "changes")), empty="Nothing."),
            Section(title="Who asked for it", table=asked_for, empty="Nobody.", bars=shares(uses)),
            Section(
                title=_title(len(ways)),
                table=counts_table(ways[:_WAYS_SHOWN], _ASKED_HOW),
                empty="From nowhere.",
                bars=shares(ways[:_WAYS_SHOWN]),
            ),
            Section(
                title="Why it was refused, and to whom",
                table=counts_table(refusals, ("error_code", "principal")),
                empty="It was not.",
                bars=shares(refusals),
                colour=lambda _: "red",
            ),
        ),
    )


def _title(ways: int) -> str:
    some = f": {_WAYS_SHOWN} of {ways:,} ways" if ways > _WAYS_SHOWN else ""
    return f"From where, with which client and context{some}"
