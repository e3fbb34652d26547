"""The ASGI application: ``/`` goes to the RPC endpoint directly, everything else through FastAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http.client import METHOD_NOT_ALLOWED
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from api.dispatch import Dispatcher
from api.health import Check, health_router
from api.rest import as_response, rest_router
from api.rpc import Receive, RpcEndpoint, Scope, Send
from api.wire import failure
from domain.errors import UnknownOperation, UnsupportedHttpMethod

DESCRIPTION = """\
A self-hosted Key Management Service that speaks Alibaba Cloud KMS (API 2016-01-20).

These routes do what the RPC endpoint `/` does, for people and scripts: sign with HTTP Basic (access-key id and secret,
over TLS), or with any of Alibaba's signatures. Every answer is given after its event is in the ledger.

The routes under `/audit` answer who did what, when, with which key, and what came of it, to whoever may ask: the system
policy `KeyLedgerAuditReadOnlyAccess` suffices, and needs no permission on any key. Every such answer says up to which
position of the ledger it knows events (`as_of`), and whether that is all (`complete`); `wait=true` waits for all that
was recorded before the question.
"""


SECURITY_SCHEMES: Final = {
    "AccessKey": {
        "type": "http",
        "scheme": "basic",
        "description": "Access-key id and secret, over TLS. Programs sign with ACS3-HMAC-SHA256 instead.",
    }
}
"""By the names that the routes refer to."""


def _described(application: FastAPI) -> FastAPI:
    """``application`` with the security schemes in its description: without them its page cannot say who asks."""
    plain = application.openapi

    def openapi() -> dict[str, Any]:
        return {**plain(), "components": {"securitySchemes": SECURITY_SCHEMES}}

    application.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way of extending OpenAPI
    return application


def _no_route(dispatcher: Dispatcher) -> Callable[[Request, Exception], Awaitable[Response]]:
    """A path or a method that there is no route for, in Alibaba's shape like every other error."""

    async def answer(request: Request, error: Exception) -> Response:
        allowed = _allowed(error)
        refusal = _other_method(allowed) if allowed else UnknownOperation(request.url.path)
        return as_response(failure(refusal, dispatcher.new_request_id(), request.headers.get("host", "")))

    return answer


def _allowed(error: Exception) -> str:
    """The methods of a path that is there; empty where none is."""
    if isinstance(error, HTTPException) and error.status_code == METHOD_NOT_ALLOWED:
        return (error.headers or {}).get("Allow", "GET or POST")
    return ""


def _other_method(allowed: str) -> UnsupportedHttpMethod:
    return UnsupportedHttpMethod(f"This http method is not supported. Use {allowed}.")


class Application:
    """:param checks: of ``/readyz``."""

    def __init__(self, dispatcher: Dispatcher, checks: Mapping[str, Check]) -> None:
        self.endpoint = dispatcher
        self._rpc = RpcEndpoint(dispatcher)
        self._rest = _described(
            FastAPIOffline(title="Key Ledger", version="2016-01-20", description=DESCRIPTION, redoc_url=None)
        )
        self._rest.include_router(rest_router(dispatcher))
        self._rest.include_router(health_router(checks))
        self._rest.add_exception_handler(HTTPException, _no_route(dispatcher))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/":
            await self._rpc(scope, receive, send)
        else:
            await self._rest(scope, receive, send)
