"""Days, weeks, months and years by the length of the period; every moment of it is in one of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.evidence.period import Bins, Period, Unit

days = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1))


def period(since: date, number: int) -> Period:
    begins = datetime(since.year, since.month, since.day, tzinfo=UTC)
    return Period(begins, begins + timedelta(days=number))


@pytest.mark.parametrize(
    ("number", "unit", "bins"),
    [
        (1, Unit.DAY, 1),
        (62, Unit.DAY, 62),
        (63, Unit.WEEK, 10),
        (430, Unit.WEEK, 63),
        (431, Unit.MONTH, 15),
        (3_661, Unit.YEAR, 11),
    ],
)
def test_the_longer_the_wider(number: int, unit: Unit, bins: int) -> None:
    made = Bins(period(date(2026, 3, 1), number))
    assert (made.unit, len(made.starts)) == (unit, bins)


@given(days, st.integers(1, 5_000), st.floats(0, 1, exclude_max=True))
def test_every_moment_is_in_the_bin_that_began_last(since: date, number: int, part: float) -> None:
    whole = period(since, number)
    bins = Bins(whole)
    at = whole.since + part * (whole.until - whole.since)
    if not whole.holds(at):
        return
    place = bins.of(at)
    assert bins.starts[place] <= at.date()
    assert place + 1 == len(bins.starts) or at.date() < bins.starts[place + 1]
    assert sorted(set(bins.starts)) == bins.starts
    assert len(bins.starts) <= 430


def test_the_end_is_not_in_the_period() -> None:
    whole = period(date(2026, 3, 1), 1)
    assert whole.holds(datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC))
    assert not whole.holds(whole.until)
    assert whole.last_day == date(2026, 3, 1)
