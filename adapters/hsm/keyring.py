"""What an HSM does for the service, in one thread at a time: roots, unwrapped handles, AES-GCM, and trouble.

Trouble is every error that is not the caller's: the session is dropped with all its handles, the caller gets
``ServiceUnavailable``, and the next call opens a session anew, as soon as the token's back-off allows. SoftHSM answers
CKR_GENERAL_ERROR to a tag that does not verify and to a broken device alike; then the session has to show that it still
decrypts (or unwraps) what it made itself, and only if it does, the caller's bytes are to blame.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import UUID

import structlog
from pkcs11.exceptions import (
    EncryptedDataInvalid,
    EncryptedDataLenRange,
    FunctionFailed,
    GeneralError,
    PKCS11Error,
    WrappedKeyInvalid,
    WrappedKeyLenRange,
)

from adapters.hsm.cryptoki import IV_BYTES, TAG_BYTES
from adapters.hsm.handles import Handles
from adapters.hsm.module import Busy, inside
from adapters.hsm.roots import SEALING, ensure_key, find_key, one_maker, root_label
from adapters.hsm.session import Session
from adapters.hsm.token import Token
from domain.errors import ServiceUnavailable
from domain.ports import CiphertextInvalid, WrappedKey, WrappingInvalid

WRAPPED_BYTES: Final = 40
"""RFC 5649 of 32 bytes: eight for the integrity check."""

_IVS_AT_ONCE: Final = 256
_AMBIGUOUS: Final = (GeneralError, FunctionFailed)

_log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class Keyring:
    """One session of ``token``, and what is unwrapped in it. Not for two threads at a time.

    :param handles: unwrapped keys kept at most.
    :param probe_seconds: between two checks that the token is still there: SoftHSM goes on with keys in its memory.
    """

    def __init__(self, token: Token, *, handles: int, probe_seconds: float) -> None:
        self._token = token
        self._module = token.module
        self._probe_seconds = probe_seconds
        self._probe_due = 0.0
        self._session: Session | None = None
        self._generation = -1
        self._epoch = -1
        self._unproved = True
        self._roots: dict[str, Any] = {}
        self._ivs = b""
        self._ivs_used = 0
        self.handles = Handles(handles, self._destroy)

    def generate_key(self, region_id: str, key_version_id: UUID) -> WrappedKey:
        session = self._begin()
        try:
            root = self._root(session, root_label(region_id))
            self.handles.make_room()
            handle, wrapped = session.generate(root)
            key = WrappedKey(key_version_id, region_id, wrapped)
            self.handles.keep(key, handle)
            return self._done(key)
        except PKCS11Error as error:
            raise self._lost(error) from None
        finally:
            self._module.leave()

    def encrypt(self, key: WrappedKey, plaintext: bytes, authenticated: bytes) -> bytes:
        session = self._begin()
        try:
            handle = self.handles.find(key) or self._unwrap(session, key)
            iv = self._next_iv(session)
            return self._done(iv + session.encrypt(handle, iv, authenticated, plaintext))
        except PKCS11Error as error:
            raise self._lost(error) from None
        finally:
            self._module.leave()

    def decrypt(self, key: WrappedKey, sealed: bytes, authenticated: bytes) -> bytes:
        session = self._begin()
        try:
            handle = self.handles.find(key) or self._unwrap(session, key)
            return self._done(self._opened(session, handle, sealed, authenticated))
        except PKCS11Error as error:
            raise self._lost(error) from None
        finally:
            self._module.leave()

    def random(self, size: int) -> bytes:
        session = self._begin()
        try:
            return self._done(session.random(size) if size else b"")
        except PKCS11Error as error:
            raise self._lost(error) from None
        finally:
            self._module.leave()

    def seal(self, secret: bytes, authenticated: bytes) -> bytes:
        session = self._begin()
        try:
            handle = self._root(session, SEALING).handle
            iv = self._next_iv(session)
            return self._done(iv + session.encrypt(handle, iv, authenticated, secret))
        except PKCS11Error as error:
            raise self._lost(error) from None
        finally:
            self._module.leave()

    def unseal(self, sealed: bytes, authenticated: bytes) -> bytes:
        session = self._begin()
        try:
            handle = self._root(session, SEALING).handle
            return self._done(self._opened(session, handle, sealed, authenticated))
        except PKCS11Error as error:
            raise self._lost(error) from None
        finally:
            self._module.leave()

    def open_region(self, region_id: str) -> bytes:
        """In a session of its own that may write; all others may only read."""
        address = self._token.address
        with one_maker(address.pin_file or Path(address.module_path)):
            session = self._token.open(writes=True)
            with inside(self._module) as generation:
                if generation != session.generation:
                    raise ServiceUnavailable
                return self._region_opened(session, region_id)

    def key_check_value(self, region_id: str) -> bytes | None:
        session = self._begin()
        try:
            with self._token.turns.beside_others():
                root = find_key(session, root_label(region_id))
            return self._done(None if root is None else session.check_value(root))
        except PKCS11Error as error:
            raise self._lost(error) from None
        finally:
            self._module.leave()

    def check_health(self) -> None:
        """:raises ServiceUnavailable: the token does not answer, or not as it should."""
        session = self._begin()
        try:
            self._check_health(session)
            self._done(None)
        except PKCS11Error as error:
            raise self._lost(error) from None
        finally:
            self._module.leave()

    def forget(self, key_version_id: UUID) -> None:
        with inside(self._module) as generation:
            if generation == self._generation:
                self.handles.forget(key_version_id)
            else:
                self._abandon()

    def close(self) -> None:
        with inside(self._module) as generation:
            if generation == self._generation:
                self._drop()
            else:
                self._abandon()

    # --- the session -------------------------------------------------------------------------------------------------

    def _begin(self) -> Session:
        """Enter the module with a good session. Who got one leaves the module; who got an error is out already."""
        generation = self._module.enter()
        session = self._session
        if (
            session is not None
            and generation == self._generation
            and self._epoch == self._token.epoch
            and time.monotonic() < self._probe_due
        ):
            return session
        try:
            good = session is not None and generation == self._generation and self._still_good(session)
            if generation == self._generation and not good:
                self._drop()
        except BaseException:
            self._module.leave()
            raise
        if session is not None and good:
            return self._rested(session) if self._module.worn else session
        self._module.leave()
        return self._renewed()

    def _rested(self, session: Session) -> Session:
        """Let the library start anew if nobody else is inside; otherwise a later call will."""
        self._module.leave()
        with contextlib.suppress(Busy, PKCS11Error):
            self._module.reinitialise(self._generation)
        if self._module.enter() == self._generation:
            return session
        self._module.leave()
        return self._renewed()

    def _still_good(self, session: Session) -> bool:
        epoch = self._token.epoch
        try:
            self._check_health(session)
        except PKCS11Error as error:
            _log.warning("hsm_session_lost", error=type(error).__name__)
            self._token.epoch_ended(self._epoch)
            return False
        self._epoch = epoch
        self._probe_due = time.monotonic() + self._probe_seconds
        return True

    def _renewed(self) -> Session:
        self._abandon()
        epoch = self._token.epoch
        session = self._token.open()
        if self._module.enter() != session.generation:
            # Another adapter's token made the library start anew in this instant. The next call sorts it out.
            self._module.leave()
            raise ServiceUnavailable
        self._session, self._generation, self._epoch = session, session.generation, epoch
        self._probe_due = time.monotonic() + self._probe_seconds
        self._unproved = True
        return session

    def _check_health(self, session: Session) -> None:
        with self._token.turns.beside_others():
            session.check_health()

    def _drop(self) -> None:
        if self._session is not None:
            with contextlib.suppress(PKCS11Error):
                self._session.close()
        self._abandon()

    def _abandon(self) -> None:
        self._session = None
        self._roots.clear()
        self.handles.abandon()
        # A new session starts with new random bytes, whatever became of the old ones.
        self._ivs, self._ivs_used = b"", 0

    def _done(self, result: Result) -> Result:
        """The session has proved itself: the next failure is the first again."""
        if self._unproved:
            self._unproved = False
            self._token.back_off.succeeded()
        return result

    def _lost(self, error: PKCS11Error) -> ServiceUnavailable:
        unavailable = self._unavailable(error)
        self._token.epoch_ended(self._epoch)
        self._drop()
        return unavailable

    def _unavailable(self, error: PKCS11Error) -> ServiceUnavailable:
        _log.warning("hsm_trouble", token=str(self._token.address), error=type(error).__name__, reason=str(error))
        self._token.back_off.failed()
        return ServiceUnavailable("The HSM is not available: nothing was released. Retry later.")

    def _region_opened(self, session: Session, region_id: str) -> bytes:
        try:
            ensure_key(session, SEALING, wraps=False)
            return session.check_value(ensure_key(session, root_label(region_id), wraps=True))
        except PKCS11Error as error:
            raise self._unavailable(error) from None
        finally:
            with contextlib.suppress(PKCS11Error):
                session.close()

    # --- keys --------------------------------------------------------------------------------------------------------

    def _root(self, session: Session, label: str) -> Any:
        root = self._roots.get(label)
        if root is None:
            with self._token.turns.beside_others():
                root = find_key(session, label)
            if root is None:
                raise ServiceUnavailable(
                    f"The HSM token holds no key {label}. Operators: connect the right token, or open its region first."
                )
            self._roots[label] = root
        return root

    def _unwrap(self, session: Session, key: WrappedKey) -> int:
        if len(key.wrapped) != WRAPPED_BYTES:
            raise WrappingInvalid
        root = self._root(session, root_label(key.region_id))
        self.handles.make_room()
        try:
            handle = session.unwrap(root, key.wrapped)
        except (WrappedKeyInvalid, WrappedKeyLenRange):
            raise WrappingInvalid from None
        except _AMBIGUOUS:
            self._unwraps_its_own(session, root)
            raise WrappingInvalid from None
        self.handles.keep(key, handle)
        return handle

    def _unwraps_its_own(self, session: Session, root: Any) -> None:
        handle, wrapped = session.generate(root)
        session.destroy(handle)
        session.destroy(session.unwrap(root, wrapped))

    def _opened(self, session: Session, handle: int, sealed: bytes, authenticated: bytes) -> bytes:
        if len(sealed) < IV_BYTES + TAG_BYTES:
            raise CiphertextInvalid
        try:
            return session.decrypt(handle, sealed[:IV_BYTES], authenticated, sealed[IV_BYTES:])
        except (EncryptedDataInvalid, EncryptedDataLenRange):
            raise CiphertextInvalid from None
        except _AMBIGUOUS:
            self._check_health(session)
            raise CiphertextInvalid from None

    def _next_iv(self, session: Session) -> bytes:
        """Twelve bytes of the HSM's generator, each used once: they count as used before they are."""
        start = self._ivs_used
        if start >= len(self._ivs):
            self._ivs, start = session.random(IV_BYTES * _IVS_AT_ONCE), 0
        self._ivs_used = start + IV_BYTES
        return self._ivs[start : start + IV_BYTES]

    def _destroy(self, handle: int) -> None:
        """Of a handle that is kept no longer. A failure is trouble for the call that is under way, if there is one."""
        if self._session is not None:
            self._session.destroy(handle)
            self._module.destroyed += 1
