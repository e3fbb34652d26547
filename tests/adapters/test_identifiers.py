"""UUIDs made the short way are UUIDs like all others."""

from __future__ import annotations

import copy
import time
import uuid
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.identifiers import RandomIds, RequestIds, uuid_of, uuid_read


@given(st.integers(0, 2**128 - 1))
def test_a_uuid_of_a_number_is_what_the_library_makes_of_it(number: int) -> None:
    made, known = uuid_of(number), UUID(int=number)
    assert (made, hash(made), str(made), made.bytes, made.is_safe) == (
        known,
        hash(known),
        str(known),
        known.bytes,
        known.is_safe,
    )
    assert uuid_read(str(known)) == known
    assert copy.deepcopy(made) == known
    with pytest.raises(TypeError):
        made.int = 1  # type: ignore[misc]


@pytest.mark.parametrize("text", ["", "x" * 36, "0" * 35, "urn:uuid:" + str(UUID(int=1))])
def test_what_is_no_uuid_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"UUID|base 16"):
        uuid_read(text)


def test_random_ids_are_of_version_4_and_never_the_same() -> None:
    new_id = RandomIds()
    made = {new_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert {(one.version, one.variant) for one in made} == {(4, uuid.RFC_4122)}
    together = 0
    for one in made:
        together |= one.int
    assert together == 2**128 - 1 & ~(0xB << 76 | 0x1 << 62), "every random bit is set in some"


def test_the_ids_of_requests_are_of_version_7_and_begin_with_their_time() -> None:
    new_id = RequestIds()
    before = time.time_ns() // 1_000_000
    made = [new_id() for _ in range(1_000)]
    after = time.time_ns() // 1_000_000
    assert len(set(made)) == 1_000
    assert {(one.version, one.variant) for one in made} == {(7, uuid.RFC_4122)}
    times = [one.int >> 80 for one in made]
    assert times == sorted(times)
    assert before <= times[0]
    assert times[-1] <= after
    together = 0
    for one in made:
        together |= one.int
    assert together & (1 << 80) - 1 == (1 << 80) - 1 & ~(0x8 << 76 | 0x1 << 62), "every random bit is set in some"
