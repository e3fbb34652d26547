"""A token bucket never lets more through than its burst and its rate, and never less than its rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rate import SECOND, Rate, rate

rates = st.builds(Rate, interval=st.integers(1, 5 * SECOND), burst=st.integers(1, 50))
gaps = st.lists(st.integers(0, 3 * SECOND), min_size=1, max_size=200)


def _granted(limit: Rate, instants: list[int]) -> list[int]:
    """The instants at which a token was there, and taken."""
    full_at, granted = 0, []
    for at in instants:
        if limit.wait(full_at, at) <= 0:
            full_at = limit.taken(full_at, at)
            granted.append(at)
    return granted


def _instants(steps: list[int]) -> list[int]:
    at, instants = 10**18, []
    for step in steps:
        at += step
        instants.append(at)
    return instants


def test_a_full_bucket_has_exactly_its_burst() -> None:
    limit = rate(10, 5)
    assert len(_granted(limit, [10**18] * 20)) == 5


def test_a_token_comes_every_interval() -> None:
    limit = rate(4, 1)
    now = 10**18
    full_at = limit.taken(0, now)
    assert limit.wait(full_at, now) == SECOND // 4
    assert limit.wait(full_at, now + SECOND // 4 - 1) == 1
    assert limit.wait(full_at, now + SECOND // 4) == 0


def test_silence_fills_a_bucket_and_no_further() -> None:
    limit = rate(10, 5)
    full_at = 0
    for _ in range(5):
        full_at = limit.taken(full_at, 10**18)
    assert len(_granted(limit, [10**18 + 3_600 * SECOND] * 20)) == 5


@given(rates, gaps)
def test_no_window_sees_more_than_burst_and_rate(limit: Rate, steps: list[int]) -> None:
    granted = _granted(limit, _instants(steps))
    for first in range(len(granted)):
        for last in range(first, len(granted)):
            calls, window = last - first + 1, granted[last] - granted[first]
            assert calls <= limit.burst + window // limit.interval


@given(rates, gaps)
def test_who_keeps_to_the_rate_never_waits(limit: Rate, steps: list[int]) -> None:
    instants = _instants([limit.interval + step for step in steps])
    assert _granted(limit, instants) == instants


@given(rates, gaps)
def test_whoever_waits_as_long_as_told_is_served_then_and_no_sooner(limit: Rate, steps: list[int]) -> None:
    full_at = 0
    for at in _instants(steps):
        wait = limit.wait(full_at, at)
        if wait > 0:
            assert limit.wait(full_at, at + wait - 1) > 0
            assert limit.wait(full_at, at + wait) <= 0
        else:
            full_at = limit.taken(full_at, at)


@given(st.floats(0.01, 1e6), st.integers(1, 1_000), st.integers(1, 64))
def test_all_sharers_together_have_the_rate(calls_per_second: float, burst: int, sharers: int) -> None:
    part = rate(calls_per_second, burst, sharers)
    assert sharers * SECOND / part.interval == pytest.approx(calls_per_second, rel=0.001)
    assert sharers * part.burst <= max(burst, sharers)


@pytest.mark.parametrize(("interval", "burst"), [(0, 1), (1, 0), (-1, 1)])
def test_a_rate_that_lets_nothing_through_is_no_rate(interval: int, burst: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Rate(interval, burst)
