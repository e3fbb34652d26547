"""What the scenarios of uses share: one of the three uses, asked for, and the sight of an HSM that was not touched."""

from __future__ import annotations

from collections.abc import Awaitable
from uuid import UUID

import pytest

from domain.errors import KeyLedgerError
from domain.vocabulary import Operation
from tests.fixtures.domain import Process, Service, refusal_of


async def asked(process: Process, operation: Operation, key_id: UUID, blob: str) -> object:
    """One of the three uses; the blob must be of the key, under no context."""
    if operation is Operation.DECRYPT:
        return await process.decrypt(blob)
    if operation is Operation.ENCRYPT:
        return await process.encrypt(key_id, "hello")
    return await process.data_key(key_id)


every_use = pytest.mark.parametrize("operation", [Operation.ENCRYPT, Operation.DECRYPT, Operation.GENERATE_DATA_KEY])


async def used_nothing(service: Service, asking: Awaitable[object], refused: type[KeyLedgerError]) -> None:
    """The caller is refused, and the HSM was not touched."""
    service.journal.clear()
    assert isinstance(await refusal_of(asking), refused)
    assert not [step for step in service.journal if step.startswith("hsm ")]
