"""``key-ledger audit unused``: keys that somebody should look at, and permissions that nobody used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from scripts.auditing.answers import joined, rows, text
from scripts.auditing.connection import Connection, Output, in_words
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
        permissions = service.get("ListUnusedPermissions", "/audit/unused-permissions", {"days": str(days)})
        _page(found, permissions, days).show(form)


def _page(found: Mapping[str, Any], permissions: Mapping[str, Any], days: int) -> Page:
    keys = [(text(each, "kind"), text(each, "key_id"), text(each, "sentence")) for each in rows(found, "findings")]
    rights = [_permission(each) for each in rows(permissions, "unused")]
    # Both are as of nearly the same moment: the older one is what the page vouches for.
    both = Table(_COLUMNS, [*keys, *rights])
    return Page(
        answer={**found, "permissions": permissions},
        csv=both,
        sections=(
            Section(title="Keys", table=Table(_COLUMNS, keys), empty="Nothing to remark."),
            Section(
                title=f"Not used within {days} days",
                table=Table(_COLUMNS, rights),
                empty="Everything that was granted was used.",
            ),
        ),
    )


def _permission(each: Mapping[str, Any]) -> tuple[str, str, str]:
    return text(each, "kind"), text(each, "name") or joined(each, "names"), text(each, "sentence")
