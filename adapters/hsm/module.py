"""A PKCS#11 library in this process: loaded once, initialised for several threads, re-initialised only when idle.

A library is process-wide: C_Finalize ends every session of every adapter that uses it. So each operation enters and
leaves the module, and finalising waits for the moment in which nobody is inside. SoftHSM needs it: after its token
folder has gone and come back it finds no object again before C_Finalize and C_Initialize (seen with 2.6.1).
Each initialisation has a number, the *generation*; sessions and handles of an older one mean nothing, or something
else.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pkcs11
from pkcs11.exceptions import PKCS11Error

from adapters.hsm.address import HsmSettingsError
from adapters.hsm.cryptoki import Functions

DESTROYED_MAX: Final = 400_000
"""SoftHSM 2.6.1 keeps about 240 bytes of each session object that was destroyed until C_Finalize, closing sessions does
not help (measured): 100 MB of them are enough."""

_modules: Final[dict[str, Module]] = {}
_modules_lock = threading.Lock()


class Busy(Exception):
    """Somebody is inside: the library cannot be finalised now."""


class Module:
    """Use :func:`module_at`: one per library and process."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.generation = 0
        self.forked = False
        self.destroyed = 0
        """Session objects destroyed in this generation; roughly, since threads count at once."""
        self._gate = threading.Lock()
        self._inside = 0
        self._initialised = False
        self._library: Any = None
        self._functions: Functions | None = None
        self._users: weakref.WeakSet[object] = weakref.WeakSet()

    @property
    def library(self) -> Any:
        return self._library

    @property
    def functions(self) -> Functions:
        assert self._functions is not None, "ensure_initialised comes first"
        return self._functions

    @property
    def worn(self) -> bool:
        """It should start anew when it can: it holds on to memory that nobody uses."""
        return self.destroyed >= DESTROYED_MAX and self._library.manufacturer_id == "SoftHSM"

    def enter(self) -> int:
        """Begin an operation; the generation in which it runs, which stays as it is until :meth:`leave`."""
        with self._gate:
            self._inside += 1
            return self.generation

    def leave(self) -> None:
        with self._gate:
            self._inside -= 1

    def ensure_initialised(self) -> None:
        """:raises PKCS11Error: the library does not initialise (SoftHSM: its token folder is missing)."""
        with self._gate:
            if not self._initialised:
                self._initialise()

    def reinitialise(self, seen: int) -> None:
        """Finalise and initialise, unless that happened since generation ``seen``.

        :raises Busy: an operation is in flight, perhaps a hung one.
        :raises PKCS11Error: it does not initialise.
        """
        with self._gate:
            if self.generation != seen:
                return
            if self._inside:
                raise Busy
            self._finalise()
            self._initialise()

    def adopt(self, user: object) -> None:
        """``user`` needs the library until :meth:`release`."""
        with self._gate:
            self._users.add(user)

    def release(self, user: object) -> None:
        """The last one to go finalises, so that the next one reads a changed configuration (tests; ``up``)."""
        with self._gate:
            self._users.discard(user)
            if not self._users and not self._inside and self._initialised:
                with contextlib.suppress(PKCS11Error):
                    self._finalise()

    def after_fork(self) -> None:
        """In the child. Another thread may have held the lock when the process forked; it does not exist here."""
        self._gate = threading.Lock()
        self.forked = True
        self.generation += 1

    def _initialise(self) -> None:
        if self._library is None:
            self._load()
        self.functions.initialize()
        self._initialised = True
        self.generation += 1

    def _load(self) -> None:
        """python-pkcs11 initialises a library as it loads it, for one thread: undone at once."""
        if not Path(self.path).is_file():
            raise HsmSettingsError(f"There is no PKCS#11 library at {self.path}.")
        try:
            self._functions = Functions(self.path)
        except OSError as error:
            raise HsmSettingsError(f"{self.path} is not a PKCS#11 library: {error}.") from None
        with contextlib.suppress(PKCS11Error):
            # A forked child inherits an initialised library.
            self._functions.finalize()
        library = pkcs11.lib(self.path)
        library.finalize()
        self._library = library

    def _finalise(self) -> None:
        self._initialised = False
        self.destroyed = 0
        self.generation += 1
        with contextlib.suppress(PKCS11Error):
            self.functions.finalize()


@contextlib.contextmanager
def inside(module: Module) -> Iterator[int]:
    generation = module.enter()
    try:
        yield generation
    finally:
        module.leave()


def module_at(path: str) -> Module:
    """The library at ``path``, found through links, since two names of one file are one library."""
    with _modules_lock:
        real = os.path.realpath(path)
        if real not in _modules:
            _modules[real] = Module(real)
        return _modules[real]


def _after_fork_in_child() -> None:
    """PKCS#11 2.40 section 5.4: a child may not use what its parent initialised. Its adapters refuse to work."""
    for module in _modules.values():
        module.after_fork()
    _modules.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
