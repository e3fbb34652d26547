"""The HSM behind a pool of sessions on threads: for network HSMs, which take milliseconds and can hang.

A call that takes longer than ``timeout_seconds`` is ``ServiceUnavailable`` for its caller, who cannot know whether the
HSM did it: what it made is dropped with the session. Not here: the threads themselves (:mod:`adapters.hsm.workers`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final, TypeVar
from uuid import UUID

from adapters.hsm.gathering import Observe, unobserved
from adapters.hsm.handles import HandleStatistics
from adapters.hsm.keyring import Keyring
from adapters.hsm.token import Token
from adapters.hsm.workers import Workers
from domain.errors import ServiceUnavailable
from domain.ports import WrappedKey

Result = TypeVar("Result")

_WAITING_PER_SESSION: Final = 64


class PooledHsm:
    """The ports ``Hsm`` and ``HsmSetup``.

    :param sessions: threads with a session each; as many again may hang before the pool begins to shrink.
    :param handles: unwrapped keys of all sessions together.
    """

    def __init__(
        self,
        token: Token,
        *,
        sessions: int,
        timeout_seconds: float,
        handles: int,
        probe_seconds: float,
        observe: Observe = unobserved,
    ) -> None:
        self._token = token
        self._timeout_seconds = timeout_seconds
        self._observe = observe
        each = max(1, handles // sessions)
        self._workers = Workers(
            lambda: Keyring(token, handles=each, probe_seconds=probe_seconds),
            sessions,
            # A little less than the caller waits: when the caller gives up, the thread may be given up too.
            limit_seconds=0.9 * timeout_seconds,
            hung_max=sessions,
            waiting_max=sessions * _WAITING_PER_SESSION,
        )

    @property
    def handles(self) -> HandleStatistics:
        return self._workers.statistics

    async def generate_key(self, region_id: str, key_version_id: UUID) -> WrappedKey:
        return await self._run("generate_key", lambda keyring: keyring.generate_key(region_id, key_version_id))

    async def encrypt(self, key: WrappedKey, plaintext: bytes, authenticated: bytes) -> bytes:
        return await self._run("encrypt", lambda keyring: keyring.encrypt(key, plaintext, authenticated))

    async def decrypt(self, key: WrappedKey, sealed: bytes, authenticated: bytes) -> bytes:
        return await self._run("decrypt", lambda keyring: keyring.decrypt(key, sealed, authenticated))

    async def random(self, size: int) -> bytes:
        return await self._run("random", lambda keyring: keyring.random(size))

    async def seal(self, secret: bytes, authenticated: bytes) -> bytes:
        return await self._run("seal", lambda keyring: keyring.seal(secret, authenticated))

    async def unseal(self, sealed: bytes, authenticated: bytes) -> bytes:
        return await self._run("unseal", lambda keyring: keyring.unseal(sealed, authenticated))

    def forget(self, key_version_id: UUID) -> None:
        self._workers.forget(key_version_id)

    async def open_region(self, region_id: str) -> bytes:
        return await self._run("open_region", lambda keyring: keyring.open_region(region_id))

    async def key_check_value(self, region_id: str) -> bytes | None:
        return await self._run("key_check_value", lambda keyring: keyring.key_check_value(region_id))

    async def health(self) -> None:
        """:raises ServiceUnavailable: the token does not answer."""
        await self._run("health", lambda keyring: keyring.check_health())

    def close(self) -> None:
        """End the threads and their sessions, waiting no longer than one call may take. Final."""
        self._workers.close(self._timeout_seconds)
        self._token.release()

    async def _run(self, operation: str, call: Callable[[Keyring], Result]) -> Result:
        started = perf_counter()
        try:
            future = asyncio.wrap_future(self._workers.submit(call))
            return await asyncio.wait_for(future, self._timeout_seconds)
        except TimeoutError:
            self._workers.replace_hung()
            raise ServiceUnavailable("The HSM did not answer in time: nothing was released. Retry later.") from None
        finally:
            self._observe(operation, perf_counter() - started)
