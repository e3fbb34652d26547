"""Calls that hang: they are 503 in time, their sessions are replaced, and the pool does not grow."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid

import pytest

from adapters.hsm import TokenPlace
from domain.errors import ServiceUnavailable
from tests.fixtures.faults import OPERATIONS, Faults, called, opened, recovered
from tests.fixtures.hsm import REGION


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_call_that_hangs_is_503_and_its_session_is_replaced(
    token_place: TokenPlace, faults: Faults, operation: str
) -> None:
    hsm = opened(token_place, faults, mode="pool", sessions=1, timeout_seconds=1.0)
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    faults.hang.add(operation)
    started = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        await (hsm.random(3_073) if operation == "random" else OPERATIONS[operation](hsm, key, sealed))
    assert time.monotonic() - started < 5.0
    faults.heal()
    assert await recovered(lambda: hsm.decrypt(key, sealed, b"")) == b"secret"
    assert faults.opened == 2
    faults.release.set()
    hsm.close()


async def test_other_sessions_work_while_one_hangs(token_place: TokenPlace, faults: Faults) -> None:
    hsm = opened(token_place, faults, mode="pool", sessions=2, timeout_seconds=20.0)
    key = await hsm.generate_key(REGION, uuid.uuid4())
    faults.hang.add("random")
    hanging = asyncio.create_task(hsm.random(16))
    await called(faults, "random")
    faults.hang.clear()
    for _ in range(50):
        await hsm.encrypt(key, b"", b"")
    assert not hanging.done()
    faults.release.set()
    assert len(await hanging) == 16
    hsm.close()


async def test_too_many_hung_calls_fail_fast_and_the_pool_does_not_grow(
    token_place: TokenPlace, faults: Faults
) -> None:
    hsm = opened(token_place, faults, mode="pool", sessions=2, timeout_seconds=1.0)
    key = await hsm.generate_key(REGION, uuid.uuid4())
    faults.hang |= {"encrypt", "check_health", "random"}
    for _ in range(5):
        answers = await asyncio.gather(*(hsm.encrypt(key, b"", b"") for _ in range(4)), return_exceptions=True)
        assert all(isinstance(answer, ServiceUnavailable) for answer in answers)
    assert len([thread for thread in threading.enumerate() if thread.name == "hsm"]) <= 4
    with pytest.raises(ServiceUnavailable, match="The HSM hangs"):
        await hsm.encrypt(key, b"", b"")
    faults.heal()
    faults.release.set()
    assert len(await recovered(lambda: hsm.encrypt(key, b"", b""))) == 28
    hsm.close()


async def test_calls_that_wait_too_long_are_refused_and_the_queue_is_bounded(
    token_place: TokenPlace, faults: Faults
) -> None:
    hsm = opened(token_place, faults, mode="pool", sessions=1, timeout_seconds=1.0)
    await hsm.health()
    faults.hang.add("random")
    started = time.monotonic()
    answers = await asyncio.gather(*(hsm.random(8) for _ in range(500)), return_exceptions=True)
    assert time.monotonic() - started < 10.0
    assert all(isinstance(answer, ServiceUnavailable) for answer in answers)
    assert sum("too busy" in str(answer) for answer in answers) >= 400
    faults.release.set()
    hsm.close()


async def test_a_cancelled_caller_leaves_the_pool_as_it_was(token_place: TokenPlace, faults: Faults) -> None:
    hsm = opened(token_place, faults, mode="pool", sessions=1, timeout_seconds=5.0)
    await hsm.health()
    faults.hang.add("random")
    calls = [asyncio.create_task(hsm.random(8)) for _ in range(3)]
    await called(faults, "random")
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    faults.heal()
    faults.release.set()
    assert len(await hsm.random(8)) == 8
    assert faults.opened == 1
    hsm.close()


async def test_closing_does_not_wait_for_ever_for_a_call_that_hangs(token_place: TokenPlace, faults: Faults) -> None:
    hsm = opened(token_place, faults, mode="pool", sessions=1, timeout_seconds=1.0)
    await hsm.health()
    faults.hang.add("random")
    call = asyncio.create_task(hsm.random(8))
    await called(faults, "random")
    started = time.monotonic()
    hsm.close()
    assert time.monotonic() - started < 5.0
    with pytest.raises(ServiceUnavailable):
        await call
    faults.release.set()
