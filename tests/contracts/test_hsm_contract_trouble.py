"""What every HSM promises, continued: a token that is gone and comes back, and many threads at once."""

from __future__ import annotations

import asyncio
import gc
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from adapters.hsm import OpenHsm
from domain.errors import ServiceUnavailable
from tests.fixtures.hsm import REGION, run_other, start_other
from tests.fixtures.hsm_site import Site

# --- trouble ---------------------------------------------------------------------------------------------------------


async def test_a_token_that_is_gone_is_503_and_used_again_when_it_is_back(site: Site) -> None:
    hsm = site.open(**({} if site.kind == "software" else {"longest_back_off_seconds": 0.3}))
    key = await hsm.generate_key(REGION, uuid.uuid4())
    sealed = await hsm.encrypt(key, b"secret", b"")
    secret = await hsm.seal(b"secret", b"")
    site.remove()
    await asyncio.sleep(0.3)
    for call in (
        lambda: hsm.encrypt(key, b"", b""),
        lambda: hsm.decrypt(key, sealed, b""),
        lambda: hsm.generate_key(REGION, uuid.uuid4()),
        lambda: hsm.random(8),
        lambda: hsm.seal(b"", b""),
        lambda: hsm.unseal(secret, b""),
        hsm.health,
    ):
        with pytest.raises(ServiceUnavailable):
            await call()
    hsm.forget(key.key_version_id)
    site.bring_back()
    assert await eventually(lambda: hsm.decrypt(key, sealed, b"")) == b"secret"
    assert await hsm.unseal(secret, b"") == b"secret"
    await hsm.health()


async def test_an_hsm_that_is_away_when_the_service_starts_is_found_later(site: Site) -> None:
    site.remove()
    hsm = site.open(**({} if site.kind == "software" else {"longest_back_off_seconds": 0.3}))
    with pytest.raises(ServiceUnavailable):
        await hsm.health()
    site.bring_back()
    await eventually(lambda: hsm.generate_key(REGION, uuid.uuid4()))


async def test_a_healthy_hsm_says_so(hsm: OpenHsm) -> None:
    await hsm.health()


async def test_every_operation_is_observed_with_its_seconds(site: Site) -> None:
    seen: list[tuple[str, float]] = []
    hsm = site.open(observe=lambda operation, seconds: seen.append((operation, seconds)))
    key = await hsm.generate_key(REGION, uuid.uuid4())
    await hsm.decrypt(key, await hsm.encrypt(key, b"", b""), b"")
    await hsm.unseal(await hsm.seal(b"", b""), b"")
    await hsm.random(1)
    assert [name for name, _ in seen] == ["generate_key", "encrypt", "decrypt", "seal", "unseal", "random"]
    assert all(0 < seconds < 10 for _, seconds in seen)


async def test_closing_twice_is_closing_once(site: Site) -> None:
    hsm = site.open()
    await hsm.health()
    hsm.close()
    hsm.close()


# --- storm -----------------------------------------------------------------------------------------------------------


def test_eight_threads_for_ten_seconds_do_not_crash_it(site: Site) -> None:
    gc.collect()
    uses = run_other("storm", site.task(seconds=10, options={"handles": 20}))
    assert uses > 100


def test_eight_threads_survive_a_token_that_comes_and_goes(site: Site) -> None:
    """Every answer is right or 503: no handle of before is mistaken for another key's, and nothing crashes."""
    task = site.task(seconds=7, tolerant=True, options={"handles": 20})
    other = start_other("storm", task)
    time.sleep(2.5)
    for _ in range(3):
        site.remove()
        time.sleep(0.6)
        site.bring_back()
        time.sleep(0.9)
    answer, errors = other.communicate(timeout=100)
    assert other.returncode == 0, answer[-3_000:] + errors
    assert int(answer.splitlines()[-1]) > 100


async def eventually(call: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The answer, once the HSM is available again."""
    end = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except ServiceUnavailable:
            assert time.monotonic() < end, "it did not recover in time"
            await asyncio.sleep(0.05)
