"""A second copy of the one file of a SoftHSM token that every login rewrites.

C_Login writes the token's flags into ``token.object``, in place: SoftHSM truncates the file, lets go of its lock, and
writes then (2.6.1). Whoever is killed between the two, or finds the disk full, leaves an empty file, and in it went the
key that opens all others: nobody could log in again, ever. So who logs in, alone (:mod:`adapters.hsm.turns`), first
puts back what is torn, and afterwards keeps what opened.

What if we die here? Both files are replaced whole, so each is the old or the new one. After somebody changed the PIN
and before the next login has kept it, the copy opens with the old PIN: put back, it is refused, and the PIN with it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

import structlog

from adapters.hsm.software_file import replace_file

_DESCRIPTION: Final = "token.object"
_COPY: Final = "token.kept"
"""Beside it; SoftHSM looks only at names that end in ``.object``."""
_GENERATION_BYTES: Final = 8
"""At the file's beginning: counts the writes."""
_FIRST_ATTRIBUTE: Final = slice(_GENERATION_BYTES, _GENERATION_BYTES + 16)
"""Its type and kind: what a power cut may leave of the right length is zeros."""
_SETTLED_SECONDS: Final = 0.05
"""After which a writer that lives has written."""

_log = structlog.get_logger(__name__)


class TokenCopies:
    """:param shared: the folder whose ``tokens`` hold SoftHSM's tokens; None where the token is something else."""

    def __init__(self, shared: Path | None) -> None:
        self._tokens = None if shared is None else shared / "tokens"

    def put_back(self) -> None:
        """Make each token whole that has a copy and is torn. Called before the library looks at them.

        Where that fails the token stays as it is, and the login says that there is none; the next one tries again.
        """
        for copy in self._found(f"*/{_COPY}"):
            description = copy.with_name(_DESCRIPTION)
            try:
                kept = copy.read_bytes()
                if _is_torn(_read(description), kept) and _stays_torn(description, kept):
                    replace_file(description, kept)
                    _log.warning("hsm_token_put_back", token=str(copy.parent))
            except OSError as error:
                _log.error("hsm_token_not_put_back", token=str(copy.parent), reason=str(error))

    def keep(self, serial: str) -> None:
        """Copy the token of that serial number, which has just opened, unless the copy says the same.

        SoftHSM names a token's folder by a UUID whose last 16 digits are its serial number.
        """
        for description in self._found(f"*/{_DESCRIPTION}"):
            if not serial or not description.parent.name.replace("-", "").endswith(serial):
                continue
            copy = description.with_name(_COPY)
            try:
                now, kept = description.read_bytes(), _read(copy)
                if not _is_torn(now, kept) and now[_GENERATION_BYTES:] != kept[_GENERATION_BYTES:]:
                    replace_file(copy, now)
            except OSError as error:
                _log.error("hsm_token_not_kept", token=str(copy.parent), reason=str(error))

    def _found(self, pattern: str) -> list[Path]:
        return [] if self._tokens is None else sorted(self._tokens.glob(pattern))


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _stays_torn(description: Path, kept: bytes) -> bool:
    """Not only for the moment in which a process writes it that took no turn, such as ``softhsm2-util``."""
    time.sleep(_SETTLED_SECONDS)
    return _is_torn(_read(description), kept)


def _is_torn(now: bytes, kept: bytes) -> bool:
    if not now or len(now) < len(kept):
        return True
    return bool(kept) and now[_FIRST_ATTRIBUTE] != kept[_FIRST_ATTRIBUTE]
