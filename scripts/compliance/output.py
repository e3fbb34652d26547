"""The folder of a report: written under another name beside it, and renamed when it is whole.

If we die in here, what is left begins with a dot and ends with ``.part``, and is no report; the next run makes its own.
A folder that exists is never touched.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.envelope.failure import FileTrouble


@contextmanager
def new_folder(wanted: Path) -> Iterator[Path]:
    """Yields where to write. On any failure nothing of it stays.

    :raises FileTrouble: it exists, or nobody may write there.
    """
    _refuse_existing(wanted)
    # Named before it is made: whatever interrupts us from here on, it is known what to remove.
    written = wanted.parent / f".{wanted.name}.{secrets.token_hex(6)}.part"
    try:
        wanted.parent.mkdir(parents=True, exist_ok=True)
        written.mkdir(mode=0o700)
        yield written
        for file in sorted(written.iterdir()):
            _settle(file)
        _settle(written)
        # An empty folder of that name would be replaced by rename(2): what exists is not ours.
        _refuse_existing(wanted)
        written.rename(wanted)
        _settle(wanted.parent)
    except OSError as error:
        raise _trouble(wanted, error) from None
    finally:
        shutil.rmtree(written, ignore_errors=True)


def _refuse_existing(wanted: Path) -> None:
    if os.path.lexists(wanted):
        raise FileTrouble(f"{wanted} exists.", "Nothing was written. Choose another --output.")


def _settle(path: Path) -> None:
    """Onto the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _trouble(wanted: Path, error: OSError) -> FileTrouble:
    return FileTrouble(f"{wanted} cannot be written: {error.strerror}.", "Choose another --output.")
