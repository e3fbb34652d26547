"""When the HSM fails: before it did something, after it did, by hanging, by refusing the PIN, by losing sessions."""

from __future__ import annotations

import asyncio
import ctypes
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pkcs11.exceptions import (
    DeviceError,
    GeneralError,
    PinIncorrect,
    PinLocked,
)

from adapters.hsm import OpenHsm, TokenPlace, open_hsm
from adapters.hsm.address import SOFTHSM_MODULE
from adapters.hsm.module import module_at
from adapters.hsm.token import BackOff
from domain.errors import ServiceUnavailable
from domain.ports import WrappedKey
from tests.fixtures.faults import ERRORS, OPERATIONS, Faults, called, forgotten, opened, recovered
from tests.fixtures.hsm import REGION, run_other


@pytest.fixture(params=["inline", "pool"])
def hsm(request: pytest.FixtureRequest, token_place: TokenPlace, faults: Faults) -> Iterator[OpenHsm]:
    hsm = opened(token_place, faults, mode=request.param, sessions=1)
    yield hsm
    faults.release.set()
    hsm.close()


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_device_that_fails_is_503_and_works_again_when_it_is_well(
    hsm: OpenHsm, faults: Faults, operation: str, when: str, error: type[Exception]
) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    getattr(faults, when)[operation] = error
    if operation in {"decrypt", "unwrap"} and error is GeneralError:
        # The witness fails as well, since the device does: so it is not the caller's ciphertext.
        faults.before["check_health"] = faults.before["generate"] = error
    with pytest.raises(ServiceUnavailable) as raised:
        await hsm.random(3_073) if operation == "random" else await OPERATIONS[operation](hsm, key, sealed)
    assert "secret" not in str(raised.value)
    faults.heal()
    await recovered(lambda: hsm.decrypt(key, sealed, b""))
    assert await OPERATIONS[operation](hsm, key, sealed)


async def test_no_call_logs_in_over_and_over_while_the_device_fails(hsm: OpenHsm, faults: Faults) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    faults.before["encrypt"] = DeviceError
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        with pytest.raises(ServiceUnavailable):
            await hsm.encrypt(key, b"", b"")
    assert faults.opened <= 9, "at once, then after 0.1 s and 0.2 s, and every 0.2 s from then on"


async def test_one_sessions_trouble_does_not_disturb_the_others(token_place: TokenPlace, faults: Faults) -> None:
    hsm = opened(token_place, faults, mode="pool", sessions=3)
    key = await hsm.generate_key(REGION, uuid.uuid4())
    await all_busy_at_once(hsm, faults, key, 3)
    assert faults.opened == 3, "each session is opened by its thread's first call"
    faults.before["random"] = DeviceError
    with pytest.raises(ServiceUnavailable):
        await hsm.random(1)
    faults.heal()
    await recovered(lambda: all_busy_at_once(hsm, faults, key, 3))
    assert faults.opened == 4, "the one that failed, anew"
    hsm.close()


async def all_busy_at_once(hsm: OpenHsm, faults: Faults, key: WrappedKey, sessions: int) -> None:
    """Each thread is kept in its call until all are in one: otherwise a quick one does the work of the others too."""
    wanted = faults.calls["encrypt"] + sessions
    faults.hang.add("encrypt")
    calls = [asyncio.create_task(hsm.encrypt(key, b"", b"")) for _ in range(sessions)]
    await called(faults, "encrypt", wanted)
    faults.hang.clear()
    faults.release.set()
    await asyncio.wait(calls)
    faults.release.clear()
    await asyncio.gather(*calls)


def test_the_back_off_grows_to_its_longest_and_starts_anew_after_a_success() -> None:
    now = 0.0
    back_off = BackOff(1.0, lambda: now)
    delays = []
    for _ in range(8):
        back_off.failed()
        start = now
        while not back_off.over:
            now += 1 / 1024
        delays.append(round(now - start, 1))
    assert delays == [0.0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
    back_off.succeeded()
    back_off.failed()
    assert back_off.over


# --- sessions and handles --------------------------------------------------------------------------------------------


async def test_closed_sessions_are_opened_anew_and_keys_unwrapped_anew(hsm: OpenHsm, faults: Faults) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    close_all_sessions()
    assert await recovered(lambda: hsm.decrypt(key, sealed, b"")) == b"secret"
    assert faults.opened == 2
    assert hsm.handles.misses >= 1


async def test_a_library_that_starts_anew_for_another_adapter_is_not_noticed(
    hsm: OpenHsm, token_place: TokenPlace
) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    other = open_hsm(token_place.uri.replace("token=key-ledger", "token=absent"))
    with pytest.raises(ServiceUnavailable):
        await other.health()
    assert await hsm.decrypt(key, sealed, b"") == b"secret"
    other.close()


async def test_no_handle_of_an_earlier_session_is_ever_used(hsm: OpenHsm) -> None:
    """SoftHSM deals the same numbers again after C_Initialize: an old handle would be another key."""
    module = module_at(SOFTHSM_MODULE)
    keys = [await hsm.generate_key(REGION, uuid.uuid4()) for _ in range(5)]
    sealed = [await hsm.encrypt(key, key.wrapped, b"") for key in keys]
    for _ in range(5):
        module.reinitialise(module.generation)
        for key, blob in reversed(list(zip(keys, sealed, strict=True))):
            assert await hsm.decrypt(key, blob, b"") == key.wrapped


async def test_a_library_that_keeps_what_was_destroyed_starts_anew_now_and_then(
    hsm: OpenHsm, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SoftHSM frees destroyed session objects only in C_Finalize: misses without end would fill the memory."""
    monkeypatch.setattr("adapters.hsm.module.DESTROYED_MAX", 20)
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    generation = module_at(SOFTHSM_MODULE).generation
    for _ in range(60):
        assert await hsm.decrypt(forgotten(hsm, key), sealed, b"") == b"secret"
        await asyncio.sleep(0.01)
    assert 1 <= module_at(SOFTHSM_MODULE).generation - generation <= 8
    assert module_at(SOFTHSM_MODULE).destroyed < 60


async def test_the_library_is_not_finalised_while_an_operation_is_in_flight(
    token_place: TokenPlace, faults: Faults
) -> None:
    hsm = opened(token_place, faults, mode="pool", sessions=1, timeout_seconds=10)
    await hsm.health()
    faults.hang.add("random")
    hanging = asyncio.create_task(hsm.random(8))
    await asyncio.sleep(0.1)
    generation = module_at(SOFTHSM_MODULE).generation
    other = open_hsm(token_place.uri.replace("token=key-ledger", "token=absent"))
    with pytest.raises(ServiceUnavailable):
        await other.health()
    assert module_at(SOFTHSM_MODULE).generation == generation
    faults.release.set()
    assert len(await hanging) == 8
    other.close()
    hsm.close()


def test_an_adapter_that_was_opened_before_a_fork_refuses_in_the_child(token_place: TokenPlace) -> None:
    answer = run_other("fork", {"kind": "inline", "uri": token_place.uri}, token_place)
    assert answer == {"child": "refused", "parent": "works", "child_anew": "works"}


# --- the PIN ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[type[Exception] | None]:
    """One entry per C_Login of this process; its error, if it had one."""
    module = module_at(SOFTHSM_MODULE)
    module.ensure_initialised()
    seen: list[type[Exception] | None] = []
    real = module.functions.login

    def login(*arguments: Any) -> None:
        seen.append(None)
        try:
            real(*arguments)
        except Exception as error:
            seen[-1] = type(error)
            raise

    monkeypatch.setattr(module.functions, "login", login)
    return seen


async def test_a_wrong_pin_is_tried_once_and_never_again(
    token_place: TokenPlace, logins: list[type[Exception] | None]
) -> None:
    for mode in ("inline", "pool"):
        logins.clear()
        uri = token_place.uri.split("&pin-source")[0]
        hsm = open_hsm(uri, pin="not the PIN", mode=mode, longest_back_off_seconds=0.01)
        for _ in range(20):
            with pytest.raises(ServiceUnavailable) as raised:
                await hsm.random(8)
            await asyncio.sleep(0.01)
        assert logins == [PinIncorrect]
        assert "refused the PIN" in str(raised.value)
        assert "not the PIN" not in str(raised.value)
        hsm.close()


async def test_an_adapter_made_anew_with_the_right_pin_works(token_place: TokenPlace) -> None:
    wrong = open_hsm(token_place.uri.split("&pin-source")[0], pin="not the PIN")
    with pytest.raises(ServiceUnavailable):
        await wrong.health()
    wrong.close()
    right = open_hsm(token_place.uri)
    await right.health()
    right.close()


async def test_a_locked_pin_is_not_tried_again(token_place: TokenPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def login(*arguments: Any) -> None:
        tried.append(arguments)
        raise PinLocked

    module = module_at(SOFTHSM_MODULE)
    module.ensure_initialised()
    monkeypatch.setattr(module.functions, "login", login)
    hsm = open_hsm(token_place.uri, longest_back_off_seconds=0.01)
    for _ in range(5):
        with pytest.raises(ServiceUnavailable):
            await hsm.health()
        await asyncio.sleep(0.02)
    assert len(tried) == 1
    hsm.close()


async def test_a_missing_pin_file_is_503_until_it_is_there(token_place: TokenPlace) -> None:
    aside = token_place.pin_file.rename(token_place.folder / "aside")
    hsm = open_hsm(token_place.uri, longest_back_off_seconds=0.05)
    with pytest.raises(ServiceUnavailable):
        await hsm.health()
    aside.rename(token_place.pin_file)
    await recovered(hsm.health)
    hsm.close()


# --- whose fault it is -----------------------------------------------------------------------------------------------


async def test_an_unwrapping_that_fails_with_the_device_is_not_the_materials_fault(
    hsm: OpenHsm, faults: Faults
) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    altered = replace(key, key_version_id=uuid.uuid4())
    faults.before["unwrap"] = GeneralError
    with pytest.raises(ServiceUnavailable):
        await hsm.encrypt(altered, b"", b"")


def close_all_sessions() -> None:
    library = ctypes.CDLL(SOFTHSM_MODULE)
    for slot in module_at(SOFTHSM_MODULE).library.get_slots():
        library.C_CloseAllSessions(ctypes.c_ulong(slot.slot_id))


# --- bookkeeping -----------------------------------------------------------------------------------------------------


async def test_whatever_happened_nobody_stays_inside_the_library(hsm: OpenHsm, faults: Faults) -> None:
    """Else it could never be finalised again, or be finalised while an operation is in flight."""
    key = await hsm.generate_key(REGION, uuid.uuid4())
    for error in ERRORS:
        for name in ("encrypt", "unwrap", "random", "check_health"):
            faults.before[name] = error
            await asyncio.gather(hsm.encrypt(forgotten(hsm, key), b"", b""), hsm.health(), return_exceptions=True)
            close_all_sessions()
            await asyncio.gather(hsm.random(8), return_exceptions=True)
            faults.heal()
    await recovered(hsm.health)
    assert module_at(SOFTHSM_MODULE)._inside == 0
