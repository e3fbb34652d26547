"""The period of a report, and what it is drawn in: days, weeks, months or years, by its length.

By the time of the call, which the caller's request has, and not by the time of recording, which follows it within
moments. The end is not in the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final


class Unit(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


_LONGEST: Final = ((Unit.DAY, 62), (Unit.WEEK, 430), (Unit.MONTH, 3_660))
"""Days of the longest period that is drawn in the unit."""


@dataclass(frozen=True, slots=True)
class Period:
    """:param since, until: UTC; ``until`` is not in it."""

    since: datetime
    until: datetime

    def holds(self, at: datetime) -> bool:
        return self.since <= at < self.until

    @property
    def days(self) -> int:
        """Those that it touches."""
        return (self.last_day - self.since.date()).days + 1

    @property
    def last_day(self) -> date:
        return max(self.since, self.until - timedelta(microseconds=1)).date()


class Bins:
    """:ivar starts: the first day of each, in order, without a gap; the first may begin before the period."""

    def __init__(self, period: Period) -> None:
        self.unit = next((unit for unit, longest in _LONGEST if period.days <= longest), Unit.YEAR)
        self.starts: list[date] = []
        self._first = period.since.toordinal()
        self._of_day: list[int] = []
        for ordinal in range(self._first, self._first + period.days):
            start = self._start(date.fromordinal(ordinal))
            if not self.starts or self.starts[-1] != start:
                self.starts.append(start)
            self._of_day.append(len(self.starts) - 1)

    def of(self, at: datetime) -> int:
        """:param at: UTC, within the period."""
        return self._of_day[at.toordinal() - self._first]

    def _start(self, day: date) -> date:
        match self.unit:
            case Unit.DAY:
                return day
            case Unit.WEEK:
                return date.fromordinal(max(1, day.toordinal() - day.weekday()))
            case Unit.MONTH:
                return day.replace(day=1)
            case Unit.YEAR:
                return day.replace(month=1, day=1)


def day_begins(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
