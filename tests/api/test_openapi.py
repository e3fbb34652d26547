"""The OpenAPI description: made from the table, readable without the internet, true under generated requests."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from api import operations as table
from api.app import DESCRIPTION, Application
from tests.fixtures import signed
from tests.fixtures.service import Service

OPERATIONS = {action.name: action for action in table.OPERATIONS.values() if action.route}
ROUTES = {name: action.route for name, action in OPERATIONS.items()}


@pytest.fixture(scope="module")
def described(service: Service) -> dict[str, Any]:
    with service.http() as client:
        found: dict[str, Any] = client.get("/openapi.json").json()
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_is_described_as_the_table_has_it(described: dict[str, Any], operation: str) -> None:
    method, path = ROUTES[operation].split(" ")
    found = described["paths"][path][method.lower()]
    assert found["operationId"] == operation
    in_body = found.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    names = {parameter["name"] for parameter in found["parameters"]} | in_body.get("properties", {}).keys()
    assert names == {parameter.name for parameter in OPERATIONS[operation].parameters}
    required = {parameter["name"] for parameter in found["parameters"] if parameter["required"]}
    assert required | set(in_body.get("required", [])) == {
        parameter.name for parameter in OPERATIONS[operation].parameters if parameter.required
    }


def test_the_page_can_say_who_asks(described: dict[str, Any]) -> None:
    schemes = described["components"]["securitySchemes"]
    assert schemes["AccessKey"]["scheme"] == "basic"
    for path, operations in described["paths"].items():
        if path.startswith("/v1/"):
            assert all(operation["security"] == [{"AccessKey": []}] for operation in operations.values())


def test_the_page_needs_nothing_from_elsewhere(service: Service) -> None:
    with service.http() as client:
        page = client.get("/docs")
        assert page.status_code == 200
        wanted = re.findall(r"(?:src|href)=\"([^\"]+)\"", page.text) + re.findall(r"url: '([^']+)'", page.text)
        assert wanted
        for address in wanted:
            assert address.startswith("/"), address
            assert client.get(address).status_code == 200


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whatever_the_description_allows_or_forbids_is_no_crash(
    service: Service, described: dict[str, Any], operation: str, mode: GenerationMode
) -> None:
    method, path = ROUTES[operation].split(" ")
    strategy = schemathesis.openapi.from_dict(described)[path][method].as_strategy(generation_mode=mode)
    with requests.Session() as session:
        session.trust_env = False

        @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=strategy)
        def ask(case: schemathesis.Case[Any]) -> None:
            answer = case.call(
                base_url=service.endpoint, session=session, headers=signed.basic(service.root), verify=service.ca_file
            )
            assert answer.status_code < 500, answer.text

        ask()
    assert service.is_ready()


async def test_the_description_needs_no_service() -> None:
    """So that it can be read before anything is set up."""
    application = Application(None, {})  # type: ignore[arg-type]  # nothing of it is asked
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        assert (await client.get("/openapi.json")).json()["info"]["description"] == DESCRIPTION
