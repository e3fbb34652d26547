"""The bounds of one connection, in this process and with short times: the late are cut off, those asleep are left.

Each for both ways that a request can go: through ASGI, and directly to the endpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from api import connection
from api.dispatch import Request
from api.wire import Answer

ASKED = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
NO_HOST, CODED = b"The header Host is missing", b"Transfer-Encoding is not understood"


async def _application(scope: Any, receive: Any, send: Any) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    answer = b"%d" % len(scope["query_string"] + body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


class _Endpoint:
    """Answers how long query and body are, as ``_application`` does."""

    async def rpc(self, request: Request) -> Answer:
        assert (request.path, request.source_ip, request.secure) == (b"/", "127.0.0.1", False)
        body = b"%d" % len(request.query + request.body)
        return Answer(200, [(b"content-length", b"%d" % len(body))], body)

    def too_large(self) -> Answer:
        return Answer(400, [(b"content-length", b"0")], b"")


class _Direct:
    endpoint = _Endpoint()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await _application(scope, receive, send)


@pytest.fixture(params=["asgi", "direct"], autouse=True)
def application(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_SERVED, "application", _application if request.param == "asgi" else _Direct())


_SERVED: dict[str, Any] = {}


@contextlib.asynccontextmanager
async def _serving() -> AsyncIterator[tuple[uvicorn.Server, int]]:
    configuration = uvicorn.Config(
        _SERVED["application"],
        port=0,
        http=connection.Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        # As the service has it. With it, what is served is a wrapper, which has no endpoint.
        proxy_headers=False,
        timeout_graceful_shutdown=20,
    )
    server = uvicorn.Server(configuration)
    serving = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  uvicorn tells it by nothing else
        await asyncio.sleep(0.01)
    try:
        yield server, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def _heard(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    heard = b""
    try:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        async with asyncio.timeout(30):
            while got := await reader.read(65_536):
                heard += got
    except ConnectionError:
        pass
    finally:
        writer.close()
    return heard


@pytest.mark.parametrize(
    "beginning",
    [b"", b"G", b"GET / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345"],
)
async def test_who_sends_nothing_more_is_cut_off(beginning: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ARRIVAL_SECONDS", 0.2)
    async with _serving() as (_, port):
        assert await _heard(port, beginning) == b""


async def test_a_second_request_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ARRIVAL_SECONDS", 0.5)
    async with _serving() as (_, port):
        heard = await _heard(port, *[ASKED] * 6, b"GET", pause=0.2)
    assert heard.count(b"HTTP/1.1 200") == 6


async def test_a_connection_asleep_between_requests_is_left_to_the_keep_alive_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "ARRIVAL_SECONDS", 0.1)
    async with _serving() as (_, port):
        heard = await _heard(port, ASKED, ASKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), pause=0.5)
    assert heard.count(b"HTTP/1.1 200") == 2


async def test_who_is_asleep_for_longer_than_the_keep_alive_time_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "ARRIVAL_SECONDS", 0.1)
    async with _serving() as (server, port):
        server.config.timeout_keep_alive = 1
        begun = asyncio.get_running_loop().time()
        heard = await _heard(port, ASKED, ASKED, pause=0.3)
        assert 1.2 < asyncio.get_running_loop().time() - begun < 3
    assert heard.count(b"HTTP/1.1 200") == 2


async def test_every_value_of_a_header_that_occurs_more_than_once_is_handed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Any] = []

    class Noting(_Endpoint):
        async def rpc(self, request: Request) -> Answer:
            seen.append(request.headers)
            return await super().rpc(request)

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["headers"])
        await _application(scope, receive, send)

    monkeypatch.setattr(_Direct, "endpoint", Noting())
    if not isinstance(_SERVED["application"], _Direct):
        monkeypatch.setitem(_SERVED, "application", noting)
    fields = b"Host: a\r\nVia: 1\r\nX: 2\r\nvia: 3\r\nVIA: 1\r\nConnection: close\r\n\r\n"
    async with _serving() as (_, port):
        await _heard(port, b"GET / HTTP/1.1\r\n" + fields)
    assert [value for name, value in seen[0] if name == b"via"] == [b"1", b"3", b"1"]
    assert {name for name, _ in seen[0]} == {b"host", b"via", b"x", b"connection"}


async def test_a_head_of_256_kib_is_refused_and_what_follows_a_large_body_is_not() -> None:
    async with _serving() as (_, port):
        heard = await _heard(port, b"GET / HTTP/1.1\r\nX: ", *[b"a" * 65_536] * 6)
        assert heard.startswith(b"HTTP/1.1 431 ")
        body = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 250000\r\n\r\n" + b"a" * 250_000
        last = ASKED.replace(b"\r\n\r\n", b"\r\nX: " + b"a" * 20_000 + b"\r\nConnection: close\r\n\r\n")
        heard = await _heard(port, body + body + last)
        assert heard.count(b"HTTP/1.1 200") == 3


@pytest.mark.parametrize("trailer", [b"X: " + b"a" * 4_000_000, b"X: a\r\n" * 800_000])
async def test_what_follows_a_chunked_body_is_not_kept_without_end(trailer: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    async with _serving() as (_, port):
        assert await _heard(port, head, *[trailer[at : at + 65_536] for at in range(0, len(trailer), 65_536)]) == b""


async def test_a_body_in_chunks_of_one_byte_arrives_whole() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    sent = head + b"1\r\na\r\n" * 250_000 + b"0\r\n\r\n"
    async with _serving() as (_, port):
        heard = await _heard(port, *[sent[at : at + 65_536] for at in range(0, len(sent), 65_536)])
    assert heard.endswith(b"250000")


@pytest.mark.parametrize("size", [10, 65_000, 65_530, 65_536, 130_000])
async def test_a_query_of_any_length_arrives_whole(size: int) -> None:
    asked = b"GET /?%b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" % (b"q" * size)
    async with _serving() as (_, port):
        heard = await _heard(port, asked)
    assert heard.endswith(b"\r\n\r\n%d" % size)


async def test_answers_leave_in_the_order_of_the_questions_whichever_way_they_go() -> None:
    """A PUT goes through ASGI; what stands behind it waits for its answer."""
    asked = [
        b"GET /?a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PUT /?bb HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
        b"POST /?ccc HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nc",
        b"PUT /?ddddd HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nd",
        b"GET /?eeeeeee HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    ]
    async with _serving() as (_, port):
        heard = await _heard(port, b"".join(asked))
    bodies = [part.rpartition(b"\r\n\r\n")[2] for part in heard.split(b"HTTP/1.1 200 OK")[1:]]
    assert bodies == [b"1", b"2", b"4", b"6", b"7"]


async def test_a_body_is_awaited_by_who_says_so_first() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n"
    async with _serving() as (_, port):
        heard = await _heard(port, head, b"abc", pause=0.2)
    assert heard.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")
    assert heard.endswith(b"\r\n\r\n3")


async def test_who_is_asleep_does_not_hold_up_the_end() -> None:
    async with _serving() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ASKED)
        await reader.readuntil(b"\r\n\r\n")
        server.should_exit = True
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                await reader.read()
        writer.close()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", NO_HOST),
        (b"PUT /v1/keys HTTP/1.1\r\nContent-Length: 0\r\n\r\n", NO_HOST),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", CODED),
        (b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", CODED),
        (
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            CODED,
        ),
        (b"POST / HTTP/1.0\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", CODED),
    ],
)
async def test_a_head_that_is_nothing_to_go_on_with_is_refused_in_words(asked: bytes, why: bytes) -> None:
    """RFC 9112, sections 3.2 and 6.1; and nothing behind it is answered."""
    async with _serving() as (_, port):
        heard = await _heard(port, asked + ASKED)
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert why in heard
    assert heard.count(b"content-length") == 1


@pytest.mark.parametrize(
    "asked",
    [
        b"GET /?abc HTTP/1.0\r\n\r\n",
        b"PUT /?abc HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost:\r\nTransfer-Encoding: Chunked \r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
)
async def test_http_1_0_needs_no_host_and_an_empty_one_is_one(asked: bytes) -> None:
    async with _serving() as (_, port):
        heard = await _heard(port, asked)
    assert heard.startswith(b"HTTP/1.1 200 ")
    assert heard.endswith(b"\r\n\r\n3")
