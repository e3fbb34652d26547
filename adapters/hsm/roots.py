"""The keys that live on the token: one root per region, and the sealing key. Finding them, and making each just once.

PKCS#11 has no "create unless it exists": two processes that both look, find nothing and both create would leave two
keys of one name, each used by one of them. So a key is born under a candidate's name, and gets its own name only from a
maker that was alone. Each maker writes first and looks then, so of two that overlap at least one sees the other; who
sees another takes its own candidate back, which nobody has used, waits for a random time and starts again.

Makers on one machine take turns as well (:func:`one_maker`): SoftHSM, whose token is a folder, sometimes does not show
an object or a whole token to one process while another one writes (seen with 2.6.1), and then looking proves nothing.

What if a maker dies? Before it has renamed, a candidate stays behind; whoever waited for it ``STALE_SECONDS`` destroys
it. Was its maker only slow, then its renaming fails, and it starts again. After it has renamed, the key is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import structlog
from pkcs11 import Attribute
from pkcs11.exceptions import ObjectHandleInvalid, PKCS11Error

from adapters.hsm.session import Session
from domain.errors import ServiceUnavailable

SEALING: Final = "key-ledger/sealing"
STALE_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 60.0

_log = structlog.get_logger(__name__)


def root_label(region_id: str) -> str:
    return f"key-ledger/root/{region_id}"


def _candidate(label: str) -> str:
    return f"{label}/candidate"


@contextlib.contextmanager
def one_maker(shared: Path) -> Iterator[None]:
    """Wait until no other process of this machine makes keys; ``shared`` is a file that all of them can read.

    :raises ServiceUnavailable: somebody took more than a minute.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    try:
        lock = os.open(shared, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ServiceUnavailable(f"{shared} cannot be read: {error.strerror}.") from None
    try:
        while not _locked(lock):
            if time.monotonic() > until:
                raise ServiceUnavailable("Another process has been making HSM keys for a minute.")
            time.sleep(0.02)
        yield
    finally:
        # The lock ends with the file, so a maker that dies keeps nobody waiting.
        os.close(lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def find_key(session: Session, label: str) -> Any | None:
    """The key of that label; None where the token holds none.

    :raises ServiceUnavailable: two keys carry the label, or the key may leave the token.
    """
    found = session.find(label)
    if len(found) > 1:
        _log.error("hsm_key_ambiguous", label=label, found=len(found))
        raise ServiceUnavailable(
            f"The HSM token holds {len(found)} keys labelled {label}. Operators: which one is right tells its check "
            "value in the ledger; rename the others."
        )
    if not found:
        return None
    key = found[0]
    if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE]:
        _log.error("hsm_key_extractable", label=label)
        raise ServiceUnavailable(f"The HSM's key {label} can leave the token. Operators: it must not be used.")
    return key


def ensure_key(session: Session, label: str, *, wraps: bool, stale_seconds: float = STALE_SECONDS) -> Any:
    """The key of that label, made where it is missing. ``session`` may write.

    :raises ServiceUnavailable: others kept making it for a minute, or it is ambiguous.
    """
    seen: dict[bytes, float] = {}
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(ObjectHandleInvalid):  # a candidate that went while we looked at it
            key = find_key(session, label)
            if key is not None:
                return key
            if not _others(session, label, seen, stale_seconds) and _made_alone(session, label, wraps):
                # SoftHSM does not fsync. A root that the ledger records and a power cut takes away would take every
                # key of its region along.
                os.sync()
                continue
        time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - it only has to differ between processes
    raise ServiceUnavailable(f"The HSM's key {label} could not be made: others try the same all the time.")


def _others(session: Session, label: str, seen: dict[bytes, float], stale_seconds: float) -> bool:
    """Is somebody making this key? What has not moved for long is cleared away."""
    waiting = False
    for candidate in session.find(_candidate(label)):
        with contextlib.suppress(ObjectHandleInvalid):
            identifier = candidate[Attribute.ID]
            if time.monotonic() - seen.setdefault(identifier, time.monotonic()) > stale_seconds:
                _log.warning("hsm_candidate_cleared", label=label)
                candidate.destroy()
            else:
                waiting = True
    return waiting


def _made_alone(session: Session, label: str, wraps: bool) -> bool:
    """Make a candidate and give it its name, unless somebody else is there."""
    identifier = session.random(16)
    mine = session.make_key(_candidate(label), identifier, wraps)
    # If we die here, a candidate is left that the next maker clears away.
    try:
        # In this order: a candidate that is being renamed is found by one of the two searches.
        rivals = [key for key in session.find(_candidate(label)) if key[Attribute.ID] != identifier]
        if not rivals and not session.find(label):
            mine[Attribute.LABEL] = label
            return True
        mine.destroy()
    except PKCS11Error as error:
        # Either an impatient one took ours for dead, or a rival went while we looked at it: nobody has used ours.
        with contextlib.suppress(PKCS11Error):
            _destroy_candidate(session, label, identifier)
        if not isinstance(error, ObjectHandleInvalid):
            raise
    return False


def _destroy_candidate(session: Session, label: str, identifier: bytes) -> None:
    """By looking it up anew: after an error nobody knows whether it still is a candidate. A named key must stay."""
    for candidate in session.find(_candidate(label)):
        if candidate[Attribute.ID] == identifier:
            candidate.destroy()
