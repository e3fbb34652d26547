"""Reading the ledger: what stands there, and a plain error in time where it cannot be told."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import psycopg
import pytest

from adapters.ledger.reader import Change, LedgerReader
from adapters.ledger.writer import LedgerWriter
from domain import account as accounts
from domain.errors import ServiceUnavailable
from domain.ports import SealedSecret, Submission
from domain.vocabulary import Operation
from tests.fixtures.cutting_proxy import CuttingProxy
from tests.fixtures.ledger import ACCOUNT, MadeKey, a_call, a_disabling, a_new_key, a_use
from tests.fixtures.postgres import LedgerDatabase


@pytest.fixture
async def made(ledger_database: LedgerDatabase) -> MadeKey:
    """A key, a use of it and a change of it: positions 1, 2 and 3."""
    writer = LedgerWriter(ledger_database.service_url)
    await writer.start()
    key = a_new_key()
    for submission in (key.submission, a_use(key.key), a_disabling(key.key)):
        await writer.append(submission)
    await writer.close()
    return key


@pytest.fixture
async def proxy(ledger_database: LedgerDatabase) -> AsyncIterator[CuttingProxy]:
    async with CuttingProxy(ledger_database.service_url) as between:
        yield between


@pytest.fixture
async def reader(proxy: CuttingProxy) -> AsyncIterator[LedgerReader]:
    opened = LedgerReader(proxy.url, size=2, read_seconds=1.0)
    await opened.start()
    yield opened
    await opened.close()


async def test_it_reads_streams_material_changes_and_the_head(reader: LedgerReader, made: MadeKey) -> None:
    key, version = made.key.key_id, made.key.primary_key_version
    assert [event.TOPIC for event in await reader.stream(key)] == ["kms.key.created", "kms.key.disabled"]
    assert await reader.material_of(key, version) == made.submission.material[0].material
    assert await reader.key_of_version(version) == key
    created, disabled = Change(1, key, 1, "kms.key.created"), Change(3, key, 2, "kms.key.disabled")
    assert await reader.changes_after(0) == [created, disabled]
    assert await reader.changes_after(1, limit=1) == [disabled]
    assert await reader.versions([key, a_call().stream]) == {key: 2}
    assert await reader.head() == 3


async def test_what_is_not_there_is_none(reader: LedgerReader, made: MadeKey) -> None:
    nobody = a_call().stream
    assert await reader.stream(nobody) == []
    assert await reader.material_of(nobody, made.key.primary_key_version) is None
    assert await reader.key_of_version(nobody) is None
    assert await reader.secret("LTAI-nobody") is None


async def test_it_reads_sealed_secrets(ledger_database: LedgerDatabase, reader: LedgerReader) -> None:
    writer = LedgerWriter(ledger_database.service_url)
    await writer.start()
    call, secret = a_call(Operation.SET_UP), SealedSecret("LTAI1", ACCOUNT, bytes(range(256)))
    opened = accounts.open_account(call, ACCOUNT, "LTAI1")
    await writer.append(Submission(events=opened, claim=call.stream, secrets=(secret,)))
    await writer.close()
    assert await reader.secret("LTAI1") == secret


async def test_a_server_that_hangs_is_an_error_in_time_and_found_again(
    proxy: CuttingProxy, reader: LedgerReader, made: MadeKey
) -> None:
    assert await reader.head() == 3
    proxy.hang()
    begun = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        await reader.head()
    assert time.monotonic() - begun < 15.0
    proxy.flow()
    assert await _head_again(reader) == 3


async def test_a_read_over_connections_that_were_ended_is_tried_again(
    ledger_database: LedgerDatabase, reader: LedgerReader, made: MadeKey
) -> None:
    assert await reader.head() == 3
    with psycopg.connect(ledger_database.admin_url) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid()"
        )
    assert await reader.head() == 3


async def test_questions_of_several_statements_find_no_connection_that_was_ended(
    ledger_database: LedgerDatabase,
) -> None:
    reader = LedgerReader(ledger_database.service_url, size=3, tried=True)
    await reader.start()
    ready = [reader.connection() for _ in range(3)]
    for one in ready:
        await one.__aenter__()
    for one in ready:
        await one.__aexit__(None, None, None)
    with psycopg.connect(ledger_database.admin_url) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            " and pid <> pg_backend_pid()"
        )
    for _ in range(3):
        async with reader.connection() as found, found.transaction():
            await found.execute("select 1")
    await reader.close()


async def _head_again(reader: LedgerReader) -> int:
    """After at most one more error, and the time that the pool takes to connect."""
    deadline = time.monotonic() + 15
    while True:
        try:
            return await reader.head()
        except ServiceUnavailable:
            assert time.monotonic() < deadline
