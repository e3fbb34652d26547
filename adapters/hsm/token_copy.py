"""A second copy of the one file of a SoftHSM token that every login rewrites.

C_Login writes the token's flags into ``token.object``, in place: SoftHSM truncates the file, lets go of its lock, and
writes then (2.6.1). Whoever is killed between the two, or finds the disk full, leaves an empty file, and in it went the
key that opens all others: nobody could log in again, ever. So who logs in, alone (:mod:`adapters.hsm.turns`), first
puts back what is torn and copies what is whole. A changed PIN is thus copied before the first login that needs it.

What if we die here? Both files are replaced whole, so each is the old or the new one; a temporary file may stay.
"""

from __future__ import annotations

import errno
import struct
import time
from pathlib import Path
from typing import Final

import structlog

from adapters.hsm.address import HsmSettingsError
from adapters.hsm.replacing import replace_file

_DESCRIPTION: Final = "token.object"
_COPY: Final = "token.kept"
"""Beside it; SoftHSM looks only at names that end in ``.object``."""

_GENERATION_BYTES: Final = 8
"""At the file's beginning: counts the writes."""
_HEADER: Final = struct.Struct(">QQ")
"""Of each attribute that follows: its type, and what kind of value comes next."""
_LENGTH: Final = struct.Struct(">Q")
_FIXED: Final = {1: 1, 2: 8}
"""Bytes of a value, by its kind: a truth, a number."""
_BYTES: Final = 3
"""A kind whose value is its length and so many bytes. A token has no others."""

_SETTLED_SECONDS: Final = 0.05
"""After which a writer that lives has written."""
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}

_log = structlog.get_logger(__name__)


def secure(shared: Path | None) -> None:
    """Put back each torn token under ``shared/tokens``, and copy each whole one: before the library looks at them.

    Where a folder takes no file for another reason, such as that it is only read, the login goes on without a copy.

    :param shared: None where the token is something else.
    :raises HsmSettingsError: the disk is full. The login would empty the file and could not fill it again.
    """
    for folder in [] if shared is None else sorted((shared / "tokens").glob("*/")):
        try:
            _secure(folder)
        except OSError as error:
            if error.errno in _FULL:
                raise HsmSettingsError(f"There is no room for a copy of the token in {folder}: {error}.") from None
            _log.error("hsm_token_not_secured", token=str(folder), reason=str(error))


def _secure(folder: Path) -> None:
    description, copy = folder / _DESCRIPTION, folder / _COPY
    now, kept = _read(description), _read(copy)
    if _is_whole(now):
        if now[_GENERATION_BYTES:] != kept[_GENERATION_BYTES:]:
            replace_file(copy, now, like=description)
    elif _is_whole(kept) and _stays_torn(description):
        replace_file(description, kept, like=copy)
        _log.warning("hsm_token_put_back", token=str(folder))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _stays_torn(description: Path) -> bool:
    """Not only for the moment in which a process writes it that took no turn, such as ``softhsm2-util``."""
    time.sleep(_SETTLED_SECONDS)
    return not _is_whole(_read(description))


def _is_whole(description: bytes) -> bool:
    """Whether attributes follow each other to the end: not so in an empty file, or in zeros, as a power cut leaves."""
    place = _GENERATION_BYTES
    while place < len(description):
        end = _end_of_attribute(description, place)
        if end is None or end > len(description):
            return False
        place = end
    return place > _GENERATION_BYTES


def _end_of_attribute(description: bytes, place: int) -> int | None:
    """None where there is none."""
    value = place + _HEADER.size
    if value > len(description):
        return None
    _, kind = _HEADER.unpack_from(description, place)
    if kind in _FIXED:
        return value + _FIXED[kind]
    if kind != _BYTES or value + _LENGTH.size > len(description):
        return None
    (length,) = _LENGTH.unpack_from(description, value)
    return value + _LENGTH.size + int(length)
