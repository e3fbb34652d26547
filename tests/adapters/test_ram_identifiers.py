"""Identifiers look like the live service's and never repeat."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from adapters.ram_identifiers import new_access_key, new_account_id


@pytest.mark.parametrize(
    ("made", "shape"),
    [
        (new_account_id, r"[1-9][0-9]{15}"),
        (lambda: new_access_key().access_key_id, r"LTAI[A-Za-z0-9]{20}"),
        (lambda: new_access_key().secret, r"[A-Za-z0-9]{30}"),
    ],
)
def test_an_identifier_has_its_shape_and_is_new(made: Callable[[], str], shape: str) -> None:
    some = [made() for _ in range(1_000)]
    assert all(re.fullmatch(shape, one) for one in some)
    assert len(set(some)) == len(some)


def test_a_secret_is_not_shown() -> None:
    made = new_access_key()
    assert made.secret not in repr(made)
