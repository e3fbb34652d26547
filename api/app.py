"""The ASGI application: ``/`` goes to the RPC endpoint directly, everything else through FastAPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from api.dispatch import Dispatcher
from api.health import Check, health_router
from api.rest import rest_router
from api.rpc import Receive, RpcEndpoint, Scope, Send

DESCRIPTION = """\
A self-hosted Key Management Service that speaks Alibaba Cloud KMS (API 2016-01-20).

These routes do what the RPC endpoint `/` does, for people and scripts: sign with HTTP Basic (access-key id and secret,
over TLS), or with any of Alibaba's signatures. Every answer is given after its event is in the ledger.
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


class Application:
    """:param checks: of ``/readyz``."""

    def __init__(self, dispatcher: Dispatcher, checks: Mapping[str, Check]) -> None:
        self._rpc = RpcEndpoint(dispatcher)
        self._rest = _described(
            FastAPIOffline(title="Key Ledger", version="2016-01-20", description=DESCRIPTION, redoc_url=None)
        )
        self._rest.include_router(rest_router(dispatcher))
        self._rest.include_router(health_router(checks))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/":
            await self._rpc(scope, receive, send)
        else:
            await self._rest(scope, receive, send)
