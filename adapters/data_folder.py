"""The data folder: whose it is, which version made it, and that one ``up`` at a time uses it.

    deployment.json     the marker: this folder is Key Ledger's
    credentials.json    the root account's access key and how to reach the service (0600)
    settings.json       of the child processes (0600)
    secrets/            passwords and the token's PINs (0600 each)
    tls/ hsm/ log/      certificates, the token's objects, what child processes say
    postgresql/         the embedded PostgreSQL (:mod:`adapters.embedded.place`)

The lock is the kernel's, on the folder itself: it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pwd
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from adapters.cannot_start import CannotStart, explained

FORMAT: Final = 1
"""Of the folder's layout. A folder of a higher one was made by a newer Key Ledger."""

_MARKER: Final = "deployment.json"
_NOT_CONTENT: Final = frozenset({"lost+found"})


class DataFolder:
    """A folder that is ours and locked; make one with :func:`opened`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def folder(self, name: str) -> Path:
        """``DIR/name``, made with mode 0700 where it is missing."""
        folder = self.path / name
        with explained(f"make the folder {folder}"):
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def secret(self, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(32)) -> str:
        """The text kept in ``secrets/name``, made at the first call. If we die in between, the next start makes it."""
        file = self.folder("secrets") / name
        if not file.exists():
            write_private(file, make() + "\n")
        with explained(f"read {file}"):
            return file.read_text(encoding="utf-8").strip()

    def read(self, name: str) -> dict[str, Any] | None:
        """The JSON object in ``DIR/name``; None where there is none.

        :raises CannotStart: it is damaged.
        """
        file = self.path / name
        with explained(f"read {file}"):
            if not file.exists():
                return None
            text = file.read_text(encoding="utf-8")
        return _parsed(file, text)

    def write(self, name: str, value: dict[str, Any]) -> Path:
        """Replace ``DIR/name``, mode 0600, by the JSON of ``value``, wholly or not at all."""
        file = self.path / name
        write_private(file, json.dumps(value, indent=2) + "\n")
        return file


@contextmanager
def opened(path: Path) -> Iterator[DataFolder]:
    """Make the folder or recognise it, and lock it while inside.

    :raises CannotStart: it is not ours, in use, of a newer version, or cannot be made.
    """
    path = path.absolute()
    with explained(f"make the data folder {path}"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = path.resolve()
        _check_owner(path)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor, path)
        _recognise(path)
        yield DataFolder(path)
    finally:
        os.close(descriptor)


def write_private(file: Path, text: str) -> None:
    """Replace ``file`` by one of mode 0600 with ``text``, durably: if we die half-way, the old file stands.

    :raises CannotStart: no room, or no right.
    """
    with explained(f"write {file}"):
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)  # mkstemp's mode is 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as fresh:
                fresh.write(text)
                fresh.flush()
                os.fsync(fresh.fileno())
            Path(name).replace(file)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise


def _check_owner(path: Path) -> None:
    """Root may write anywhere, but files of two owners in one folder shut the other one out later."""
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise CannotStart(
            f"The folder {path} belongs to {_name(owner)} and you are {_name(os.geteuid())}. "
            "Run scripts/up as its owner, or choose another folder with --data."
        )


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CannotStart(
            f"Another scripts/up is running on {path}. Stop that one, or choose another folder with --data."
        ) from None


def _recognise(path: Path) -> None:
    """If we die before the marker is in place, the folder is empty but for a hidden leftover of ours."""
    marker = path / _MARKER
    with explained(f"look into {path}"):
        if marker.exists():
            _check_format(marker)
            return
        leftover = f".{_MARKER}-"
        if any(entry.name not in _NOT_CONTENT and not entry.name.startswith(leftover) for entry in path.iterdir()):
            raise CannotStart(
                f"The folder {path} is not empty and was not made by Key Ledger: nothing in it was touched. "
                "Choose another folder with --data."
            )
        path.chmod(0o700)
    write_private(marker, json.dumps({"key_ledger_data_folder": FORMAT}) + "\n")


def _check_format(marker: Path) -> None:
    found = _parsed(marker, marker.read_text(encoding="utf-8")).get("key_ledger_data_folder")
    if found != FORMAT:
        raise CannotStart(
            f"The folder {marker.parent} was made by another version of Key Ledger (its format is {found}, this one "
            f"reads {FORMAT}). Run the version that made it, or choose another folder with --data."
        )


def _parsed(file: Path, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise CannotStart(f"{file} is damaged: it does not hold a JSON object. Restore it from a backup.")
    return value


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
