"""``key-ledger audit unused``: keys that somebody should look at, and permissions that nobody used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from scripts.auditing import activity
from scripts.auditing.answers import rows, text
from scripts.auditing.connection import Connection, Output, in_words
from scripts.auditing.idle import idle, unused_rights
from scripts.auditing.option_groups import grouped
from scripts.auditing.page import SENTENCE, Page, Section
from scripts.operating.table import Table

_DAYS: Final = 90
_CRYPTOPERIOD_DAYS: Final = 730
_COLUMNS: Final = ("what", "whose", SENTENCE)

DaysOption = Annotated[int, typer.Option("--days", metavar="N", min=1, max=36_500, help="Look back so many days.")]


@grouped
def unused(
    *,
    days: DaysOption = _DAYS,
    cryptoperiod_days: Annotated[
        int, typer.Option("--cryptoperiod", metavar="DAYS", min=1, help="How long a key version should encrypt.")
    ] = _CRYPTOPERIOD_DAYS,
    output: Output,
    connection: Connection,
) -> None:
    """Keys that were never or long not used, are past their cryptoperiod, disabled yet asked for, or about to be
    destroyed yet used; and permissions, access keys, users and roles that nobody used."""
    with in_words():
        form, service = output.form, connection.service()
        asked = {"unused_days": str(days), "cryptoperiod_days": str(cryptoperiod_days), **connection.query}
        found = service.get("ListKeyFindings", "/audit/findings", asked)
        rights = service.get("ListUnusedPermissions", "/audit/unused-permissions", {"days": str(days)})
        _page(found, rights, days).show(form)


def _page(found: Mapping[str, Any], rights: Mapping[str, Any], days: int) -> Page:
    """As of the first answer: the second one was read later, and knows no less."""
    keys = [(text(each, "kind"), _key(each), text(each, SENTENCE)) for each in rows(found, "findings")]
    permissions, nobody = unused_rights(rights), idle(rights)
    return Page(
        answer={**found, "unused_permissions": activity.without_standing(rights)},
        csv=Table(_COLUMNS, [*keys, *permissions, *nobody]),
        sections=(
            Section(title="Keys", table=Table(_COLUMNS, keys), empty="Nothing to remark."),
            Section(
                title=f"Permissions that were not used within {days} days",
                table=Table(_COLUMNS, permissions),
                empty="None.",
            ),
            Section(
                title=f"Who did nothing within {days} days",
                table=Table(_COLUMNS, nobody),
                empty="Everybody did something.",
            ),
        ),
    )


def _key(finding: Mapping[str, Any]) -> str:
    return text(finding, "key_id") or text(finding, "key_arn").rpartition("/")[2]
