"""The software HSM's file: root keys and the sealing key, AES-256-GCM under a key made of the PIN (Argon2id).

Changed by replacing it whole (:mod:`adapters.hsm.replacing`). One lock file keeps two processes from replacing each
other's change. If we die before the rename, the old file is there; after it, the new one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from adapters.hsm.replacing import replace_file
from domain.errors import ServiceUnavailable

_FORMAT: Final = "key-ledger software HSM, version 1"
_ARGON2: Final = {"iterations": 3, "lanes": 1, "memory_cost": 64 * 1024}
"""RFC 9106's second recommendation with one lane; memory in KiB."""


@dataclass(frozen=True, slots=True)
class Keys:
    sealing: bytes | None = field(default=None, repr=False)
    roots: dict[str, bytes] = field(default_factory=dict, repr=False)

    def with_region(self, region_id: str) -> Keys:
        """This, with a sealing key and a root of ``region_id``."""
        roots = self.roots if region_id in self.roots else {**self.roots, region_id: os.urandom(32)}
        return replace(self, sealing=self.sealing or os.urandom(32), roots=roots)


class KeyFile:
    """Methods raise ``ServiceUnavailable`` where the file cannot be read, is damaged, or the PIN is another one."""

    def __init__(self, path: Path, read_pin: Callable[[], str]) -> None:
        self._path = path
        self._read_pin = read_pin
        self._derived: dict[bytes, AESGCM] = {}
        self._keys = Keys()
        self._stamp: tuple[int, int, int] | None = None

    def keys(self) -> Keys:
        """What the file says now; read again only when it changed."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._keys, self._stamp = self._read(), stamp
        return self._keys

    def with_region(self, region_id: str) -> Keys:
        """Make what is missing for ``region_id``, durably, whoever else does the same."""
        with self._locked():
            before = self._read() if self._path.exists() else Keys()
            after = before.with_region(region_id)
            if after != before:
                self._write(after)
        return self.keys()

    def exists(self) -> bool:
        return self._path.exists()

    def _stamp_now(self) -> tuple[int, int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise _unavailable(f"cannot be read: {error.strerror}") from None
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _read(self) -> Keys:
        try:
            envelope = json.loads(self._path.read_text(encoding="utf-8"))
            header = envelope["header"]
            if header["format"] != _FORMAT:
                raise _unavailable("is not of this version")
            key = self._derive(bytes.fromhex(header["salt"]), header["argon2id"])
            plain = json.loads(
                key.decrypt(bytes.fromhex(envelope["iv"]), bytes.fromhex(envelope["sealed"]), _bound(header))
            )
        except InvalidTag:
            raise _unavailable("does not open with this PIN, or was altered") from None
        except (OSError, ValueError, KeyError, TypeError):
            raise _unavailable("is damaged") from None
        return Keys(bytes.fromhex(plain["sealing"]), {name: bytes.fromhex(key) for name, key in plain["roots"].items()})

    def _write(self, keys: Keys) -> None:
        assert keys.sealing is not None, "with_region made it"
        salt, iv = os.urandom(16), os.urandom(12)
        header = {"format": _FORMAT, "salt": salt.hex(), "argon2id": _ARGON2}
        plain = {"sealing": keys.sealing.hex(), "roots": {name: key.hex() for name, key in keys.roots.items()}}
        sealed = self._derive(salt, _ARGON2).encrypt(iv, json.dumps(plain).encode(), _bound(header))
        text = json.dumps({"header": header, "iv": iv.hex(), "sealed": sealed.hex()}, indent=1)
        try:
            replace_file(self._path, text.encode())
        except OSError as error:
            raise _unavailable(f"cannot be written: {error.strerror}") from None

    def _derive(self, salt: bytes, parameters: dict[str, Any]) -> AESGCM:
        """Slow on purpose, so each salt's key is kept."""
        if salt not in self._derived:
            try:
                pin = self._read_pin().encode()
            except (OSError, ValueError):
                raise _unavailable("cannot be opened: its PIN cannot be read") from None
            self._derived = {salt: AESGCM(Argon2id(salt=salt, length=32, **parameters).derive(pin))}
        return self._derived[salt]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            lock = os.open(
                self._path.with_name(self._path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise _unavailable(f"cannot be locked: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def _bound(header: dict[str, Any]) -> bytes:
    return json.dumps(header, sort_keys=True).encode()


def _unavailable(what: str) -> ServiceUnavailable:
    return ServiceUnavailable(f"The software HSM's file {what}: nothing was released.")
