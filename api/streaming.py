"""Answers without a known end: rows that leave as fast as the client takes them, in constant memory.

Such an answer is authenticated, permitted and recorded like every other one, and its first part is there, before its
status is sent. Its end is HTTP's own (RFC 9112 section 7.1: the last chunk); if anything fails on the way, the
connection ends without it, so that what was cut off cannot look whole. If the client goes away, what makes the parts
ends at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi import Response
from starlette.types import Receive, Scope, Send

_log = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 60.0
"""For the client to take one chunk: whoever takes none keeps a statement of the database open."""


class StreamCut(Exception):
    """The rest of an answer cannot be told. The server closes the connection without the last chunk."""


@dataclass(frozen=True, slots=True)
class Stream:
    """:param media_type: of all of it. :param file_name: that a browser suggests. :param chunks: not empty ones.
    :param headers: further ones: what is known of such an answer before its body.
    """

    media_type: str
    file_name: str
    chunks: AsyncGenerator[bytes, None]
    headers: Mapping[str, str]

    @classmethod
    async def begun(
        cls, media_type: str, file_name: str, chunks: AsyncGenerator[bytes, None], headers: Mapping[str, str]
    ) -> Stream:
        """With its first chunk made: what fails until then is still an answer of its own."""
        first = await anext(chunks, b"")
        return cls(media_type, file_name, _continued(first, chunks), headers)


async def _continued(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(rest):
        if first:
            yield first
        async for chunk in rest:
            if chunk:
                yield chunk


class StreamedResponse(Response):
    """For ASGI servers, which send chunks themselves. :param headers: ASGI's."""

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], chunks: AsyncGenerator[bytes, None]) -> None:
        super().__init__(status_code=status)
        self.raw_headers = headers
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            if not sending.done():
                sending.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled() and sending.exception() is not None:
            raise StreamCut from sending.exception()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with contextlib.aclosing(self._chunks):
            async for chunk in watched(self._chunks):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def watched(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """``chunks``; what goes wrong is logged.

    :raises StreamCut: something did.
    """
    try:
        async for chunk in chunks:
            yield chunk
    except Exception as error:
        _log.warning("stream.cut", reason=repr(error))
        raise StreamCut from error


async def _left(receive: Receive) -> None:
    """Until the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
