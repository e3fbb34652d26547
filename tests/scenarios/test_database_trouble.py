"""Requests, whole, while the database loses answers, ends, or has a full disk (promises 1 and 8).

The dispatcher of a worker in this process, as :mod:`api.assembly` makes it, with a PostgreSQL of the test's own behind
a proxy and a SoftHSM token. The ledger's writer alone is hurt in more ways in ``tests/adapters/test_ledger_*``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import pytest

from adapters.deployment import opened
from adapters.hsm import TokenPlace
from adapters.set_up import RootCredentials, SetUp, new_root_credentials
from adapters.settings import read_settings
from api.assembly import assembled
from api.dispatch import Dispatcher, Request
from tests.fixtures import signed
from tests.fixtures.cutting_proxy import CuttingProxy
from tests.fixtures.hsm import REGION
from tests.fixtures.own_postgres import Disk, OwnPostgres
from tests.fixtures.signed import Credentials

TIMES: Final = 5
"""Now and then it is another connection's answer that is lost: the follower's, which asks each second."""


class Worker:
    def __init__(self, dispatcher: Dispatcher, root: RootCredentials, admin_url: str) -> None:
        self._dispatcher = dispatcher
        self._who = Credentials(root.access_key_id, root.access_key_secret)
        self._admin_url = admin_url

    async def ask(self, action: str, parameters: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
        raw = signed.rpc(self._who, action, parameters)
        query = raw.target.partition("?")[2].encode()
        headers = [(name.encode(), value.encode()) for name, value in raw.headers.items()]
        answer = await self._dispatcher.rpc(Request(raw.method, b"/", query, headers, raw.body, "127.0.0.1", True))
        return answer.status, json.loads(answer.body)

    async def succeeds(self, action: str, parameters: Mapping[str, str] | None = None) -> dict[str, Any]:
        status, told = await self.ask(action, parameters)
        assert status == 200, told
        return told

    async def key(self) -> str:
        key_id: str = (await self.succeeds("CreateKey"))["KeyMetadata"]["KeyId"]
        return key_id

    async def until_it_succeeds(self, action: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                status, told = await self.ask(action, parameters)
                if status == 200:
                    return told
                await asyncio.sleep(0.1)

    def events(self) -> list[tuple[int, str, str]]:
        """Positions, topics and request ids, as they really stand."""
        columns = "position, topic, convert_from(state, 'UTF8')::jsonb -> 'call' ->> 'request_id'"
        with psycopg.connect(self._admin_url) as connection:
            return connection.execute(f"select {columns} from ledger.events order by position".encode()).fetchall()

    def recorded(self, told: Mapping[str, Any]) -> list[str]:
        return [topic for _, topic, request_id in self.events() if request_id == told["RequestId"]]


@asynccontextmanager
async def working(url: str, postgres: OwnPostgres, place: TokenPlace) -> AsyncIterator[Worker]:
    settings = read_settings(
        DATABASE_URL=url,
        hsm_uri=place.uri,
        regions=(REGION,),
        default_region=REGION,
        commit_timeout_seconds=5,
    )
    root = new_root_credentials()
    async with opened(settings) as parts:
        set_up = SetUp(parts.writer, parts.reader, parts.hsm, parts.hsm, lambda: datetime.now(UTC))
        await set_up.open_regions(settings.regions)
        await set_up.ensure_root(root)
    async with assembled(settings) as (dispatcher, _):
        yield Worker(dispatcher, root, postgres.admin_url)


@pytest.mark.parametrize("loses", ["the acknowledgement", "the request"])
async def test_a_use_whose_commit_is_cut_off_is_answered_and_recorded_once(
    own_postgres: OwnPostgres, token_place: TokenPlace, loses: str
) -> None:
    async with CuttingProxy(own_postgres.service_url) as proxy, working(proxy.url, own_postgres, token_place) as worker:
        key_id = await worker.key()
        await worker.succeeds("Encrypt", {"KeyId": key_id, "Plaintext": "before"})
        for number in range(TIMES):
            proxy.lose_answer() if loses == "the acknowledgement" else proxy.lose_request()
            told = await worker.succeeds("Encrypt", {"KeyId": key_id, "Plaintext": f"secret {number}"})
            assert worker.recorded(told) == ["kms.key.used"]
            blob = {"CiphertextBlob": told["CiphertextBlob"]}
            assert (await worker.until_it_succeeds("Decrypt", blob))["Plaintext"] == f"secret {number}"
        assert proxy.lost == TIMES
        positions = [position for position, _, _ in worker.events()]
        assert positions == list(range(1, len(positions) + 1))


@pytest.mark.parametrize("loses", ["the acknowledgement", "the request"])
async def test_a_key_whose_commit_is_cut_off_is_made_once(
    own_postgres: OwnPostgres, token_place: TokenPlace, loses: str
) -> None:
    async with CuttingProxy(own_postgres.service_url) as proxy, working(proxy.url, own_postgres, token_place) as worker:
        await worker.key()
        for _ in range(TIMES):
            proxy.lose_answer() if loses == "the acknowledgement" else proxy.lose_request()
            told = await worker.succeeds("CreateKey")
            assert worker.recorded(told) == ["kms.key.created"]
        assert proxy.lost == TIMES
        listed = await worker.until_it_succeeds("ListKeys", {})
        assert listed["TotalCount"] == TIMES + 1


async def test_a_full_disk_releases_nothing_and_is_over_when_there_is_room(disk: Disk, token_place: TokenPlace) -> None:
    async with working(disk.postgres.service_url, disk.postgres, token_place) as worker:
        key_id = await worker.key()
        wanted = {"KeyId": key_id, "Plaintext": "a" * 4_000, "EncryptionContext": json.dumps({"much": "x" * 8_000})}
        await worker.succeeds("Encrypt", wanted)
        disk.fill()
        async with asyncio.timeout(60):
            while (refused := await worker.ask("Encrypt", wanted))[0] == 200:
                pass  # what PostgreSQL had allocated before is used up first
        status, told = refused
        assert (status, told["Code"]) == (503, "ServiceUnavailableTemporary")
        assert "CiphertextBlob" not in told
        disk.free()
        done = await worker.until_it_succeeds("Encrypt", wanted)
        assert worker.recorded(done) == ["kms.key.used"]
        assert worker.recorded(told) == []
        positions = [position for position, _, _ in worker.events()]
        assert positions == list(range(1, len(positions) + 1))


async def test_a_stopped_database_is_told_in_a_code_and_found_again(
    own_postgres: OwnPostgres, token_place: TokenPlace
) -> None:
    async with working(own_postgres.service_url, own_postgres, token_place) as worker:
        key_id = await worker.key()
        wanted = {"KeyId": key_id, "Plaintext": "a"}
        await worker.succeeds("Encrypt", wanted)
        await asyncio.to_thread(own_postgres.server.stop)
        status, told = await worker.ask("Encrypt", wanted)
        assert (status, told["Code"], "CiphertextBlob" in told) == (503, "ServiceUnavailableTemporary", False)
        await asyncio.to_thread(own_postgres.server.start)
        assert worker.recorded(await worker.until_it_succeeds("Encrypt", wanted)) == ["kms.key.used"]
        assert worker.recorded(told) == []
