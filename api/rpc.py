"""The RPC endpoint ``/`` for requests that come as ASGI messages: methods it refuses, and servers other than ours.

GET and POST arrive as :class:`api.exchange.Exchange`, without ASGI. What the routes under ``/v1`` need of a framework,
:mod:`api.rest` has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from api.dispatch import Dispatcher, Request
from api.exchange import BODY_BYTES_MAX
from api.wire import Answer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class BodyTooLarge(Exception):
    """More than any operation needs."""


class RpcEndpoint:
    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await read_body(receive)
        except BodyTooLarge:
            await respond(send, self._dispatcher.too_large())
        else:
            await respond(send, await self._dispatcher.rpc(request_of(scope, body)))


def request_of(scope: Scope, body: bytes) -> Request:
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=scope.get("raw_path") or scope["path"].encode(),
        query=scope["query_string"],
        headers=scope["headers"],
        body=body,
        source_ip=client[0] if client else "",
        secure=scope["scheme"] == "https",
    )


async def read_body(receive: Receive) -> bytes:
    """:raises BodyTooLarge: beyond 256 KiB, without reading on."""
    message = await receive()
    if not message.get("more_body"):
        whole: bytes = message.get("body", b"")
        parts, size = [whole], len(whole)
    else:
        parts, size = [message["body"]], len(message["body"])
        while message.get("more_body") and size <= BODY_BYTES_MAX:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
    if size > BODY_BYTES_MAX:
        raise BodyTooLarge()
    return b"".join(parts)


async def respond(send: Send, answer: Answer) -> None:
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})
