"""The OpenAPI description: made from the table, readable without the internet, true under generated requests."""

from __future__ import annotations

import re
from typing import Any

import httpx
import jsonschema_rs
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from api import operations as table
from api.app import DESCRIPTION, Application
from api.kms_answers import ANSWERS
from tests.fixtures import signed
from tests.fixtures.service import Service

OPERATIONS = {action.name: action for action in table.OPERATIONS.values() if action.route}
ROUTES = {name: action.route for name, action in OPERATIONS.items()}
KEYS = {operation.value for operation in ANSWERS}
"""Operations on keys: their answers are described as closed objects, those of the audit trail by its own table."""


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


def test_every_field_of_every_answer_has_a_type_and_an_example(described: dict[str, Any]) -> None:
    def look(schema: dict[str, Any], place: str) -> None:
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False, place
            assert set(schema["required"]) == schema["properties"].keys(), place
            for name, inner in schema["properties"].items():
                look(inner, f"{place}.{name}")
        elif schema["type"] == "array":
            look(schema["items"], f"{place}[]")
        else:
            assert "example" in schema, place

    for name in KEYS:
        method, path = ROUTES[name].split(" ")
        for status in ("200", "default"):
            look(_answers(described, path, method)[status], f"{name} {status}")


def test_real_answers_are_as_they_are_described(service: Service, described: dict[str, Any]) -> None:
    """Each operation once, on a key that lives its whole life; and a refusal of each kind of caller's mistake."""
    seen = set()

    def ask(operation: str, key_id: str = "", body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        method, path = ROUTES[operation].split(" ")
        answer = service.rest(method, path.replace("{KeyId}", key_id), body)
        assert answer.status_code == status, answer.text
        schema = _answers(described, path, method)["200" if status == 200 else "default"]
        jsonschema_rs.validator_for(schema, validate_formats=True).validate(answer.json())
        seen.add(operation)
        found: dict[str, Any] = answer.json()
        return found

    key_id = ask("CreateKey", body={"Description": "described", "Tags": [{"TagKey": "a", "TagValue": "b"}]})
    one = key_id["KeyMetadata"]["KeyId"]
    ask("UpdateKeyDescription", one, {"Description": "in other words"})
    encrypted = ask("Encrypt", one, {"Plaintext": "hello", "EncryptionContext": {"purpose": "test"}})
    blob = {"CiphertextBlob": encrypted["CiphertextBlob"], "EncryptionContext": {"purpose": "test"}}
    assert ask("Decrypt", body=blob)["Plaintext"] == "hello"
    ask("GenerateDataKey", one, {"NumberOfBytes": 7})
    ask("GenerateDataKeyWithoutPlaintext", one, {})
    ask("DisableKey", one)
    ask("Encrypt", one, {"Plaintext": "hello"}, status=409)
    ask("EnableKey", one)
    ask("ScheduleKeyDeletion", one, {"PendingWindowInDays": 7})
    assert ask("DescribeKey", one)["KeyMetadata"]["DeleteDate"]
    ask("CancelKeyDeletion", one)
    ask("DescribeKey", one)
    ask("DescribeKey", "00000000-0000-4000-8000-000000000000", status=404)
    ask("CreateKey", body={"Origin": "elsewhere"}, status=400)
    assert ask("ListKeys")["Keys"]["Key"]
    ask("DescribeRegions")
    assert seen == KEYS


def _answers(described: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    """Schemas by status."""
    responses = described["paths"][path][method.lower()]["responses"]
    return {
        status: told["content"]["application/json"]["schema"] for status, told in responses.items() if "content" in told
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

        @settings(max_examples=8, suppress_health_check=list(HealthCheck), database=None)
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
