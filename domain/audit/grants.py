"""One English sentence for a fact about who was granted what: what it is, who granted it, when, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from domain.audit.documents_in_words import says
from domain.audit.words import brief, moment, principal_named, visible
from domain.call import SYSTEM_PRINCIPAL

_SAID: Final[Mapping[str, str]] = {
    "account": "Account {what} exists",
    "user": "There is {who}",
    "group": "There is {who}",
    "role": "There is {who}",
    "access-key": "{who} has access key {what}{status}",
    "membership": "{who} is in {what}",
    "attachment": "{who} has policy {what}",
    "policy": "There is policy {what}",
    "policy-version": "Policy {what} {says}{force}",
    "trust": "{who} {says}",
    "quota": "A quota holds for {what}",
}

_DONE: Final[Mapping[str, str]] = {
    **dict.fromkeys(("account", "user", "group", "role", "policy", "policy-version"), "made"),
    **dict.fromkeys(("access-key", "trust", "quota"), "set"),
}
"""What somebody did who made it so; policies and memberships were granted."""
_ACTIVE: Final = "Active"


def grant_sentence(
    kind: str,
    subject: str,
    what: str,
    granted_by: str,
    granted_at: datetime,
    until: datetime | None,
    ended_by: str | None,
    details: Mapping[str, Any] | None = None,
) -> str:
    """:param what: the object. :param until: None where it still stands. :param details: such as the document."""
    told = details or {}
    said = _SAID.get(kind, "{who}: {what}").format(
        who=brief(subject.replace("/", " ", 1)),
        what=brief(what),
        says=says(str(told.get("document", ""))) or "has a document",
        force="" if told.get("in_force", True) else " (not in force)",
        status="" if told.get("status", _ACTIVE) == _ACTIVE else ", which is deactivated",
    )
    end = f" until {moment(until)}, ended by {principal_named(ended_by or '')}" if until is not None else ""
    by = "" if granted_by == SYSTEM_PRINCIPAL else f" by {principal_named(granted_by)}"
    return visible(f"{said}, {_DONE.get(kind, 'granted')}{by} at {moment(granted_at)}{end}.")


def sentence_of(row: Mapping[str, Any]) -> str:
    """Of a row as :mod:`projections.authority_questions` tells it."""
    return grant_sentence(
        row["kind"],
        row["subject"],
        row["object"],
        row["granted_by"],
        row["granted_at"],
        row.get("until"),
        row.get("ended_by"),
        row.get("details"),
    )
