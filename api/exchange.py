"""One request of the RPC endpoint and its answer, between a connection and the dispatcher, without ASGI in between.

ASGI carries a request as a scope, messages and three coroutines, and an answer as two more messages; that was a tenth
of what a use of a key costs. Everything that uvicorn's protocol asks of its own cycle of a request is here under the
same names, so pipelining, keep-alive and shutdown remain uvicorn's.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from adapters.signatures import Headers
from api.dispatch import Request
from api.wire import Answer

BODY_BYTES_MAX: Final = 262_144


class Endpoint(Protocol):
    """What answers requests of ``/``; never raises. :class:`api.dispatch.Dispatcher` is one."""

    def rpc(self, request: Request) -> Coroutine[Any, Any, Answer]: ...

    def too_large(self) -> Answer: ...


class Answered(Protocol):
    """A request, ours or one of uvicorn's cycles, that is answered or not."""

    response_complete: bool


class Waker:
    """Stands where uvicorn's cycle has an event for whoever waits for a body: nobody does, bodies are collected."""

    def set(self) -> None:
        return


_NOBODY: Final = Waker()


class Exchange:
    """:ivar more_body: it is still arriving, and wanted.
    :ivar response_complete: nothing more will be written. :ivar disconnected: there is nobody to write to.
    :ivar too_large: the body was longer than any operation needs; the rest of it is not kept.
    """

    __slots__ = (
        "_before", "_body", "_headers", "_method", "_size", "_url",
        "disconnected", "keep_alive", "message_event", "more_body", "response_complete", "too_large",
    )  # fmt: skip

    def __init__(self, method: str, url: bytes, headers: Headers, keep_alive: bool, before: Answered | None) -> None:
        """:param before: the request before this one on the same connection."""
        self._method = method
        self._url = url
        self._headers = headers
        self._before = before
        self._body: list[bytes] = []
        self._size = 0
        self.keep_alive = keep_alive
        self.more_body = True
        self.too_large = False
        self.response_complete = False
        self.disconnected = False
        self.message_event = _NOBODY

    @property
    def is_next(self) -> bool:
        """The request before this one was answered."""
        return self._before is None or self._before.response_complete

    def add(self, part: bytes) -> bool:
        """Keep a part of the body; False when that is one too many."""
        self._size += len(part)
        if self._size > BODY_BYTES_MAX:
            self.too_large = True
            self._body.clear()
            return False
        self._body.append(part)
        return True

    def request(self, source_ip: str, secure: bool) -> Request:
        # Now this is alone: a chain of all requests of a connection would be kept in memory otherwise.
        self._before = None
        query = self._url.partition(b"?")[2].partition(b"#")[0]
        return Request(self._method, b"/", query, self._headers, b"".join(self._body), source_ip, secure)

    def written(self, always: Sequence[tuple[bytes, bytes]], answer: Answer) -> bytes:
        """``answer`` as a whole: one TLS record, one system call. :param always: headers of every answer."""
        lines = [b"%b: %b\r\n" % header for header in (*always, *answer.headers)]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        return b"".join((STATUS_LINE[answer.status], *lines, b"\r\n", answer.body))
