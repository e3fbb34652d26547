"""Calls that are overtaken, sent again, or met by a failure: decided once, told once, recorded once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final
from uuid import uuid4

import pytest

from domain.errors import (
    InternalFailure,
    InvalidParameter,
    KeyLedgerError,
    ServiceUnavailable,
    SignatureNonceUsed,
    StateModifiedFailed,
    TooManyRequests,
)
from domain.events import CallRefused, KeyUsed
from domain.events import KeyDisabled as Disabled
from domain.recording import ATTEMPTS, Case, recorded
from domain.vocabulary import Operation
from tests.fixtures.domain import Process, Service, refusal_of
from tests.fixtures.ledger import a_call, a_caller, full_access

CONTEXT: Final = {"purpose": "order"}


def refusals(service: Service) -> list[CallRefused]:
    return [event for event in service.ledger.history if isinstance(event, CallRefused)]


# --- overtaken -------------------------------------------------------------------------------------------------------


def renaming(elsewhere: Process, service: Service) -> Callable[[], Awaitable[object]]:
    key_id = service.ledger.history[2].originator_id
    return lambda: elsewhere.describe_as(key_id, "again")


async def test_what_is_overtaken_four_times_is_answered_at_the_fifth(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    service.ledger.meanwhile.extend([renaming(elsewhere, service)] * (ATTEMPTS - 1))
    assert (await process.encrypt(key_id, "hello")).key_id == key_id
    assert len(service.ledger.of(KeyUsed)) == 1


@pytest.mark.parametrize("operation", [Operation.ENCRYPT, Operation.DISABLE_KEY])
async def test_what_is_overtaken_five_times_is_refused_and_recorded(
    service: Service, process: Process, elsewhere: Process, operation: Operation
) -> None:
    key_id = await process.create_key()
    service.ledger.meanwhile.extend([renaming(elsewhere, service)] * ATTEMPTS)
    asking: Awaitable[object] = (
        process.encrypt(key_id, "hello", CONTEXT) if operation is Operation.ENCRYPT else process.disable(key_id)
    )
    assert isinstance(await refusal_of(asking), StateModifiedFailed)
    assert not service.ledger.of(KeyUsed, Disabled)
    (refused,) = refusals(service)
    assert (refused.code, refused.call.operation) == ("Rejected.StateModifiedFailed", operation)
    assert refused.key_id == key_id
    assert refused.encryption_context == (CONTEXT if operation is Operation.ENCRYPT else {})


async def test_a_refusal_after_five_overtakings_is_guarded_by_the_authority_alone(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    service.ledger.meanwhile.extend([renaming(elsewhere, service)] * ATTEMPTS)
    await refusal_of(process.encrypt(key_id, "hello"))
    assert service.ledger.tried[-1].guards == (service.root.authority,)


# --- once ------------------------------------------------------------------------------------------------------------


async def test_a_request_sent_again_is_refused_and_leaves_nothing(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    call = process.call(Operation.ENCRYPT)
    await process.encrypt(key_id, "hello", call=call)
    before = list(service.ledger.history)
    replayed = replace(call, request_id=uuid4())
    assert isinstance(await refusal_of(process.encrypt(key_id, "hello", call=replayed)), SignatureNonceUsed)
    assert service.ledger.history == before


async def test_a_change_sent_again_is_refused(service: Service, process: Process) -> None:
    key_id = await process.create_key()
    call = process.call(Operation.DISABLE_KEY)
    await process.disable(key_id, call)
    await process.enable(key_id)
    replayed = replace(call, request_id=uuid4())
    assert isinstance(await refusal_of(process.disable(key_id, replayed)), SignatureNonceUsed)
    assert service.state_of(key_id).state == "Enabled"


async def test_a_refused_request_sent_again_is_refused_as_used(service: Service, process: Process) -> None:
    call = process.call(Operation.ENCRYPT)
    await refusal_of(process.encrypt(uuid4(), "hello", call=call))
    replayed = replace(call, request_id=uuid4())
    assert isinstance(await refusal_of(process.encrypt(uuid4(), "hello", call=replayed)), SignatureNonceUsed)
    assert len(refusals(service)) == 1


async def test_a_replay_that_is_overtaken_five_times_is_refused_as_used(
    service: Service, process: Process, elsewhere: Process
) -> None:
    key_id = await process.create_key()
    call = process.call(Operation.ENCRYPT)
    attempts = 0

    async def first_as_well() -> None:
        nonlocal attempts
        attempts += 1
        await elsewhere.describe_as(key_id, "again")
        if attempts == ATTEMPTS:
            await elsewhere.encrypt(key_id, "hello", call=replace(call, request_id=uuid4()))

    service.ledger.meanwhile.extend([first_as_well] * ATTEMPTS)
    assert isinstance(await refusal_of(process.encrypt(key_id, "hello", call=call)), SignatureNonceUsed)


# --- failures of the service -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("failure", [ServiceUnavailable(), TooManyRequests(), InternalFailure()])
async def test_a_failure_of_the_service_is_no_refusal_and_is_not_recorded(
    service: Service, failure: KeyLedgerError
) -> None:
    async def decide(_: Case) -> None:
        raise failure

    before = len(service.ledger.history)
    with pytest.raises(type(failure)):
        await recorded(a_call(), full_access(a_caller()), service.ledger, lambda _: None, decide)
    assert len(service.ledger.history) == before


async def test_a_refusal_that_cannot_be_recorded_is_not_told(service: Service) -> None:
    async def decide(_: Case) -> None:
        raise InvalidParameter("KeyId")

    service.ledger.unreachable = 1
    with pytest.raises(ServiceUnavailable):
        await recorded(a_call(), full_access(a_caller()), service.ledger, lambda _: None, decide)


async def test_a_refusal_whose_acknowledgement_is_lost_is_not_told_though_it_stands(service: Service) -> None:
    async def decide(_: Case) -> None:
        raise InvalidParameter("KeyId")

    service.ledger.unacknowledged = 1
    with pytest.raises(ServiceUnavailable):
        await recorded(a_call(), full_access(a_caller()), service.ledger, lambda _: None, decide)
    assert len(refusals(service)) == 1


async def test_what_nobody_foresaw_is_neither_recorded_nor_hidden(service: Service) -> None:
    async def decide(_: Case) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await recorded(a_call(), full_access(a_caller()), service.ledger, lambda _: None, decide)
    assert not refusals(service)
