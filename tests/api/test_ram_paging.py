"""Pages of RAM's lists: put together they are the list, whatever changes in between."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.parameters import Parameters
from api.ram import paging
from domain.errors import InvalidParameter

NUMBERS = st.sets(st.integers(-10, 10**9), max_size=60)


def asked(**given: Any) -> paging.Wanted:
    return paging.wanted(Parameters({name: str(value) for name, value in given.items()}))


def page(numbers: set[int], **given: Any) -> tuple[list[int], dict[str, Any]]:
    return paging.page(numbers, int, asked(**given))


@given(NUMBERS, st.integers(1, 20))
def test_pages_put_together_are_the_list_in_order(numbers: set[int], size: int) -> None:
    found, told = page(numbers, MaxItems=size)
    listed = found
    while told["IsTruncated"]:
        assert len(found) == size
        found, told = page(numbers, MaxItems=size, Marker=told["Marker"])
        listed += found
    assert listed == sorted(numbers)


@given(NUMBERS, st.integers(1, 20), st.data())
def test_what_stays_is_listed_exactly_once_whatever_comes_and_goes(
    numbers: set[int], size: int, data: st.DataObject
) -> None:
    there = set(numbers)
    listed, told = page(there, MaxItems=size)
    while told["IsTruncated"]:
        there -= data.draw(st.sets(st.sampled_from(sorted(there)), max_size=5))
        if data.draw(st.booleans()):
            there.add(max(numbers | there) + 1)
        found, told = page(there, MaxItems=size, Marker=told["Marker"])
        listed += found
    assert listed == sorted(set(listed))
    assert numbers & there <= set(listed)


def test_a_list_that_fits_is_not_truncated_and_has_no_marker() -> None:
    assert page({1, 2, 3}, MaxItems=3) == ([1, 2, 3], {"IsTruncated": False})
    assert page(set()) == ([], {"IsTruncated": False})


def test_a_hundred_are_listed_where_nobody_says_how_many() -> None:
    found, told = page(set(range(101)))
    assert (len(found), told["IsTruncated"]) == (100, True)


@pytest.mark.parametrize("size", ["0", "1001", "-1", "x", "1.0", "１"])
def test_a_number_of_items_that_makes_no_sense_is_refused(size: str) -> None:
    with pytest.raises(InvalidParameter, match=r"MaxItems is not valid\. Expected an integer from 1 to 1000"):
        asked(MaxItems=size)


@given(st.text())
def test_a_marker_is_read_or_refused_and_nothing_else(marker: str) -> None:
    try:
        wanted = asked(Marker=marker)
    except InvalidParameter as refusal:
        assert "Marker is not valid" in refusal.message  # noqa: PT017
    else:
        assert (wanted.after is None) == (not marker)


@pytest.mark.parametrize("marker", ["x", "abcd", "MTI", "====", "MTIz\n", "é", "12", "MTIz" * 6])
def test_a_marker_that_no_answer_told_is_refused(marker: str) -> None:
    with pytest.raises(InvalidParameter):
        asked(Marker=marker)
