"""The short way into the ledger: what takes it, and that it does nothing at all where something must be decided."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from adapters.ledger import uses
from adapters.ledger.arrays import register
from adapters.ledger.batch import APPEND, encoded, parameters
from domain.guard import Guard
from domain.key import Key
from domain.ports import Submission, Tally
from tests.fixtures.ledger import a_call, a_disabling, a_new_key, a_use
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.stored import Stored, stored_in_database


class Ledger:
    """Both ways into one database, each batch a transaction of its own."""

    def __init__(self, database: LedgerDatabase, service: psycopg.Connection) -> None:
        self._database = database
        self._service = service

    def append(self, *batch: Submission) -> None:
        self._service.execute(APPEND, parameters([encoded(one) for one in batch]))

    def append_uses(self, *batch: Submission) -> Any:
        arguments = uses.parameters([encoded(one) for one in batch])
        assert arguments is not None, "it takes the long way"
        return self._service.execute(uses.APPEND_USES, arguments).fetchall()[0][0]

    def stored(self) -> Stored:
        return stored_in_database(self._database.admin_url)


@pytest.fixture
def ledger(ledger_database: LedgerDatabase) -> Iterator[Ledger]:
    with psycopg.connect(ledger_database.service_url, autocommit=True) as service:
        register(service)
        yield Ledger(ledger_database, service)


@pytest.fixture
def key(ledger: Ledger) -> Key:
    made = a_new_key()
    ledger.append(made.submission)
    return made.key


def test_uses_stand_in_order_from_the_position_that_is_answered(ledger: Ledger, key: Key) -> None:
    batch = [a_use(key, limit=9) for _ in range(3)]
    assert ledger.append_uses(*batch) == 2
    assert ledger.append_uses(a_use(key, limit=9)) == 5
    stored = ledger.stored()
    assert stored.history[1:4] == [use.events[0] for use in batch]
    assert stored.is_gapless()
    assert stored.tallies[key.primary_key_version] == 4


def test_both_ways_leave_the_same_rows(ledger: Ledger, key: Key) -> None:
    short, long = [a_use(key, limit=9) for _ in range(2)], [a_use(key, limit=9) for _ in range(2)]
    ledger.append_uses(*short)
    ledger.append(*long)
    assert ledger.stored().history[1:] == [use.events[0] for use in short + long]
    assert ledger.stored().tallies[key.primary_key_version] == 4


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda key: dataclasses.replace(a_use(key), guards=(Guard(key.key_id, 2),)),
        lambda key: dataclasses.replace(a_use(key), guards=(Guard(key.key_id, 0),)),
        lambda key: dataclasses.replace(a_use(key), guards=(Guard(uuid.uuid4(), 1),)),
        lambda key: a_use(key, limit=1),
        lambda key: dataclasses.replace(a_use(key), tallies=(Tally(uuid.uuid4(), 1, 0),)),
    ],
    ids=["a version to come", "a version that went", "no such stream", "a full tally", "a tally without room"],
)
def test_one_that_must_be_decided_leaves_nothing_of_all(ledger: Ledger, key: Key, spoilt: Any) -> None:
    ledger.append_uses(a_use(key, limit=9))
    before = ledger.stored()
    assert ledger.append_uses(a_use(key, limit=9), spoilt(key)) is None
    assert ledger.stored() == before


def test_a_use_of_a_key_that_was_disabled_is_not_taken(ledger: Ledger, key: Key) -> None:
    ledger.append(a_disabling(key))
    assert ledger.append_uses(a_use(key)) is None


def test_a_retry_after_a_lost_acknowledgement_is_not_recorded_again(ledger: Ledger, key: Key) -> None:
    use = a_use(key, limit=9)
    ledger.append_uses(use)
    assert ledger.append_uses(a_use(key), use) is None
    assert len(ledger.stored().history) == 2


def test_the_request_of_a_change_is_not_recorded_again_as_a_use(ledger: Ledger, key: Key) -> None:
    change = a_disabling(key)
    ledger.append(change)
    other = a_new_key()
    ledger.append(other.submission)
    assert ledger.append_uses(a_use(other.key, a_call(stream=change.claim))) is None


def test_a_request_twice_in_one_batch_takes_the_long_way(key: Key) -> None:
    call = a_call()
    assert uses.parameters([encoded(a_use(key, call)), encoded(a_use(key, call))]) is None


def test_a_change_takes_the_long_way_and_all_that_come_with_it(key: Key) -> None:
    assert uses.parameters([encoded(a_use(key)), encoded(a_disabling(key))]) is None


def test_a_use_that_is_guarded_by_another_of_the_batch_takes_the_long_way(key: Key) -> None:
    first = a_use(key)
    second = dataclasses.replace(a_use(key), guards=(Guard(first.events[0].originator_id, 0),))
    assert uses.parameters([encoded(first), encoded(second)]) is None


@pytest.mark.parametrize("step", [0, -1])
def test_a_step_that_makes_room_takes_the_long_way(key: Key, step: int) -> None:
    use = dataclasses.replace(a_use(key), tallies=(Tally(uuid.uuid4(), step, 9),))
    assert uses.parameters([encoded(use)]) is None


def test_the_lowest_limit_of_a_counter_holds_for_all(ledger: Ledger, key: Key) -> None:
    batch = (a_use(key, limit=9), a_use(key, limit=2), a_use(key, limit=9))
    assert ledger.append_uses(*batch) is None
    assert ledger.append_uses(*batch[:2]) == 2
