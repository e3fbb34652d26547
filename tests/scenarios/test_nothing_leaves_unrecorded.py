"""Whatever fails, before or after it happened: nothing that the HSM made leaves without its event."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.errors import (
    KeyDisabled,
    KeyLedgerError,
    ServiceUnavailable,
    TooManyRequests,
)
from domain.events import KeyUsed
from domain.vocabulary import Operation
from tests.fixtures.domain import Process, Service, asked, refusal_of
from tests.scenarios.uses import every_use, used_nothing


@every_use
@pytest.mark.parametrize("refusing", [TooManyRequests(), ServiceUnavailable()])
async def test_where_the_ledger_admits_nothing_the_hsm_is_not_touched(
    service: Service, process: Process, key_id: UUID, operation: Operation, refusing: KeyLedgerError
) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    before = len(service.ledger.history)
    service.ledger.refusing = refusing
    await used_nothing(service, asked(process, operation, key_id, blob), type(refusing))
    assert len(service.ledger.history) == before


@every_use
async def test_a_key_that_refuses_does_not_reach_the_hsm(
    service: Service, process: Process, key_id: UUID, operation: Operation
) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    await process.disable(key_id)
    await used_nothing(service, asked(process, operation, key_id, blob), KeyDisabled)


@every_use
async def test_where_the_ledger_fails_nothing_is_released(
    service: Service, process: Process, key_id: UUID, operation: Operation
) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    before = len(service.ledger.history)
    service.ledger.unreachable = 1
    assert isinstance(await refusal_of(asked(process, operation, key_id, blob)), ServiceUnavailable)
    assert len(service.ledger.history) == before


@every_use
async def test_where_the_ledger_fails_after_it_happened_nothing_is_released_and_the_use_stands(
    service: Service, process: Process, key_id: UUID, operation: Operation
) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    before = len(service.ledger.history)
    service.ledger.unacknowledged = 1
    assert isinstance(await refusal_of(asked(process, operation, key_id, blob)), ServiceUnavailable)
    assert [type(event) for event in service.ledger.history[before:]] == [KeyUsed], "once, and not as a refusal"


@every_use
async def test_where_the_hsm_fails_nothing_is_recorded_and_the_next_call_is_served(
    service: Service, process: Process, key_id: UUID, operation: Operation
) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    before = len(service.ledger.history)
    service.hsm.failing = ServiceUnavailable()
    assert isinstance(await refusal_of(asked(process, operation, key_id, blob)), ServiceUnavailable)
    assert len(service.ledger.history) == before
    service.hsm.failing = None
    assert await refusal_of(asked(process, operation, key_id, blob)) is None


@every_use
async def test_where_the_hsm_fails_after_it_worked_nothing_is_released_or_recorded(
    service: Service, process: Process, key_id: UUID, operation: Operation
) -> None:
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    before = len(service.ledger.history)
    service.hsm.failing_afterwards = ServiceUnavailable()
    assert isinstance(await refusal_of(asked(process, operation, key_id, blob)), ServiceUnavailable)
    assert len(service.ledger.history) == before


async def test_lost_material_is_the_operators_trouble_and_no_refusal(
    service: Service, process: Process, key_id: UUID
) -> None:
    service.ledger.material.clear()
    refused = await refusal_of(process.encrypt(key_id, "hello"))
    assert isinstance(refused, ServiceUnavailable)
    assert "restore sealed_material" in refused.message
