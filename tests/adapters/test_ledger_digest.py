"""The digest of a range: a golden one, since reports that were handed over must be comparable for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Final
from uuid import UUID

import pytest

from adapters.ledger.digest import LedgerDigest, Row

AT: Final = datetime(2026, 6, 1, 12, 0, 0, 250_001, tzinfo=UTC)
ROWS: Final[tuple[Row, ...]] = (
    (1, UUID(int=7), 1, "kms.key.created", b'{"a":1}', AT),
    (2, UUID(int=8), 1, "kms.key.used", "{„ü“}".encode(), AT + timedelta(microseconds=1)),
)
GOLDEN: Final = "e7f976debfeabe57ac29fa3b7692dcb693427322490bd67b700b20feb81b442f"


def of(*rows: Row) -> str:
    digest = LedgerDigest()
    for row in rows:
        digest.add(row)
    return digest.hexadecimal


def test_the_digest_of_these_rows_never_changes() -> None:
    assert of(*ROWS) == GOLDEN


def test_nothing_is_the_digest_of_no_bytes() -> None:
    assert of() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_the_zone_in_which_a_time_is_written_does_not_matter() -> None:
    there = (*ROWS[0][:5], AT.astimezone(timezone(timedelta(hours=8))))
    assert of(there) == of(ROWS[0])


@pytest.mark.parametrize(
    "changed",
    [
        (2, *ROWS[0][1:]),
        (1, UUID(int=9), *ROWS[0][2:]),
        (*ROWS[0][:2], 2, *ROWS[0][3:]),
        (*ROWS[0][:3], "kms.key.createdx", b'{"a":1}', AT),
        (*ROWS[0][:3], "kms.key.create", b'd{"a":1}', AT),
        (*ROWS[0][:5], AT + timedelta(microseconds=1)),
    ],
)
def test_whatever_changes_in_a_row_changes_it(changed: Row) -> None:
    assert of(changed) != of(ROWS[0])
