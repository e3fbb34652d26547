"""Alibaba's table "Impact of key states on API operations", as published, is this test.

Rows of operations that the service does not have are left out until it has them; they are in the page, not here.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

import pytest

from domain import state_matrix
from domain.errors import REGISTRY, KeyLedgerError
from domain.vocabulary import PENDING_WINDOW_DAYS, KeyState, Operation
from tests.fixtures.domain import WEEK, Service, asked, lead, refusal_of
from tests.fixtures.ledger import NOON

PUBLISHED: Final = """
| op | Enabled | Disabled | PendingDeletion | PendingImport |
| --- | --- | --- | --- | --- |
| Encrypt, Decrypt, GenerateDataKey(WithoutPlaintext) | ok | Rejected.Disabled | Rejected.PendingDeletion | Rejected.PendingImport |
| DescribeKey, ListKeys, ListAliases, DeleteAlias, ListResourceTags, DescribeKeyVersion, ListKeyVersions, GetParametersForImport, DeleteKeyMaterial | ok | ok | ok | ok |
| EnableKey, DisableKey | ok | ok | Rejected.StateModifiedFailed | Rejected.StateModifiedFailed |
| ScheduleKeyDeletion | ok | ok | Rejected.StateModifiedFailed | ok |
| CancelKeyDeletion | Rejected.StateModifiedFailed | same | **ok** | same |
| UpdateKeyDescription, TagResource, UntagResource | ok | ok | Rejected.PendingDeletion | ok |
"""  # noqa: E501  # the page's rows, word for word

STATELESS: Final = {Operation.CREATE_KEY, Operation.DESCRIBE_REGIONS, Operation.SET_UP, Operation.UNKNOWN}
"""Not in the page: they look at no key."""

_ALL: Final = list(Operation)
RAM_AND_STS: Final = set(_ALL[_ALL.index(Operation.CREATE_USER) : _ALL.index(Operation.DESTROY_KEY)])
"""Not in the page: they are of other products, which have no keys."""

OURS: Final = {Operation.DESTROY_KEY}
"""Not in the page: the service's own last step."""


def cells(row: str) -> list[str]:
    return [cell.strip(" *") for cell in row.strip("|").split("|")]


def operations(names: str) -> list[str]:
    """``GenerateDataKey(WithoutPlaintext)`` names two."""
    both = re.sub(r"(\w+)\((\w+)\)", r"\1, \1\2", names)
    return [name.strip() for name in both.split(",")]


def published() -> dict[tuple[Operation, KeyState], str]:
    """What the page says for each operation that the service has: ``ok`` or a code."""
    header, _, *rows = PUBLISHED.strip().splitlines()
    states = [KeyState(name) for name in cells(header)[1:]]
    said: dict[tuple[Operation, KeyState], str] = {}
    for row in rows:
        names, first, *others = cells(row)
        answers = [first, *[first if answer == "same" else answer for answer in others]]
        served = [Operation(name) for name in operations(names) if name in set(Operation)]
        said |= {
            (operation, state): answer for operation in served for state, answer in zip(states, answers, strict=True)
        }
    return said


PAGE: Final = published()
every_cell = pytest.mark.parametrize(
    ("operation", "state", "answer"),
    [pytest.param(*cell, answer, id=f"{cell[0]}-{cell[1]}-{answer}") for cell, answer in PAGE.items()],
)


def told(refused: KeyLedgerError | None) -> str:
    return refused.code if refused else "ok"


def test_every_operation_of_the_service_is_in_the_page_or_looks_at_no_key() -> None:
    in_page = {operation for operation, _ in PAGE}
    assert in_page | STATELESS | RAM_AND_STS | OURS == set(Operation)
    assert not in_page & (STATELESS | OURS)


def test_the_matrix_refuses_nothing_that_the_page_does_not_mention() -> None:
    assert {operation for operation, _ in state_matrix.REFUSALS} <= {operation for operation, _ in PAGE} | OURS


@every_cell
def test_the_matrix_says_what_the_page_says(operation: Operation, state: KeyState, answer: str) -> None:
    if answer == "ok":
        state_matrix.permit(operation, state)
    else:
        with pytest.raises(REGISTRY[answer]):
            state_matrix.permit(operation, state)


@every_cell
async def test_a_caller_is_told_what_the_page_says(operation: Operation, state: KeyState, answer: str) -> None:
    process = Service().process()
    key_id = await process.create_key()
    blob = (await process.encrypt(key_id, "hello")).ciphertext_blob
    await lead(process, key_id, state)
    assert told(await refusal_of(asked(process, operation, key_id, blob))) == answer


# --- what the page says in words -------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [KeyState.ENABLED, KeyState.DISABLED])
async def test_to_enable_a_key_twice_is_to_enable_it_once(state: KeyState) -> None:
    service = Service()
    process = service.process()
    await lead(process, key_id := await process.create_key(), state)
    await process.enable(key_id)
    await process.enable(key_id)
    assert service.state_of(key_id).state is KeyState.ENABLED


@pytest.mark.parametrize("state", [KeyState.ENABLED, KeyState.DISABLED])
async def test_to_disable_a_key_twice_is_to_disable_it_once(state: KeyState) -> None:
    service = Service()
    process = service.process()
    await lead(process, key_id := await process.create_key(), state)
    await process.disable(key_id)
    await process.disable(key_id)
    assert service.state_of(key_id).state is KeyState.DISABLED


@pytest.mark.parametrize("before", [KeyState.ENABLED, KeyState.DISABLED])
async def test_a_cancelled_deletion_leaves_an_enabled_key_whatever_it_was_before(before: KeyState) -> None:
    service = Service()
    process = service.process()
    await lead(process, key_id := await process.create_key(), before)
    await process.schedule_deletion(key_id)
    await process.cancel_deletion(key_id)
    assert service.state_of(key_id).state is KeyState.ENABLED
    assert service.state_of(key_id).delete_at is None


@pytest.mark.parametrize("days", [PENDING_WINDOW_DAYS[0], 30, PENDING_WINDOW_DAYS[-1]])
async def test_a_key_is_to_be_deleted_so_many_days_after_the_call(days: int) -> None:
    service = Service()
    process = service.process()
    key_id = await process.create_key()
    assert await process.schedule_deletion(key_id, days) == NOON + timedelta(days=days)
    assert service.state_of(key_id).delete_at == NOON + timedelta(days=days)


def test_a_pending_window_has_7_to_366_days() -> None:
    assert (PENDING_WINDOW_DAYS[0], PENDING_WINDOW_DAYS[-1]) == (7, 366)


@pytest.mark.parametrize("state", sorted(set(KeyState) - {KeyState.PENDING_DELETION}))
async def test_only_a_key_whose_deletion_is_pending_can_be_destroyed(state: KeyState) -> None:
    process = Service().process()
    await lead(process, key_id := await process.create_key(), state)
    assert told(await refusal_of(process.destroy(key_id, NOON + 10 * WEEK))) == "Rejected.StateModifiedFailed"
