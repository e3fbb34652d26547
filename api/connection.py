"""One connection's HTTP/1.1, with bounds that uvicorn does not have: how large a head, how slow a request may be.

Nobody needs an access key to open a connection, so nobody may make a worker keep an endless head in memory, or hold
connections open by sending a byte a minute. Bodies are bounded where they are read.

GET and POST of ``/`` are uses of keys: they go to the dispatcher as an :class:`~api.exchange.Exchange`, every other
request through ASGI. Both stand in uvicorn's one pipeline, so answers leave in the order of the questions.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any, Final, Protocol, runtime_checkable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.exchange import Endpoint, Exchange
from api.head import Head
from api.streaming import PATIENCE_SECONDS, StreamCut, watched
from api.wire import Answer

HEAD_BYTES_MAX: Final = 262_144
"""Request line and headers. What fits is refused, where it is too much, by :mod:`adapters.signatures.form` in words."""

FRAMING_BYTES_MAX: Final = 2_097_152
"""Head, sizes of chunks, and what follows the last one. A body of 256 KiB in chunks of one byte takes 1.5 MiB."""

URL_BYTES_MAX: Final = 65_535
"""What httptools can take apart (16-bit offsets). A full plaintext with a full context of Chinese takes 84 KB."""

ARRIVAL_SECONDS: Final = 30.0
"""For a whole request to arrive, counted from its first byte; of a new connection, from the connection's beginning."""

FAREWELL_SECONDS: Final = 1.0
"""For the answer to reach a client that is cut off."""

_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\ncontent-length: 50\r\n"
    b"connection: close\r\n\r\nRequest line and headers have at most 256 KiB here"
)


class Refused(Exception):
    """The request's head is nothing to go on with. The parser wraps it, and uvicorn answers 400 and closes."""


_DIRECT_METHODS: Final = {b"GET": "GET", b"POST": "POST"}


@runtime_checkable
class HasEndpoint(Protocol):
    """An ASGI application whose ``/`` can be asked without ASGI."""

    endpoint: Endpoint


class Connection(HttpToolsProtocol):
    _endpoint: Endpoint | None = None
    _exchange: Exchange | None = None
    """The direct request that is arriving."""
    _requests: int = 0
    """That have begun to arrive."""
    _framing_bytes: int = 0
    """Of the request that is arriving, all but its body; at most as many as these."""
    _framing_bytes_max: int = HEAD_BYTES_MAX
    _awaited_since: float | None = None
    """When the request that has not wholly arrived began."""
    _asleep_since: float | None = None
    """When the last answer left, until the next request begins."""
    _watch: asyncio.TimerHandle | None = None
    _streaming: asyncio.Task[None] | None = None
    """What sends an answer without a known end."""
    _why: str | None = None
    """It is refused."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._head = Head()
        # The parser takes it from here: one call less for each header.
        self.on_header = self._head.add  # type: ignore[method-assign]
        super().__init__(*arguments, **options)
        self.headers = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if isinstance(self.app, HasEndpoint):
            self._endpoint = self.app.endpoint
        self._awaited_since = self.loop.time()
        self._watch = self.loop.call_later(ARRIVAL_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._streaming is not None:
            # Perhaps it waits for rows: nobody would tell it before there are some.
            self._streaming.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._requests
        super().data_received(data)
        # A head that began behind a body in these data is counted from the next ones on.
        if self._requests == before and self._awaited_since is not None:
            self._framing_bytes += len(data)
            if self._framing_bytes > self._framing_bytes_max:
                self._refuse_framing()

    # --- what the parser finds ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Without ASGI's scope: that is made when it is known to be needed."""
        self.url = b""
        self._head.begin()
        self._framing_bytes, self._framing_bytes_max = 0, HEAD_BYTES_MAX
        self._requests, self._awaited_since, self._asleep_since = self._requests + 1, self.loop.time(), None

    def on_headers_complete(self) -> None:
        self._framing_bytes_max = FRAMING_BYTES_MAX
        version = self.parser.get_http_version()
        self._why = self._head.refusal(version)
        if self._why is not None:
            raise Refused(self._why)
        self.expect_100_continue = self._head.expects_continue
        method = _DIRECT_METHODS.get(self.parser.get_method())
        if method is None or self._endpoint is None or not (self.url[:2] == b"/?" or self.url == b"/"):
            self._exchange = None
            self._begin_asgi()
        else:
            self._begin_exchange(method, version)
        # Fields behind a chunked body are none of the head (RFC 9110 section 6.5.1): whoever passes the request on may
        # have added them, and nobody would look for a signature of them there.
        self._head.begin()
        self.headers = []

    def _begin_exchange(self, method: str, version: str) -> None:
        keep_alive = version != "1.0" and self.parser.should_keep_alive()
        exchange = Exchange(method, self.url, self._head.headers, keep_alive, self.cycle)
        self._exchange = exchange
        self.cycle = exchange  # type: ignore[assignment]  # it has what the protocol asks of a cycle
        if self.expect_100_continue and exchange.is_next:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._framing_bytes -= len(body)
        exchange = self._exchange
        if exchange is None:
            super().on_body(body)
        elif not exchange.add(body) and exchange.more_body:
            self._ask(exchange)

    def on_message_complete(self) -> None:
        self._awaited_since = None
        exchange = self._exchange
        if exchange is None:
            super().on_message_complete()
        elif exchange.more_body:
            self._ask(exchange)

    def _begin_asgi(self) -> None:
        url, expects = self.url, self.expect_100_continue
        super().on_message_begin()
        self.headers += self._head.pairs()
        self.url, self.expect_100_continue = url, expects
        if len(url) <= URL_BYTES_MAX:
            super().on_headers_complete()
            return
        self.url, _, query = url.partition(b"?")
        super().on_headers_complete()
        # The application starts at the loop's next turn, so it sees this.
        self.scope["query_string"] = query.partition(b"#")[0]

    # --- direct requests ---------------------------------------------------------------------------------------------

    def _ask(self, exchange: Exchange) -> None:
        """The request is there as far as it is wanted: answer it when its turn comes."""
        exchange.more_body = False
        if exchange.is_next and not self.pipeline:
            self._start_asgi_task(exchange, None)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, None))  # type: ignore[arg-type]

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Uvicorn's own, which it calls for the next one of the pipeline too."""
        if not isinstance(cycle, Exchange):
            super()._start_asgi_task(cycle, app)
            return
        client = self.client
        request = cycle.request(client[0] if client else "", self.scheme == "https")
        assert self._endpoint is not None, "an exchange is made where there is an endpoint"
        if cycle.too_large:
            self._answer(cycle, self._endpoint.too_large())
            return
        task = self.loop.create_task(self._endpoint.rpc(request))
        self.tasks.add(task)  # type: ignore[arg-type]  # uvicorn waits for it, and asks for no result
        task.add_done_callback(partial(self._answered, cycle))

    def _answered(self, exchange: Exchange, task: asyncio.Task[Answer]) -> None:
        """All requests of a commit are answered in the same turn of the loop, and their answers written in the next
        one: what TLS needs is in the processor's caches then, which it would be thrown out of by each one's Python."""
        self.tasks.discard(task)
        if not task.cancelled():
            self._answer(exchange, task.result())

    def _answer(self, exchange: Exchange, answer: Answer) -> None:
        if self.flow.write_paused or answer.chunks is not None:
            task = self.loop.create_task(self._answer_in_time(exchange, answer))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
            return
        exchange.response_complete = True
        if exchange.disconnected or self.transport.is_closing():
            return
        self.transport.write(exchange.written(self.server_state.default_headers, answer))
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    async def _answer_in_time(self, exchange: Exchange, answer: Answer) -> None:
        """When there is room for it, and rows."""
        if self.flow.write_paused:
            await self.flow.drain()
        if answer.chunks is None:
            self._answer(exchange, answer)
        else:
            await self._stream(exchange, answer, answer.chunks)

    async def _stream(self, exchange: Exchange, answer: Answer, chunks: AsyncGenerator[bytes, None]) -> None:
        """Chunk by chunk (RFC 9112 section 7.1), for as long as there is somebody; see :mod:`api.streaming`."""
        self._streaming = asyncio.current_task()
        async with contextlib.aclosing(chunks):
            try:
                self.transport.write(exchange.written(self.server_state.default_headers, answer))
                async for chunk in watched(chunks):
                    if self.flow.write_paused:
                        async with asyncio.timeout(PATIENCE_SECONDS):
                            await self.flow.drain()
                    if exchange.disconnected or self.transport.is_closing():
                        return
                    self.transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            except (StreamCut, TimeoutError):
                self.transport.abort()
                return
            finally:
                self._streaming = None
        self.transport.write(b"0\r\n\r\n")
        exchange.response_complete = True
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        """Uvicorn's own, without its timer for each answer: :meth:`_look` finds who is asleep as well."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._asleep_since = self.loop.time()

    # --- the end -----------------------------------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Closing politely would wait for the farewell of clients that are asleep, and with it hold up the restart."""
        idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        super().shutdown()
        if idle and not self.transport.get_write_buffer_size():
            self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(self._why or msg)

    def _refuse_framing(self) -> None:
        """Not closed politely: TLS would go on reading, for as long as it waits for the client's farewell."""
        self._awaited_since = None
        if self._framing_bytes_max == HEAD_BYTES_MAX:
            self.transport.write(_TOO_LARGE)
        self.transport.pause_reading()
        self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)

    def _look(self) -> None:
        """One timer a connection, not one a request: who is late or asleep is found within half a minute."""
        awaited, asleep, now = self._awaited_since, self._asleep_since, self.loop.time()
        if awaited is not None and now - awaited >= ARRIVAL_SECONDS:
            self.transport.abort()
        else:
            if asleep is not None and now - asleep >= self.timeout_keep_alive:
                self.transport.close()
            self._watch = self.loop.call_later(ARRIVAL_SECONDS, self._look)
