"""Moments and periods as people write them: a day, a month, a time, or how long ago."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, ClassVar, Final

import typer

from scripts.envelope.failure import WrongUse

_AGO: Final = re.compile(r"(?P<count>[0-9]{1,6})(?P<unit>[mhdw])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_MONTH: Final = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})")
_WEEK: Final = re.compile(r"[0-9]{4}-?W[0-9]{2}")
_EXPECTED: Final = "Write it like 2026-11-24, 2026-11 (a month), 2026-11-24T08:30:00Z, or 7d or 24h for so long ago."

WRITTEN: Final = "a day, a month, an RFC 3339 time, or 7d, 24h, 30m ago; UTC"


@dataclass(frozen=True, kw_only=True)
class Period:
    """Options: from when until when."""

    TITLE: ClassVar = "When"

    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help=f"Not before: {WRITTEN}.")] = None
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Not after; a day or month is included as a whole.")
    ] = None

    def query(self, now: datetime) -> dict[str, str]:
        """As the service takes it: from, inclusive, and to, exclusive.

        :raises WrongUse: one of them is no time, or the period has none.
        """
        first = None if self.since is None else beginning(self.since, now, "--from")
        end = None if self.until is None else ending(self.until, now, "--to")
        if first is not None and end is not None and first >= end:
            raise WrongUse(
                f"The period from {written(first)} to {written(end)} has no time in it.", "Turn --from and --to around."
            )
        return {
            **({} if first is None else {"from": written(first)}),
            **({} if end is None else {"to": written(end)}),
        }


def written(at: datetime) -> str:
    """:param at: in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def beginning(text: str, now: datetime, option: str) -> datetime:
    """The first moment of what ``text`` says."""
    return _span(text, now, option)[0]


def ending(text: str, now: datetime, option: str) -> datetime:
    """The first moment after what ``text`` says; of a moment, itself."""
    return _span(text, now, option)[1]


def _is_day(text: str) -> bool:
    """In whichever way ISO 8601 writes one: 2026-11-24, 20261124, 2026-W48-2."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _span(text: str, now: datetime, option: str) -> tuple[datetime, datetime]:
    try:
        if ago := _AGO.fullmatch(text):
            at = now - timedelta(**{_UNITS[ago["unit"]]: int(ago["count"])})
            return at, at
        if month := _MONTH.fullmatch(text):
            first = datetime(int(month["year"]), int(month["month"]), 1, tzinfo=UTC)
            return first, (first + timedelta(days=31)).replace(day=1)
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        if _WEEK.fullmatch(text):
            return at, at + timedelta(days=7)
        if _is_day(text):
            return at, at + timedelta(days=1)
        return at, at
    except (ValueError, OverflowError):
        raise WrongUse(f"{option} {text!r} is no time.", _EXPECTED) from None
