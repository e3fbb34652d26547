"""Replacing a file whole: written beside, synced, renamed, and its folder synced."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path


def replace_file(path: Path, content: bytes, like: Path | None = None) -> None:
    """Write ``content`` so that after a crash either the old or the new file is there. Durable on return.

    :param like: a file whose owner and mode the new one gets, where we may; else it is ours, mode 0600.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            if like is not None:
                _resemble(file.fileno(), like.stat())
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _resemble(handle: int, other: os.stat_result) -> None:
    for owner, group in ((-1, other.st_gid), (other.st_uid, -1)):
        with contextlib.suppress(PermissionError):
            os.fchown(handle, owner, group)
    os.fchmod(handle, stat.S_IMODE(other.st_mode))
