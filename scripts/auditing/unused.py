"""``key-ledger audit unused``: keys that somebody should look at, and permissions that nobody used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from scripts.auditing import activity
from scripts.auditing.answers import rows, text
from scripts.auditing.completeness import counted
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import SENTENCE, Page, Section
from scripts.operating.table import Table

_DAYS: Final = 90
_CRYPTOPERIOD_DAYS: Final = 730
_RECENT_DAYS: Final = 30
_COLUMNS: Final = ("what", "whose", SENTENCE)

DaysOption = Annotated[int, typer.Option("--days", metavar="N", min=1, max=36_500, help="Look back so many days.")]


@grouped
def unused(
    *,
    days: DaysOption = _DAYS,
    cryptoperiod_days: Annotated[
        int, typer.Option("--cryptoperiod", metavar="DAYS", min=1, help="How long a key version should encrypt.")
    ] = _CRYPTOPERIOD_DAYS,
    recent_days: Annotated[
        int,
        typer.Option(
            "--recent", metavar="DAYS", min=1, max=36_500, help="A use so lately makes a deletion suspicious."
        ),
    ] = _RECENT_DAYS,
    output: Output,
    connection: Connection,
) -> None:
    """Keys that were never or long not used, are past their cryptoperiod, disabled yet asked for, or about to be
    destroyed yet used; and permissions, access keys, users and roles that nobody used."""
    with in_words():
        form, service = output.form, connection.service()
        asked = {
            "unused_days": str(days),
            "cryptoperiod_days": str(cryptoperiod_days),
            "recent_days": str(recent_days),
            **connection.query,
        }
        found = service.get("ListKeyFindings", "/audit/findings", asked)
        rights = service.get("ListUnusedPermissions", "/audit/unused-permissions", {"days": str(days)})
        _page(found, rights, days).show(form)


def _page(found: Mapping[str, Any], rights: Mapping[str, Any], days: int) -> Page:
    """As of the first answer: the second one was read later, and knows no less."""
    keys = [(text(each, "kind"), text(each, "key_id"), text(each, SENTENCE)) for each in rows(found, "findings")]
    unused_ = [_right(each) for each in rows(rights, "unused")]
    return Page(
        answer={**found, "unused_permissions": activity.without_standing(rights)},
        csv=Table(_COLUMNS, [*keys, *unused_]),
        sections=(
            Section(title="Keys", table=Table(_COLUMNS, keys), empty="Nothing to remark."),
            Section(
                title=f"What nobody used within {counted(days, 'day')}",
                table=Table(_COLUMNS, unused_),
                empty="All that was granted was used.",
            ),
        ),
    )


def _right(each: Mapping[str, Any]) -> tuple[str, str, str]:
    """Whose it is, where it is somebody's; else who it is."""
    return text(each, "kind"), text(each, "holder") or text(each, "name"), text(each, SENTENCE)
