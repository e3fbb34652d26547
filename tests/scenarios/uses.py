"""What the scenarios of uses share: the three uses, and the sight of an HSM that was not touched."""

from __future__ import annotations

from collections.abc import Awaitable

import pytest

from domain.errors import KeyLedgerError
from domain.vocabulary import Operation
from tests.fixtures.domain import Service, refusal_of

every_use = pytest.mark.parametrize("operation", [Operation.ENCRYPT, Operation.DECRYPT, Operation.GENERATE_DATA_KEY])


async def used_nothing(service: Service, asking: Awaitable[object], refused: type[KeyLedgerError]) -> None:
    """The caller is refused, and the HSM was not touched."""
    service.journal.clear()
    assert isinstance(await refusal_of(asking), refused)
    assert not [step for step in service.journal if step.startswith("hsm ")]
