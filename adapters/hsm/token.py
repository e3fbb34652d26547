"""The token that an adapter talks to: finding it, opening sessions, logging in, and not doing so too often.

A PIN that was refused is never tried again, so that no loop can lock it: the adapter must be made anew, with the right
PIN. Everything else is tried again, at growing distances, by whichever call comes first: a token that is back is found
without a restart. Nobody else's session is touched on the way.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from pkcs11.exceptions import (
    NoSuchToken,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)

from adapters.hsm.address import HsmSettingsError, TokenAddress
from adapters.hsm.cryptoki import CKU_USER
from adapters.hsm.module import Busy, inside, module_at
from adapters.hsm.session import Pkcs11Session, Session
from adapters.hsm.token_copy import secure
from adapters.hsm.turns import Turns
from domain.errors import ServiceUnavailable

_log = structlog.get_logger(__name__)

_PIN_REFUSED: Final = (PinIncorrect, PinInvalid, PinLenRange, PinExpired, PinLocked)

Dress = Callable[[Session], Session]
"""Puts something around each session; tests put faults there."""


class BackOff:
    """When the next attempt may be made: at once after the first failure, then 0.1 s, 0.2 s … up to ``longest``."""

    def __init__(self, longest_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._longest = longest_seconds
        self._now = now
        self._failures = 0
        self._not_before = 0.0

    @property
    def over(self) -> bool:
        return self._now() >= self._not_before

    def failed(self) -> None:
        self._failures += 1
        delay = min(0.1 * 2 ** min(self._failures - 2, 20), self._longest) if self._failures > 1 else 0.0
        self._not_before = self._now() + delay

    def succeeded(self) -> None:
        self._failures = 0


class Token:
    """Shared by all threads of one adapter.

    :param wait_seconds: how long a thread waits for another one that is opening a session.
    :param longest_back_off_seconds: between two attempts to reach a token that is away.
    """

    def __init__(
        self,
        address: TokenAddress,
        *,
        wait_seconds: float,
        longest_back_off_seconds: float,
        dress: Dress = lambda session: session,
    ) -> None:
        self.address = address
        self.module = module_at(address.module_path)
        self.back_off = BackOff(longest_back_off_seconds)
        shared = address.pin_file.parent if address.pin_file is not None else None
        self.turns = Turns(shared)
        self._shared = shared
        self.epoch = 0
        """Moves when a session was lost: every other session of the adapter is then checked before its next use."""
        self._wait_seconds = wait_seconds
        self._dress = dress
        self._opening = threading.Lock()
        self._refused = ""
        self.module.adopt(self)

    def open(self, *, writes: bool = False) -> Session:
        """A session, logged in.

        :raises ServiceUnavailable: the token cannot be reached now, or its PIN was refused once.
        """
        self._check_allowed()
        if not self._opening.acquire(timeout=self._wait_seconds):
            raise ServiceUnavailable("The HSM does not answer: nothing was released. Retry later.")
        try:
            self._check_allowed()
            return self._attempt(writes)
        finally:
            self._opening.release()

    def epoch_ended(self, epoch: int) -> None:
        """A session of ``epoch`` was lost: the others check theirs before they use them again."""
        if self.epoch == epoch:
            self.epoch += 1

    def release(self) -> None:
        self.module.release(self)

    def _check_allowed(self) -> None:
        if self.module.forked:
            raise ServiceUnavailable("The HSM was opened before this process forked. Operators: open it afterwards.")
        if self._refused:
            raise ServiceUnavailable(self._refused)
        if not self.back_off.over:
            raise ServiceUnavailable("The HSM is not available: nothing was released. Retry later.")

    def _attempt(self, writes: bool) -> Session:
        try:
            with self.turns.alone():
                secure(self._shared)
                return self._open_or_reinitialise(writes)
        except _PIN_REFUSED as error:
            self._refused = (
                "The HSM refused the PIN. Operators: correct it, unlock the token, then restart the service."
            )
            _log.error("hsm_pin_refused", token=str(self.address), error=type(error).__name__)
            raise ServiceUnavailable(self._refused) from None
        except (PKCS11Error, HsmSettingsError, Busy) as error:
            self.back_off.failed()
            _log.warning("hsm_unreachable", token=str(self.address), error=type(error).__name__, reason=str(error))
            raise ServiceUnavailable("The HSM is not available: nothing was released. Retry later.") from None

    def _open_or_reinitialise(self, writes: bool) -> Session:
        """SoftHSM finds a token that was away only after a new initialisation; other libraries lose nothing by one,
        since it happens only when no operation of this process is in flight."""
        self.module.ensure_initialised()
        seen = self.module.generation
        try:
            return self._open(writes)
        except _PIN_REFUSED:
            raise
        except PKCS11Error as error:
            _log.info("hsm_reinitialising", token=str(self.address), error=type(error).__name__)
            self.module.reinitialise(seen)
            return self._open(writes)

    def _open(self, writes: bool) -> Session:
        with inside(self.module) as generation:
            opened = self._find().open(rw=writes)
            try:
                with contextlib.suppress(UserAlreadyLoggedIn):
                    self.module.functions.login(opened.handle, CKU_USER, self.address.read_pin())
                return self._dress(Pkcs11Session(self.module.functions, opened, generation))
            except (PKCS11Error, HsmSettingsError):
                with contextlib.suppress(PKCS11Error):
                    opened.close()
                raise

    def _find(self) -> Any:
        found = [token for token in map(_token_in, self.module.library.get_slots(True)) if self._fits(token)]
        if not found:
            raise NoSuchToken(f"no token fits {self.address}")
        if len(found) > 1:
            raise NoSuchToken(f"{len(found)} tokens fit {self.address}; name one by its serial number")
        return found[0]

    def _fits(self, token: Any) -> bool:
        if token is None:
            return False
        address = self.address
        wanted = (address.token, address.serial, address.manufacturer, address.model)
        has = (token.label, token.serial.decode("utf-8", "replace"), token.manufacturer_id, token.model)
        return address.slot_id in {None, token.slot.slot_id} and all(
            not want or want == value.rstrip(" \0") for want, value in zip(wanted, has, strict=True)
        )


def _token_in(slot: Any) -> Any:
    """None where the slot cannot say: an empty reader beside ours must not hide ours."""
    try:
        return slot.get_token()
    except PKCS11Error:
        return None
