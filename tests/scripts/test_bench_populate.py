"""A ledger made large for scripts/bench growth is one that the product itself could have written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.ledger.reader import LedgerReader
from domain import key as keys_of
from domain.account import cmk_tally
from domain.events import KeyUsed
from domain.vocabulary import KeyState
from scripts.benchmarks import populate as populating
from scripts.benchmarks.deployment import KeyLedger
from scripts.benchmarks.populate import Wanted, populate
from scripts.benchmarks.signing import Credentials
from scripts.benchmarks.web import Site
from tests.fixtures.postgres import LedgerDatabase

ACCOUNT = "1234567890123456"
REGION = "cn-hangzhou"
WRAPPED = b"wrapped by the HSM, which is not here ok"


@dataclass(frozen=True, slots=True)
class WithoutAnApi(KeyLedger):
    """A deployment that is its database only: CreateKey answers, and its material is ``WRAPPED``."""

    def ask(self, operation: str, **parameters: str) -> dict[str, Any]:
        assert operation == "CreateKey"
        return {"KeyMetadata": {"KeyId": str(UUID(int=0))}}


@pytest.fixture
def server(ledger_database: LedgerDatabase, monkeypatch: pytest.MonkeyPatch) -> KeyLedger:
    monkeypatch.setattr(populating, "_material_of", lambda *_: WRAPPED)
    site = Site("https://127.0.0.1:1")
    return WithoutAnApi(site, Credentials("LTAI-bench", "secret", REGION), ACCOUNT, ledger_database.service_url)


@pytest.fixture
async def reader(ledger_database: LedgerDatabase) -> AsyncIterator[LedgerReader]:
    reader = LedgerReader(ledger_database.service_url)
    await reader.start()
    yield reader
    await reader.close()


def test_as_many_keys_and_events_as_wanted_are_recorded(server: KeyLedger, ledger_database: LedgerDatabase) -> None:
    told: list[int] = []
    made = populate(server, Wanted(keys=30, events=2_000), told.append)
    assert len(set(made)) == 30
    assert server.events() == sum(told) == 2_000
    with psycopg.connect(ledger_database.admin_url) as connection:
        tallies: dict[UUID, int] = dict(connection.execute("select counter, count from ledger.tallies").fetchall())
        (streams,) = connection.execute("select count(distinct originator_id) from ledger.events").fetchall()
    assert tallies.pop(cmk_tally(ACCOUNT, REGION)) == 30
    assert sorted(set(tallies.values())) == [65, 66]  # 1,970 uses, spread evenly
    assert streams == (2_000,)


async def test_every_key_can_be_rebuilt_and_has_its_material(server: KeyLedger, reader: LedgerReader) -> None:
    made = await populating._populate(server, Wanted(keys=3, events=3), lambda _: None)
    for key_id in made:
        key = keys_of.replay(await reader.stream(key_id))
        assert key is not None
        assert (key.owner, key.region_id, key.state) == (ACCOUNT, REGION, KeyState.ENABLED)
        material = await reader.material_of(key_id, key.primary_key_version)
        assert material is not None
        assert material.wrapped == WRAPPED


async def test_uses_are_signed_in_order_within_the_last_month(server: KeyLedger, reader: LedgerReader) -> None:
    await populating._populate(server, Wanted(keys=2, events=12), lambda _: None)
    async with reader.connection() as connection:
        cursor = await connection.execute(
            "select originator_id from ledger.events where topic = %s order by position", (KeyUsed.TOPIC,)
        )
        streams = [row[0] for row in await cursor.fetchall()]
    assert len(streams) == 10
    assert streams == sorted(streams)
    assert {stream.version for stream in streams} == {8}
