"""How often something happened, for pages about one key or one principal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from scripts.auditing import completeness
from scripts.auditing.answers import number, rows, text
from scripts.auditing.sparkline import per_day, sparkline

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

_GROUPS: Final = "1000"
_WIDTH: Final = 56


def up_to(answer: Mapping[str, Any], asked: Mapping[str, str]) -> dict[str, str]:
    """The parameters of a further question about what ``answer`` knows, and nothing that happened after it."""
    position = completeness.of(answer).position
    rest = {name: value for name, value in asked.items() if name != "wait"}
    return {**rest, "to_position": str(position)} if position else rest


def without_standing(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What an answer says besides how complete it is: of a page's further answers."""
    standing = ("as_of", "ledger_head", "complete", "RequestId")
    return {name: value for name, value in answer.items() if name not in standing}


def counts(service: AuditService, query: Mapping[str, str], by: str) -> list[Mapping[str, Any]]:
    answer = service.get("CountEvents", "/audit/counts", {**query, "by": by, "limit": _GROUPS})
    return rows(answer, "groups")


def drawn(days: Sequence[Mapping[str, Any]], what: str) -> dict[str, str]:
    """A fact: so many, from when to when, as a sparkline."""
    counted = {date.fromisoformat(text(each, "day")[:10]): number(each, "count") for each in days if text(each, "day")}
    if not counted:
        return {what: "none"}
    together, step = per_day(counted, _WIDTH)
    each = "a day" if step == 1 else f"in {step} days"
    total = f"{sum(counted.values()):,}, {min(counted)} to {max(counted)}"
    return {what: total, f"{what} {each}": sparkline(together)}
