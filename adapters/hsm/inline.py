"""The HSM on the caller's own thread: for tokens that answer in microseconds, such as SoftHSM.

A thread hop costs more than SoftHSM needs (14 µs for AES-GCM), so the event loop waits for it; uses of keys are
gathered first (:mod:`adapters.hsm.gathering`). One lock makes it safe from several threads with a loop each. A token
that can hang would hang the loop: use :mod:`adapters.hsm.pool` for it.
"""

from __future__ import annotations

import contextlib
import threading
from time import perf_counter
from uuid import UUID

from pkcs11.exceptions import PKCS11Error

from adapters.hsm.gathering import Gathering, Observe, unobserved
from adapters.hsm.handles import HandleStatistics
from adapters.hsm.keyring import Keyring
from adapters.hsm.token import Token
from domain.ports import WrappedKey


class InlineHsm:
    """The ports ``Hsm`` and ``HsmSetup``."""

    def __init__(self, token: Token, *, handles: int, probe_seconds: float, observe: Observe = unobserved) -> None:
        self._token = token
        self._keyring = Keyring(token, handles=handles, probe_seconds=probe_seconds)
        self._observe = observe
        self._lock = threading.Lock()
        self._gathering = Gathering(self._lock, observe)

    @property
    def handles(self) -> HandleStatistics:
        kept = self._keyring.handles
        return HandleStatistics(kept.hits, kept.misses, kept.evictions, len(kept))

    async def generate_key(self, region_id: str, key_version_id: UUID) -> WrappedKey:
        started = perf_counter()
        with self._lock:
            try:
                return self._keyring.generate_key(region_id, key_version_id)
            finally:
                self._observe("generate_key", perf_counter() - started)

    async def encrypt(self, key: WrappedKey, plaintext: bytes, authenticated: bytes) -> bytes:
        return await self._gathering.ask("encrypt", self._keyring.encrypt, key, plaintext, authenticated)

    async def decrypt(self, key: WrappedKey, sealed: bytes, authenticated: bytes) -> bytes:
        return await self._gathering.ask("decrypt", self._keyring.decrypt, key, sealed, authenticated)

    async def random(self, size: int) -> bytes:
        started = perf_counter()
        with self._lock:
            try:
                return self._keyring.random(size)
            finally:
                self._observe("random", perf_counter() - started)

    async def seal(self, secret: bytes, authenticated: bytes) -> bytes:
        started = perf_counter()
        with self._lock:
            try:
                return self._keyring.seal(secret, authenticated)
            finally:
                self._observe("seal", perf_counter() - started)

    async def unseal(self, sealed: bytes, authenticated: bytes) -> bytes:
        started = perf_counter()
        with self._lock:
            try:
                return self._keyring.unseal(sealed, authenticated)
            finally:
                self._observe("unseal", perf_counter() - started)

    def forget(self, key_version_id: UUID) -> None:
        # A handle that cannot be destroyed is on a session that is lost: the next call finds out.
        with self._lock, contextlib.suppress(PKCS11Error):
            self._keyring.forget(key_version_id)

    async def open_region(self, region_id: str) -> bytes:
        with self._lock:
            return self._keyring.open_region(region_id)

    async def key_check_value(self, region_id: str) -> bytes | None:
        with self._lock:
            return self._keyring.key_check_value(region_id)

    async def health(self) -> None:
        """:raises ServiceUnavailable: the token does not answer."""
        with self._lock:
            self._keyring.check_health()

    def close(self) -> None:
        """End the session; the adapter opens a new one if it is used again."""
        with self._lock:
            self._keyring.close()
        self._token.release()
