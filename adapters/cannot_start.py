"""The one way in which a start is refused: a sentence for the operator that says what to do, and no traceback."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class CannotStart(Exception):
    """The message is complete: it is printed as it stands, and the process ends with status 1."""


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn the errors an operating system may answer with into a sentence about ``doing``.

    :raises CannotStart: instead of ``OSError``.
    """
    try:
        yield
    except OSError as error:
        raise CannotStart(sentence(doing, error)) from error


def sentence(doing: str, error: OSError) -> str:
    """What went wrong while ``doing`` ("make the folder /srv/ledger"), and what to do about it."""
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"Cannot {doing}: the disk is full{where}. Free some space, then run scripts/up again; nothing was lost."
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            f"Cannot {doing}: permission denied{where}. Run as the user who owns it, or choose another --data folder."
        )
    if error.errno == errno.EROFS:
        return f"Cannot {doing}: the file system is read-only{where}. Choose another --data folder."
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return f"Cannot {doing}: something that is not a folder is in the way{where}. Choose another --data folder."
    return f"Cannot {doing}: {error.strerror or error}{where}."


def is_about_a_full_disk(said: str) -> bool:
    """Whether a program's last words blame a full disk. PostgreSQL gives the error or, after a short write, a hint."""
    return any(words in said for words in ("No space left on device", "Check free disk space", "Disk quota exceeded"))
