"""Profiles: each that a row of the trail names is in their table, whoever stored what before, and none is stored again
and again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from adapters.ledger.mapper import decode
from adapters.ledger.writer import LedgerWriter
from projections.audit_profiles import profile_id
from projections.audit_trail import AuditTrailRows
from projections.pages import Entry, Pages
from projections.projector import PoisonEvent, advance
from tests.fixtures.histories import Lives
from tests.fixtures.postgres import LedgerDatabase

Connection = psycopg.AsyncConnection[Any]
PAGE = 10


class FailsWhenStored(AuditTrailRows):
    """Of each page, when it is stored; while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        await super().store(connection, page)
        if self.fails:
            raise RuntimeError


async def profiles(connection: Connection) -> tuple[set[str], set[str]]:
    """Those that rows name, and those that are there."""
    found = []
    for table in ("audit_trail", "audit_profiles"):
        cursor = await connection.execute(f"select distinct profile::text from projections.{table}".encode())  # our own
        found.append({name for (name,) in await cursor.fetchall()})
    return found[0], found[1]


@pytest.mark.parametrize("seed", range(3))
async def test_every_profile_that_a_row_names_is_there_whoever_stored_the_page_before(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase, seed: int
) -> None:
    """Two processes take turns, each remembers what it stored, and what one stored is undone now and then."""
    lives, one, other = Lives(writer, seed), FailsWhenStored(), AuditTrailRows()
    async with await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True) as another:
        for turn in range(6):
            await lives.go_on(15)
            one.fails = turn % 2 == 0
            if one.fails:
                with pytest.raises(PoisonEvent):
                    await advance(connection, one, Pages(decode, PAGE))
                one.fails = False
            for projection, through in ((one, connection), (other, another), (one, connection)):
                await advance(through, projection, Pages(decode, PAGE))
                named, there = await profiles(connection)
                assert named == there
    assert len(there) > PAGE


async def test_what_is_known_to_be_there_is_not_stored_again(writer: LedgerWriter, connection: Connection) -> None:
    lives, trail, pages = Lives(writer, seed=4), AuditTrailRows(), Pages(decode, PAGE)
    await lives.go_on(60)
    while await advance(connection, trail, pages):
        pass
    _, before = await profiles(connection)
    await connection.execute("truncate projections.audit_profiles")
    await lives.go_on(60)
    while await advance(connection, trail, pages):
        pass
    named, there = await profiles(connection)
    assert not there & before
    assert named == there | before


def test_profiles_that_could_be_mistaken_for_each_other_are_not() -> None:
    alike = [("a", "b"), ("ab", ""), ("", "ab"), ("a", None), ("a", ""), ('a","b',), ("a", True), ("a", "true")]
    assert len({profile_id(one) for one in alike}) == len(alike)
