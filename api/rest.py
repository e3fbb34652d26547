"""The REST routes under ``/v1`` and ``/audit``, made from the table of operations, and what OpenAPI shows of them.

A route's parameters come from its path, its query and a JSON body, under Alibaba's names; then the call is the same as
on the RPC endpoint.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any, Final

import fastapi
from fastapi import APIRouter, Response

from api.action import Action, Parameter, Product
from api.dispatch import Dispatcher
from api.kms_answers import ANSWERS, ERROR
from api.operations import OPERATIONS
from api.rpc import BodyTooLarge, read_body, request_of
from api.streaming import StreamedResponse
from api.wire import Answer

_TAGS: Final = {Product.AUDIT: "audit trail"}
_SECURITY: Final[list[dict[str, list[str]]]] = [{"AccessKey": []}]


def rest_router(dispatcher: Dispatcher) -> APIRouter:
    router = APIRouter()
    for action in filter(attrgetter("route"), OPERATIONS.values()):
        method, path = action.route.split(" ")
        router.add_api_route(
            path.replace("}", ":path}"),  # an ARN has a slash
            _endpoint(dispatcher, action),
            methods=[method],
            tags=[_TAGS.get(action.product, "keys")],
            name=action.name,
            operation_id=action.name,
            summary=action.summary,
            description=f"{action.name}: RAM action `{action.ram_action}`, {action.effect.value}.",
            openapi_extra=_described(action, method, path),
            response_class=Response,
        )
    return router


def _endpoint(dispatcher: Dispatcher, action: Action) -> Callable[[fastapi.Request], Awaitable[Response]]:
    async def endpoint(request: fastapi.Request) -> Response:
        try:
            body = await read_body(request.receive)
        except BodyTooLarge:
            answer = dispatcher.too_large()
        else:
            answer = await dispatcher.rest(request_of(request.scope, body), action, request.path_params)
        return as_response(answer)

    return endpoint


def as_response(answer: Answer) -> Response:
    if answer.chunks is not None:
        return StreamedResponse(answer.status, answer.headers, answer.chunks)
    response = Response(answer.body, answer.status)
    response.raw_headers = list(answer.headers)
    return response


def _described(action: Action, method: str, path: str) -> dict[str, Any]:
    """The OpenAPI operation: path and query parameters, or a JSON body; answers and errors field by field."""
    in_path = [parameter for parameter in action.parameters if f"{{{parameter.name}}}" in path]
    others = [parameter for parameter in action.parameters if parameter not in in_path]
    described: dict[str, Any] = {
        "security": _SECURITY,
        "parameters": [_parameter(parameter, "path") for parameter in in_path],
        "responses": {
            "200": {
                "description": "Done and recorded",
                "content": action.answer or {"application/json": {"schema": ANSWERS[action.operation]}},
            },
            "default": {"description": "Refused", "content": {"application/json": {"schema": ERROR}}},
        },
    }
    if method == "GET":
        described["parameters"] += [_parameter(parameter, "query") for parameter in others]
    elif others:
        described["requestBody"] = _body(others)
    return described


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    schema, nested = _schema(parameter), parameter.kind in {"array", "object"}
    return {
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.text,
        # Outside a body, what is no single value is one JSON text, not a repeated parameter.
        **({"content": {"application/json": {"schema": schema}}} if nested else {"schema": schema}),
    }


def _body(parameters: list[Parameter]) -> dict[str, Any]:
    schema = {
        "type": "object",
        "required": [parameter.name for parameter in parameters if parameter.required],
        "properties": {
            parameter.name: {**_schema(parameter), "description": parameter.text} for parameter in parameters
        },
    }
    needed = any(parameter.required for parameter in parameters)
    return {"required": needed, "content": {"application/json": {"schema": schema}}}


def _schema(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.kind, "example": parameter.example}
    if parameter.kind == "object":
        schema["additionalProperties"] = {"type": "string"}
    if parameter.kind == "array":
        schema["items"] = {"type": "object"}
    return schema
