"""Where the bytes come from and where they go: files and the standard streams.

Here: reading without buffering, and output files that appear under their name whole or not at all. What the bytes
mean is elsewhere.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, Protocol

from scripts.envelope.failure import FileTrouble

STANDARD_STREAM: Final = "-"
_STANDARD_INPUT: Final = 0
_STANDARD_OUTPUT: Final = 1
_NOT_OPEN: Final = -1


class Source(AbstractContextManager["Source"]):
    """A file or standard input. ``size`` is its number of bytes, or None where nobody knows (pipes); ``consumed``
    what was read."""

    def __init__(self, name: str) -> None:
        self.name = "standard input" if name == STANDARD_STREAM else name
        self._owned = name != STANDARD_STREAM
        self._file = self._opened(name)
        self.size = self._size()
        self.consumed = 0

    def _opened(self, name: str) -> int:
        try:
            file = os.open(name, os.O_RDONLY | os.O_CLOEXEC) if self._owned else _STANDARD_INPUT
            folder = stat.S_ISDIR(os.fstat(file).st_mode)
        except OSError as trouble:
            raise _unreadable(self.name, trouble) from None
        if folder:
            raise FileTrouble(f"{self.name} is a folder.", "Name a file; tar can make one of a folder.")
        return file

    def _size(self) -> int | None:
        status = os.fstat(self._file)
        if not stat.S_ISREG(status.st_mode):
            return None
        return max(0, status.st_size - os.lseek(self._file, 0, os.SEEK_CUR))

    def read(self, size: int, /) -> bytes:
        """:raises FileTrouble: the device failed."""
        try:
            piece = os.read(self._file, size)
        except OSError as trouble:
            raise _unreadable(self.name, trouble) from None
        self.consumed += len(piece)
        return piece

    def __exit__(self, *_: object) -> None:
        if self._owned:
            os.close(self._file)


class Target(Protocol):
    """``open``, ``write`` any number of times, ``sync``, ``commit``; and ``discard`` always, whatever happened."""

    name: str
    written: int

    def open(self) -> None: ...

    def write(self, data: bytes, /) -> None: ...

    def sync(self) -> None: ...

    def commit(self) -> None: ...

    def discard(self) -> None: ...


class StreamTarget:
    """Standard output. What was written is out: there is nothing to commit or to discard."""

    def __init__(self) -> None:
        self.name = "standard output"
        self.written = 0

    def open(self) -> None: ...

    def write(self, data: bytes, /) -> None:
        """:raises FileTrouble: the reader of the pipe went away, or the disk behind it is full."""
        _write_all(_STANDARD_OUTPUT, data, self.name)
        self.written += len(data)

    def sync(self) -> None: ...

    def commit(self) -> None: ...

    def discard(self) -> None: ...


class FileTarget:
    """A new file. Its content gathers under a hidden name in the same folder, and gets its own name when it is
    complete.

    ``mode`` is subject to the umask. ``replace`` allows a *regular* file to be replaced; devices, pipes, folders and
    symbolic links are never written to or replaced, since renaming over ``/dev/stdout`` would destroy it.

    If we die here (kill -9, power), the name does not exist, or the file that was there before is untouched; a hidden
    ``.key-ledger-….partial`` may be left in the folder.
    """

    def __init__(self, name: str, mode: int, replace: bool) -> None:
        self.name = name
        self.written = 0
        self._path = Path(name)
        self._partial = self._path.parent / f".key-ledger-{secrets.token_hex(8)}.partial"
        self._mode = mode
        self._replace = replace
        self._file = _NOT_OPEN

    def check(self) -> None:
        """:raises FileTrouble: something is in the way. Asked before any key is used, and again by ``commit``."""
        try:
            there = os.lstat(self._path)
        except FileNotFoundError:
            return
        except OSError as trouble:
            raise _unwritable(self.name, trouble) from None
        if not stat.S_ISREG(there.st_mode):
            raise FileTrouble(
                f"{self.name} exists and is not a regular file.",
                "Name a new file, or write to standard output with - .",
            )
        if not self._replace:
            raise _exists(self.name)

    def open(self) -> None:
        self.check()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._file = os.open(self._partial, flags, self._mode)
        except OSError as trouble:
            raise _unwritable(self.name, trouble) from None

    def write(self, data: bytes, /) -> None:
        _write_all(self._file, data, self.name)
        self.written += len(data)

    def sync(self) -> None:
        """Make the content durable, which may take long.

        :raises FileTrouble: the disk failed or is full.
        """
        try:
            os.fsync(self._file)
        except OSError as trouble:
            raise _unwritable(self.name, trouble) from None

    def commit(self) -> None:
        """Make the content visible under its name.

        :raises FileTrouble: the disk failed, or a file of this name appeared in the meantime.
        """
        self.check()
        try:
            self._give_name()
            _sync_folder(self._path.parent)
        except FileExistsError:
            raise _exists(self.name) from None
        except OSError as trouble:
            raise _unwritable(self.name, trouble) from None

    def _give_name(self) -> None:
        if self._replace:
            self._partial.replace(self._path)
            return
        try:
            os.link(self._partial, self._path)  # unlike a rename, a link never replaces a file that just appeared
        except OSError as trouble:
            if trouble.errno not in {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}:
                raise
            self._claim_then_rename()

    def _claim_then_rename(self) -> None:
        """For file systems without links. If we die here, between the two, an empty file bears the name."""
        os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, self._mode))
        self._partial.replace(self._path)

    def discard(self) -> None:
        if self._file != _NOT_OPEN:
            os.close(self._file)
            self._file = _NOT_OPEN
        with suppress(OSError):
            self._partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _write_all(file: int, data: bytes, name: str) -> None:
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(file, rest) :]
    except OSError as trouble:
        raise _unwritable(name, trouble) from None


def _exists(name: str) -> FileTrouble:
    return FileTrouble(f"{name} exists already.", "Name another file, or replace it with --force.")


def _unreadable(name: str, trouble: OSError) -> FileTrouble:
    advice = {
        errno.ENOENT: "Check the name.",
        errno.EACCES: "Ask for the right to read it.",
    }.get(trouble.errno or 0, "Check the disk or the program that delivers it.")
    return FileTrouble(f"Cannot read {name}: {trouble.strerror}.", advice)


def _unwritable(name: str, trouble: OSError) -> FileTrouble:
    advice = {
        errno.ENOSPC: "Make room, then run the command again.",
        errno.EDQUOT: "Make room, then run the command again.",
        errno.ENOENT: "Create the folder first.",
        errno.EACCES: "Choose a folder in which you may create files.",
        errno.EROFS: "Choose a folder in which you may create files.",
        errno.EPIPE: "The program that read the output stopped before its end; look there.",
    }.get(trouble.errno or 0, "Check the disk.")
    return FileTrouble(f"Cannot write {name}: {trouble.strerror}.", advice)
