"""What every HSM promises (docstrings of ``domain.ports.Hsm`` and ``HsmSetup``), whichever adapter it is."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.hsm import OpenHsm
from domain.errors import ServiceUnavailable
from domain.ports import CiphertextInvalid, WrappedKey, WrappingInvalid
from tests.fixtures.hsm import OTHER_REGION, REGION, run_other, start_other
from tests.fixtures.hsm_site import Site

few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def a_key(hsm: OpenHsm, loop: asyncio.AbstractEventLoop) -> WrappedKey:
    return loop.run_until_complete(hsm.generate_key(REGION, uuid.uuid4()))


# --- keys ------------------------------------------------------------------------------------------------------------


async def test_a_generated_key_is_wrapped_as_rfc_5649_wraps_32_bytes(hsm: OpenHsm) -> None:
    version = uuid.uuid4()
    key = await hsm.generate_key(REGION, version)
    assert (key.key_version_id, key.region_id, len(key.wrapped)) == (version, REGION, 40)


async def test_no_two_keys_are_the_same(hsm: OpenHsm) -> None:
    keys = {(await hsm.generate_key(REGION, uuid.uuid4())).wrapped for _ in range(50)}
    assert len(keys) == 50


async def test_a_key_of_another_version_does_not_decrypt(hsm: OpenHsm) -> None:
    one, other = [await hsm.generate_key(REGION, uuid.uuid4()) for _ in range(2)]
    sealed = await hsm.encrypt(one, b"secret", b"")
    with pytest.raises(CiphertextInvalid):
        await hsm.decrypt(other, sealed, b"")


async def test_generating_a_key_never_makes_a_root(hsm: OpenHsm) -> None:
    with pytest.raises(ServiceUnavailable):
        await hsm.generate_key("me-east-1", uuid.uuid4())
    assert await hsm.key_check_value("me-east-1") is None


async def test_encrypting_never_makes_a_root(hsm: OpenHsm) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    with pytest.raises(ServiceUnavailable):
        await hsm.encrypt(replace(key, region_id="me-east-1"), b"", b"")
    assert await hsm.key_check_value("me-east-1") is None


# --- encryption ------------------------------------------------------------------------------------------------------


@few
@given(plaintext=st.binary(max_size=6_144), authenticated=st.binary(max_size=9_000))
def test_what_was_encrypted_is_decrypted(
    hsm: OpenHsm, loop: asyncio.AbstractEventLoop, plaintext: bytes, authenticated: bytes
) -> None:
    key = a_key(hsm, loop)
    sealed = loop.run_until_complete(hsm.encrypt(key, plaintext, authenticated))
    assert len(sealed) == 12 + len(plaintext) + 16
    assert loop.run_until_complete(hsm.decrypt(key, sealed, authenticated)) == plaintext


async def test_a_plaintext_of_100_000_bytes_is_encrypted_too(hsm: OpenHsm) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    plaintext = bytes(range(250)) * 400
    assert await hsm.decrypt(key, await hsm.encrypt(key, plaintext, b"x"), b"x") == plaintext


@few
@given(position=st.integers(0, 12 + 20 + 16 - 1), flip=st.integers(1, 255))
def test_an_altered_byte_anywhere_is_refused(
    hsm: OpenHsm, loop: asyncio.AbstractEventLoop, position: int, flip: int
) -> None:
    key = a_key(hsm, loop)
    sealed = bytearray(loop.run_until_complete(hsm.encrypt(key, b"twenty bytes of text", b"context")))
    sealed[position] ^= flip
    with pytest.raises(CiphertextInvalid):
        loop.run_until_complete(hsm.decrypt(key, bytes(sealed), b"context"))


@pytest.mark.parametrize("position", [0, 11, 12, 14, 15, -16, -1])
async def test_the_edges_of_iv_ciphertext_and_tag_are_refused_when_altered(hsm: OpenHsm, position: int) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = bytearray(await hsm.encrypt(key, b"abcd", b"context"))
    sealed[position] ^= 0x80
    with pytest.raises(CiphertextInvalid):
        await hsm.decrypt(key, bytes(sealed), b"context")


async def test_every_shortened_and_a_lengthened_ciphertext_is_refused(hsm: OpenHsm) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"abcd", b"context")
    for altered in [sealed[:size] for size in range(len(sealed))] + [sealed + b"\0"]:
        with pytest.raises(CiphertextInvalid):
            await hsm.decrypt(key, altered, b"context")


@few
@given(right=st.binary(max_size=100), wrong=st.binary(max_size=100))
def test_other_authenticated_data_is_refused(
    hsm: OpenHsm, loop: asyncio.AbstractEventLoop, right: bytes, wrong: bytes
) -> None:
    if right == wrong:
        wrong += b"x"
    key = a_key(hsm, loop)
    sealed = loop.run_until_complete(hsm.encrypt(key, b"secret", right))
    with pytest.raises(CiphertextInvalid):
        loop.run_until_complete(hsm.decrypt(key, sealed, wrong))


async def test_a_refused_ciphertext_disturbs_nothing(hsm: OpenHsm) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    misses = hsm.handles.misses
    for _ in range(20):
        with pytest.raises(CiphertextInvalid):
            await hsm.decrypt(key, sealed, b"other")
        assert await hsm.decrypt(key, sealed, b"") == b"secret"
    assert hsm.handles.misses <= misses + 2, "the session and its handles are still the same"


async def test_no_iv_is_used_twice(hsm: OpenHsm) -> None:
    keys = [await hsm.generate_key(REGION, uuid.uuid4()) for _ in range(2)]
    ivs = {(await hsm.encrypt(keys[turn % 2], b"", b""))[:12] for turn in range(1_500)}
    assert len(ivs) == 1_500


async def test_many_tasks_at_once_each_get_their_own_answer(hsm: OpenHsm) -> None:
    keys = [await hsm.generate_key(REGION, uuid.uuid4()) for _ in range(5)]

    async def one(number: int) -> None:
        text, key = str(number).encode(), keys[number % 5]
        assert await hsm.decrypt(key, await hsm.encrypt(key, text, text), text) == text

    await asyncio.gather(*(one(number) for number in range(150)))


# --- wrapped material ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alter", [
    lambda wrapped: bytes([wrapped[0] ^ 1]) + wrapped[1:],
    lambda wrapped: wrapped[:20] + bytes([wrapped[20] ^ 1]) + wrapped[21:],
    lambda wrapped: wrapped[:-1] + bytes([wrapped[-1] ^ 1]),
    lambda wrapped: wrapped[:-1],
    lambda wrapped: wrapped[:-8],
    lambda wrapped: wrapped + bytes(8),
    lambda wrapped: b"",
])  # fmt: skip
async def test_altered_material_does_not_unwrap(hsm: OpenHsm, alter: Callable[[bytes], bytes]) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    altered = replace(key, wrapped=alter(key.wrapped))
    with pytest.raises(WrappingInvalid):
        await hsm.encrypt(altered, b"", b"")
    with pytest.raises(WrappingInvalid):
        await hsm.decrypt(altered, sealed, b"")
    assert await hsm.decrypt(key, sealed, b"") == b"secret"


async def test_material_does_not_unwrap_under_another_region(hsm: OpenHsm) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    with pytest.raises(WrappingInvalid):
        await hsm.encrypt(replace(key, region_id=OTHER_REGION), b"", b"")


async def test_material_wrapped_by_one_instance_is_used_by_another(site: Site) -> None:
    one, other = site.open(), site.open()
    key = await one.generate_key(REGION, uuid.uuid4())
    assert await other.decrypt(key, await one.encrypt(key, b"secret", b"x"), b"x") == b"secret"


async def test_material_wrapped_here_is_used_by_another_process(site: Site) -> None:
    hsm = site.open()
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"x")
    task = site.task(
        key_version_id=str(key.key_version_id),
        region=key.region_id,
        wrapped=key.wrapped.hex(),
        sealed=sealed.hex(),
        authenticated=b"x".hex(),
    )
    assert run_other("decrypt", task) == b"secret".hex()


# --- handles ---------------------------------------------------------------------------------------------------------


async def test_handles_are_bounded_and_the_oldest_goes_first(site: Site) -> None:
    options = {"sessions": 1} if site.kind == "pool" else {}
    hsm = site.open(handles=3, **options)
    keys = [await hsm.generate_key(REGION, uuid.uuid4()) for _ in range(5)]
    assert (hsm.handles.held, hsm.handles.evictions) == (3, 2)
    await hsm.encrypt(keys[4], b"", b"")
    assert (hsm.handles.hits, hsm.handles.misses) == (1, 0)
    await hsm.encrypt(keys[0], b"", b"")
    assert (hsm.handles.hits, hsm.handles.misses, hsm.handles.held) == (1, 1, 3)


async def test_a_thousand_keys_fit_where_there_is_room_for_two(site: Site) -> None:
    hsm = site.open(handles=6)
    keys = [await hsm.generate_key(REGION, uuid.uuid4()) for _ in range(200)]
    sealed = [await hsm.encrypt(key, key.wrapped, b"") for key in keys]
    for key, blob in zip(keys, sealed, strict=True):
        assert await hsm.decrypt(key, blob, b"") == key.wrapped
    assert hsm.handles.held <= 6


async def test_a_forgotten_handle_is_unwrapped_anew(hsm: OpenHsm) -> None:
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    hsm.forget(key.key_version_id)
    await until(lambda: hsm.handles.held == 0)
    assert await hsm.decrypt(key, sealed, b"") == b"secret"


async def test_forgetting_what_was_never_held_is_nothing(hsm: OpenHsm) -> None:
    hsm.forget(uuid.uuid4())


# --- randomness and the service's own secrets ------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 32, 1_024])
async def test_random_has_the_size_that_was_asked_for(hsm: OpenHsm, size: int) -> None:
    assert len(await hsm.random(size)) == size


async def test_random_does_not_repeat(hsm: OpenHsm) -> None:
    assert len({await hsm.random(16) for _ in range(200)}) == 200


async def test_a_sealed_secret_is_unsealed_by_another_instance(site: Site) -> None:
    sealed = await site.open().seal(b"access key secret", b"LTAI")
    assert await site.open().unseal(sealed, b"LTAI") == b"access key secret"


async def test_a_sealed_secret_opens_only_in_its_place_and_unaltered(hsm: OpenHsm) -> None:
    sealed = await hsm.seal(b"access key secret", b"LTAI")
    for blob, place in [(sealed, b"other"), (sealed[:-1], b"LTAI"), (sealed[:12], b"LTAI"), (b"", b"LTAI")]:
        with pytest.raises(CiphertextInvalid):
            await hsm.unseal(blob, place)


# --- regions ---------------------------------------------------------------------------------------------------------


async def test_opening_a_region_twice_is_opening_it_once(hsm: OpenHsm) -> None:
    first = await hsm.open_region("eu-central-1")
    key = await hsm.generate_key("eu-central-1", uuid.uuid4())
    assert await hsm.open_region("eu-central-1") == first == await hsm.key_check_value("eu-central-1")
    assert len(first) == 3
    hsm.forget(key.key_version_id)
    assert len(await hsm.encrypt(key, b"", b"")) == 28


async def test_each_region_has_a_root_of_its_own(hsm: OpenHsm) -> None:
    assert await hsm.key_check_value(REGION) != await hsm.key_check_value(OTHER_REGION)


async def test_a_region_that_was_never_opened_has_no_check_value(hsm: OpenHsm) -> None:
    assert await hsm.key_check_value("nowhere") is None


async def test_a_region_opened_by_one_instance_is_used_by_another_that_was_there_before(site: Site) -> None:
    one, other = site.open(), site.open()
    assert await other.key_check_value("eu-central-1") is None
    value = await one.open_region("eu-central-1")
    assert await other.key_check_value("eu-central-1") == value
    key = await other.generate_key("eu-central-1", uuid.uuid4())
    assert len(await one.encrypt(key, b"", b"")) == 28


@pytest.mark.parametrize("_round", range(2))
def test_processes_that_open_regions_at_once_agree_on_their_roots(site: Site, _round: int) -> None:
    regions = ["eu-central-1", "me-east-1", "ap-southeast-1"]
    at = time.time() + 1.5
    others = [start_other("open-regions", site.task(regions=regions, at=at)) for _ in range(4)]
    answers = []
    for other in others:
        answer, errors = other.communicate(timeout=100)
        assert other.returncode == 0, answer + errors
        answers.append(answer.splitlines()[-1])
    assert len(set(answers)) == 1
    assert len(set(asyncio.run(check_values(site.open(), regions)))) == 3


async def check_values(hsm: OpenHsm, regions: list[str]) -> list[bytes | None]:
    return [await hsm.key_check_value(region) for region in regions]


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not become true in time"
        await asyncio.sleep(0.01)
