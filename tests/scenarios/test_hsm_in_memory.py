"""The scenarios' HSM keeps the promises of the port that the domain relies on; real ones: ``tests/contracts``."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from domain.errors import ServiceUnavailable
from domain.ports import CiphertextInvalid, Hsm, WrappedKey, WrappingInvalid
from tests.fixtures.ledger import REGION
from tests.fixtures.ports import InMemoryHsm


@pytest.fixture
def hsm() -> InMemoryHsm:
    return InMemoryHsm([])


@pytest.fixture
async def key(hsm: InMemoryHsm) -> WrappedKey:
    return await hsm.generate_key(REGION, uuid4())


async def test_it_has_the_port_and_opens_what_it_sealed(hsm: InMemoryHsm, key: WrappedKey) -> None:
    port: Hsm = hsm
    sealed = await port.encrypt(key, b"hello", b"bound")
    assert len(sealed) == 12 + 5 + 16
    assert await port.decrypt(key, sealed, b"bound") == b"hello"
    assert await port.unseal(await port.seal(b"secret", b"place"), b"place") == b"secret"


@pytest.mark.parametrize("size", [0, 1, 1024])
async def test_random_bytes_are_as_many_as_asked_for(hsm: InMemoryHsm, size: int) -> None:
    assert len(await hsm.random(size)) == size


async def test_it_opens_nothing_else(hsm: InMemoryHsm, key: WrappedKey) -> None:
    sealed, other = await hsm.encrypt(key, b"hello", b"bound"), await hsm.generate_key(REGION, uuid4())
    for attempt in (
        hsm.decrypt(key, sealed, b"other"),
        hsm.decrypt(key, sealed[:-1], b"bound"),
        hsm.decrypt(key, sealed[:27], b"bound"),
        hsm.decrypt(other, sealed, b"bound"),
        hsm.unseal(sealed, b"bound"),
    ):
        with pytest.raises(CiphertextInvalid):
            await attempt


async def test_material_unwraps_in_its_own_region_and_unaltered(hsm: InMemoryHsm, key: WrappedKey) -> None:
    for wrong in (replace(key, region_id="cn-shanghai"), replace(key, wrapped=key.wrapped[:-1] + b"\0")):
        with pytest.raises(WrappingInvalid):
            await hsm.encrypt(wrong, b"hello", b"")


async def test_where_it_fails_every_method_says_so(hsm: InMemoryHsm, key: WrappedKey) -> None:
    sealed = await hsm.encrypt(key, b"hello", b"")
    hsm.failing = ServiceUnavailable()
    for attempt in (
        hsm.generate_key(REGION, uuid4()),
        hsm.encrypt(key, b"hello", b""),
        hsm.decrypt(key, sealed, b""),
        hsm.random(1),
        hsm.seal(b"secret", b""),
    ):
        with pytest.raises(ServiceUnavailable):
            await attempt
