"""One connection's HTTP/1.1, with bounds that uvicorn does not have: how large a head, how slow a request may be.

Nobody needs an access key to open a connection, so nobody may make a worker keep an endless head in memory, or hold
connections open by sending a byte a minute. Bodies are bounded where they are read (:func:`api.rpc.read_body`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES_MAX: Final = 262_144
"""Request line and headers. What fits is refused, where it is too much, by :mod:`adapters.signatures.form` in words."""

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


def write_whole(send: object, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
    """Write an answer that is known as a whole at once; False where it must be sent as ASGI messages instead.

    Through ASGI the head and the body are two messages, and so two TLS records and two system calls, with every header
    checked for what only an application in error would send: a tenth of the cost of a use. ``send`` is the method of
    uvicorn's cycle of one request; what is done here is what it does, in the same order.
    """
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle) or cycle.response_started or cycle.disconnected:
        return False
    if cycle.flow.write_paused or cycle.scope["method"] == "HEAD":
        return False
    lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *headers)]
    if not cycle.keep_alive:
        lines.append(b"connection: close\r\n")
    cycle.response_started, cycle.waiting_for_100_continue = True, False
    cycle.transport.write(b"".join((STATUS_LINE[status], *lines, b"\r\n", body)))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


class Connection(HttpToolsProtocol):
    _head_bytes: int | None = 0
    """Of the head that is arriving; None while none is."""
    _awaited_since: float | None = None
    """When the request that has not wholly arrived began."""
    _watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._awaited_since = self.loop.time()
        self._watch = self.loop.call_later(ARRIVAL_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._head_bytes
        super().data_received(data)
        # A head that began behind a body in these data is counted from the next ones on.
        if before is not None and self._head_bytes == before:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._refuse_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._awaited_since = 0, self.loop.time()

    def on_headers_complete(self) -> None:
        self._head_bytes = None
        if len(self.url) <= URL_BYTES_MAX:
            super().on_headers_complete()
            return
        self.url, _, query = self.url.partition(b"?")
        super().on_headers_complete()
        # The application starts at the loop's next turn, so it sees this.
        self.scope["query_string"] = query.partition(b"#")[0]

    def on_message_complete(self) -> None:
        self._awaited_since = None
        super().on_message_complete()

    def shutdown(self) -> None:
        """Closing politely would wait for the farewell of clients that are asleep, and with it hold up the restart."""
        idle = self.cycle is None or self.cycle.response_complete  # type: ignore[redundant-expr]  # None at first
        super().shutdown()
        if idle and not self.transport.get_write_buffer_size():
            self.transport.abort()

    def _refuse_head(self) -> None:
        """Not closed politely: TLS would go on reading, for as long as it waits for the client's farewell."""
        self._head_bytes = None
        self.transport.write(_TOO_LARGE)
        self.transport.pause_reading()
        self.loop.call_later(FAREWELL_SECONDS, self.transport.abort)

    def _look(self) -> None:
        """One timer a connection, not one a request: what is late is found within twice the time."""
        since = self._awaited_since
        if since is not None and self.loop.time() - since >= ARRIVAL_SECONDS:
            self.transport.abort()
        else:
            self._watch = self.loop.call_later(ARRIVAL_SECONDS, self._look)
