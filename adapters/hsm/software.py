"""The HSM ports in software, on ``cryptography``: for machines without a PKCS#11 token. It is not an HSM.

Whoever can read the process's memory has every key. It keeps the same formats as a token does (RFC 5649, AES-256-GCM),
passes the same contract suite, and says loudly what it is.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Final, TypeVar
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from adapters.hsm.gathering import Observe, unobserved
from adapters.hsm.handles import HandleStatistics
from adapters.hsm.software_file import KeyFile, Keys
from domain.errors import ServiceUnavailable
from domain.ports import CiphertextInvalid, WrappedKey, WrappingInvalid

_IV: Final = 12
_TAG: Final = 16
_LOOK_SECONDS: Final = 0.25
"""Between two looks whether the file is still there and the same."""

_log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class SoftwareHsm:
    """The ports ``Hsm`` and ``HsmSetup``. Use :func:`open_software_hsm`."""

    def __init__(self, file: KeyFile, handles: int, observe: Observe) -> None:
        self._file = file
        self._size = handles
        self._observe = observe
        self._lock = threading.Lock()
        self._keys = Keys()
        self._look_due = 0.0
        self._unwrapped: OrderedDict[UUID, tuple[WrappedKey, AESGCM]] = OrderedDict()
        self._statistics = HandleStatistics()

    @property
    def handles(self) -> HandleStatistics:
        counted = self._statistics
        return HandleStatistics(counted.hits, counted.misses, counted.evictions, len(self._unwrapped))

    async def generate_key(self, region_id: str, key_version_id: UUID) -> WrappedKey:
        return self._do("generate_key", lambda: self._generate(region_id, key_version_id))

    async def encrypt(self, key: WrappedKey, plaintext: bytes, authenticated: bytes) -> bytes:
        return self._do("encrypt", lambda: _seal(self._cipher(key), plaintext, authenticated))

    async def decrypt(self, key: WrappedKey, sealed: bytes, authenticated: bytes) -> bytes:
        return self._do("decrypt", lambda: _open(self._cipher(key), sealed, authenticated))

    async def random(self, size: int) -> bytes:
        return self._do("random", lambda: os.urandom(size))

    async def seal(self, secret: bytes, authenticated: bytes) -> bytes:
        return self._do("seal", lambda: _seal(self._sealing(), secret, authenticated))

    async def unseal(self, sealed: bytes, authenticated: bytes) -> bytes:
        return self._do("unseal", lambda: _open(self._sealing(), sealed, authenticated))

    def forget(self, key_version_id: UUID) -> None:
        with self._lock:
            self._unwrapped.pop(key_version_id, None)

    async def open_region(self, region_id: str) -> bytes:
        with self._lock:
            self._keys = self._file.with_region(region_id)
            return _check_value(self._keys.roots[region_id])

    async def key_check_value(self, region_id: str) -> bytes | None:
        with self._lock:
            # Without a file there is no root yet, which is an answer.
            keys = self._file.keys() if self._file.exists() else Keys()
            return _check_value(keys.roots[region_id]) if region_id in keys.roots else None

    async def health(self) -> None:
        """:raises ServiceUnavailable: the file is gone, damaged, or opens with another PIN."""
        with self._lock:
            self._look()

    def close(self) -> None:
        """Forget everything; the file is read again if it is used again."""
        with self._lock:
            self._unwrapped.clear()
            self._look_due = 0.0

    def _do(self, operation: str, call: Callable[[], Result]) -> Result:
        started = perf_counter()
        with self._lock:
            try:
                if time.monotonic() >= self._look_due:
                    self._look()
                return call()
            finally:
                self._observe(operation, perf_counter() - started)

    def _look(self) -> None:
        self._look_due = 0.0
        self._keys = self._file.keys()
        self._look_due = time.monotonic() + _LOOK_SECONDS

    def _generate(self, region_id: str, key_version_id: UUID) -> WrappedKey:
        material = os.urandom(32)
        key = WrappedKey(key_version_id, region_id, aes_key_wrap_with_padding(self._root(region_id), material))
        self._keep(key, AESGCM(material))
        return key

    def _cipher(self, key: WrappedKey) -> AESGCM:
        kept = self._unwrapped.get(key.key_version_id)
        if kept is not None and kept[0] == key:
            self._unwrapped.move_to_end(key.key_version_id)
            self._statistics.hits += 1
            return kept[1]
        self._statistics.misses += 1
        try:
            material = aes_key_unwrap_with_padding(self._root(key.region_id), key.wrapped)
        except InvalidUnwrap:
            raise WrappingInvalid from None
        if len(material) != 32:
            raise WrappingInvalid
        return self._keep(key, AESGCM(material))

    def _keep(self, key: WrappedKey, cipher: AESGCM) -> AESGCM:
        self._unwrapped.pop(key.key_version_id, None)
        while len(self._unwrapped) >= self._size:
            self._unwrapped.popitem(last=False)
            self._statistics.evictions += 1
        self._unwrapped[key.key_version_id] = (key, cipher)
        return cipher

    def _root(self, region_id: str) -> bytes:
        """Perhaps another process opened the region since the file was last read."""
        if region_id not in self._keys.roots:
            self._look()
        if region_id not in self._keys.roots:
            raise ServiceUnavailable(
                f"The software HSM holds no root of {region_id}. Operators: open the region first."
            )
        return self._keys.roots[region_id]

    def _sealing(self) -> AESGCM:
        if self._keys.sealing is None:
            raise ServiceUnavailable("The software HSM holds no sealing key. Operators: open a region first.")
        return AESGCM(self._keys.sealing)


def open_software_hsm(
    path: Path, read_pin: Callable[[], str], *, handles: int = 10_000, observe: Observe = unobserved
) -> SoftwareHsm:
    """Keys in the file at ``path``, which :meth:`SoftwareHsm.open_region` makes where it is missing.

    :param read_pin: called when the file is opened, not before.
    """
    _log.warning(
        "software_hsm_in_use",
        file=str(path),
        meaning="Keys are in this process's memory and in a file under a PIN. This is not an HSM: do not use it for "
        "keys that matter.",
    )
    return SoftwareHsm(KeyFile(path, read_pin), handles, observe)


def _seal(cipher: AESGCM, plaintext: bytes, authenticated: bytes) -> bytes:
    iv = os.urandom(_IV)
    return iv + cipher.encrypt(iv, plaintext, authenticated)


def _open(cipher: AESGCM, sealed: bytes, authenticated: bytes) -> bytes:
    if len(sealed) < _IV + _TAG:
        raise CiphertextInvalid
    try:
        return cipher.decrypt(sealed[:_IV], sealed[_IV:], authenticated)
    except InvalidTag:
        raise CiphertextInvalid from None


def _check_value(root: bytes) -> bytes:
    """A block of zeros, encrypted: what CKA_CHECK_VALUE of an AES key is (PKCS#11 2.40 section 4.8.2)."""
    block = Cipher(algorithms.AES(root), modes.ECB()).encryptor()  # noqa: S305 - one constant block, by definition
    return block.update(bytes(16))[:3]
