"""Exports that do not come to their end: nothing that was cut looks whole, and nothing goes on that nobody takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import psycopg
import pytest

from adapters.ledger.connection import connect
from api.audit.trail import Trail
from domain.audit.filters import read_filters
from domain.errors import TooManyRequests
from projections.audit_export import Form
from projections.pages import Connection
from tests.fixtures import signed
from tests.fixtures.accounts import another_account
from tests.fixtures.service import Service, eventually, running

ROWS = 60_000
"""More than what sockets and buffers hold."""

DOORS = ["REST", "RPC"]


@pytest.fixture(scope="module")
def busy() -> Iterator[Service]:
    with running(workers=1) as started:
        eventually(lambda: filled(started), what="a trail")
        yield started


def filled(service: Service) -> bool:
    """Copies of the account's oldest event, before all others."""
    columns = (
        "recorded_at, called_at, topic, operation, outcome, account_id, principal, principal_kind, principal_id,"
        " user_name, access_key_id, region_id, user_agent, secure_transport, request_id, occurrences, sentence, profile"
    )
    with psycopg.connect(service.superuser_url) as connection:
        made = connection.execute(
            f"insert into projections.audit_trail (position, {columns})"
            f" select -n, {columns} from generate_series(1, %s) n, (select {columns} from projections.audit_trail"
            " where account_id = %s order by position limit 1) r".encode(),
            (ROWS, service.account_id),
        )
        return made.rowcount == ROWS


def request(service: Service, door: str) -> signed.Raw:
    if door == "RPC":
        return signed.rpc(service.root, "ExportEvents", {}, version="2026-11-25")
    return signed.Raw("GET", "/audit/export", signed.basic(service.root))


def exports(service: Service, *, end: bool = False) -> int:
    """Statements under way; all of them ended where ``end``, as an administrator would."""
    what = "count(pg_terminate_backend(pid))" if end else "count(*)"
    with psycopg.connect(service.superuser_url, autocommit=True) as connection:
        statement = f"select {what} from pg_stat_activity where application_name = 'key-ledger export'"
        (count,) = connection.execute(statement.encode()).fetchone() or (0,)
    return int(count)


def wire(service: Service, raw: signed.Raw) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"host": service.address, **raw.headers}.items())
    return f"{raw.method} {raw.target} HTTP/1.1\r\n{lines}\r\n".encode()


@pytest.mark.parametrize("door", DOORS)
def test_a_long_export_arrives_whole(busy: Service, door: str) -> None:
    assert busy.send(request(busy, door)).text.count("\n") >= ROWS
    assert exports(busy) == 0


@pytest.mark.parametrize("door", DOORS)
def test_a_client_that_goes_away_ends_the_statement(busy: Service, door: str) -> None:
    for _ in range(4):  # more than may be under way at once
        with busy.connect() as connection:
            connection.sendall(wire(busy, request(busy, door)))
            assert connection.recv(12) == b"HTTP/1.1 200"
            assert exports(busy) == 1
        eventually(lambda: exports(busy) == 0, what="the end of the export")
    assert busy.is_ready()
    assert "Traceback" not in "".join(file.read_text() for file in (busy.folder / "log").glob("api*.log"))


@pytest.mark.parametrize("door", DOORS)
def test_an_export_that_is_cut_has_no_end_that_looks_like_one(busy: Service, door: str) -> None:
    raw = request(busy, door)
    with busy.connect() as connection:
        connection.sendall(wire(busy, raw))
        answer = connection.recv(4_096)
        assert exports(busy, end=True) == 1
        while part := _received(connection):
            answer += part
    assert answer.startswith(b"HTTP/1.1 200")
    assert not answer.endswith(b"0\r\n\r\n")
    assert busy.rpc("DescribeRegions").status_code == 200


def _received(connection: object) -> bytes:
    try:
        return connection.recv(65_536)  # type: ignore[attr-defined,no-any-return]
    except OSError:
        return b""


def test_an_account_has_one_export_at_a_time_and_others_have_theirs(busy: Service) -> None:
    """Of each process, so that whoever reads slowly keeps nobody else from reading."""
    other = another_account(busy)
    with busy.connect() as held:
        held.sendall(wire(busy, request(busy, "REST")))
        assert held.recv(12) == b"HTTP/1.1 200"
        answer = busy.rest("GET", "/audit/export")
        assert (answer.status_code, answer.json()["Code"]) == (429, "Rejected.Throttling")
        assert busy.rest("GET", "/audit/events", params={"limit": 1}).status_code == 200
        assert busy.rest("GET", "/audit/export", headers=signed.basic(other.root)).status_code == 200
    eventually(lambda: busy.rest("GET", "/audit/export").status_code == 200, what="room")


async def test_more_exports_than_a_process_has_room_for_are_turned_away() -> None:
    @asynccontextmanager
    async def never_connected() -> AsyncIterator[Connection]:
        await asyncio.Event().wait()
        yield await connect("", "nobody gets here")

    async def export(account_id: str) -> None:
        async for _ in trail.exported(account_id, read_filters({}), 1, Form.CSV, descending=False):
            pass

    trail = Trail(never_connected, never_connected)
    under_way = [asyncio.create_task(export(account_id)) for account_id in ("1", "2")]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests):
        trail.admit_export("3")
    for task in under_way:
        task.cancel()
    await asyncio.gather(*under_way, return_exceptions=True)
    trail.admit_export("3")


def test_an_export_does_not_keep_others_from_their_keys(busy: Service) -> None:
    key_id = busy.create_key()
    with busy.http() as client, client.stream("GET", "/audit/export", headers=signed.basic(busy.root)) as answer:
        lines = 0
        for chunk in answer.iter_bytes():
            lines += chunk.count(b"\n")
            if lines < ROWS / 2:
                assert busy.encrypt(key_id)
                lines += ROWS // 8
    assert isinstance(answer, httpx.Response)
