"""Where the embedded PostgreSQL lies: decided at the first start, found again at every other.

As an ordinary user: ``DIR/postgresql``. As root PostgreSQL runs as another user, who must traverse the path to its
cluster. Where that is so it lies in ``DIR/postgresql`` as well, and DIR lets that user's group traverse (0710), not
read. Where a parent folder is in the way (root's home) nothing of the parent is changed: the cluster lies under
``/var/lib/key-ledger`` and ``DIR/postgresql.json`` points to it.

Folders and who may enter them::

    postgresql/           ours; its user's group may traverse    configuration, superuser-password (0600)
    postgresql/data/      0700, PostgreSQL's user                the cluster
    postgresql/run/       0700, PostgreSQL's user                the socket, where the path is short enough for one
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.cannot_start import CannotStart, explained
from adapters.embedded.account import postgres_account
from adapters.embedded.binaries import STATE, binaries_for, ensure_state
from adapters.processes import Account, Command

SOCKET_NAME: Final = ".s.PGSQL.5432"
SOCKET_PATH_BYTES_MAX: Final = 107
"""unix(7): ``sun_path`` has 108 bytes, one of them the final zero."""

_POINTER: Final = "postgresql.json"
_PLAIN: Final = re.compile(r"[A-Za-z0-9/._+@=-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """:param remark: a sentence for the operator where the cluster is not in the data folder; otherwise empty."""

    folder: Path
    sockets: Path
    binaries: Path
    account: Account | None
    remark: str = ""

    @property
    def data(self) -> Path:
        return self.folder / "data"


def find_place(data_folder: Path) -> Place:
    """Find or choose the place for ``data_folder``, an absolute path that exists and is ours. Idempotent.

    :raises CannotStart: its user cannot be made, or cannot reach a cluster made earlier.
    """
    account = postgres_account()
    with explained(f"prepare PostgreSQL's folder for {data_folder}"):
        folder, remark = _folder(data_folder, account)
        _own(folder, 0o700 if account is None else 0o710, None if account is None else account.gid)
        _own(folder / "run", 0o700, account)
        return Place(folder, _sockets(folder, account), binaries_for(account), account, remark)


def has_place(data_folder: Path) -> bool:
    """Whether a cluster has, or once had, its place by this data folder."""
    return (data_folder / "postgresql").exists() or (data_folder / _POINTER).exists()


def discard(place: Place) -> None:
    """Remove a stopped cluster and its socket folder: for tests, and for operators who mean it."""
    shutil.rmtree(place.folder, ignore_errors=True)
    shutil.rmtree(place.sockets, ignore_errors=True)


def _folder(data_folder: Path, account: Account | None) -> tuple[Path, str]:
    inside, pointer = data_folder / "postgresql", data_folder / _POINTER
    if account is None:
        return inside, ""
    if pointer.exists():
        return _outside(Path(json.loads(pointer.read_text(encoding="utf-8"))["folder"]), account)
    if _traversable(data_folder, account):
        return inside, ""
    if (inside / "data").exists():
        raise CannotStart(
            f"The user {account.name}, who runs PostgreSQL, cannot reach {inside} any longer. "
            f"Move {data_folder} back to where it was made, or let that user traverse its parent folders."
        )
    # If we die after the pointer is written and before the folder is made, the next start makes it.
    folder = STATE / hashlib.sha256(os.urandom(32)).hexdigest()[:12]
    _write_pointer(pointer, folder)
    return _outside(folder, account)


def _outside(folder: Path, account: Account) -> tuple[Path, str]:
    ensure_state()
    return folder, (
        f"The ledger's database lies in {folder}, because the user {account.name}, who runs PostgreSQL, cannot reach "
        "the data folder. Back up both."
    )


def _write_pointer(pointer: Path, folder: Path) -> None:
    fresh = pointer.with_suffix(".new")
    fresh.write_text(json.dumps({"folder": str(folder)}) + "\n", encoding="utf-8")
    fresh.replace(pointer)


def _traversable(data_folder: Path, account: Account) -> bool:
    """Let its group through the folder, which is ours, and ask by trying; take it back where a parent is in the way."""
    before = data_folder.stat()
    os.chown(data_folder, -1, account.gid)
    data_folder.chmod(0o710)
    command = Command(argv=("/usr/bin/test", "-x", f"{data_folder}/."), environment={}, account=account)
    try:
        reached = command.run(timeout_seconds=30).returncode == 0
    except (OSError, subprocess.SubprocessError):
        reached = False
    if not reached:
        os.chown(data_folder, -1, before.st_gid)
        data_folder.chmod(0o700)
    return reached


def _own(folder: Path, mode: int, owner: Account | int | None) -> None:
    """Make ``folder`` with ``mode``, for an account, for a group (by id) or for ourselves."""
    folder.mkdir(mode=0o700, exist_ok=True)
    if isinstance(owner, Account):
        os.chown(folder, owner.uid, owner.gid)
    elif isinstance(owner, int):
        os.chown(folder, -1, owner)
    folder.chmod(mode)


def _sockets(folder: Path, account: Account | None) -> Path:
    """``folder/run``, or a short path with a name made from the long one, so that every start finds the same."""
    run = folder / "run"
    if len(os.fsencode(run / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX and _PLAIN.fullmatch(str(run)):
        return run
    name = f"key-ledger-{os.geteuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}"
    short = Path("/run" if os.geteuid() == 0 else "/tmp") / name  # noqa: S108  its ownership is checked
    owner = os.geteuid() if account is None else account.uid
    try:
        short.mkdir(mode=0o700)
    except FileExistsError:
        _check(short, owner)
    else:
        os.chown(short, owner, -1)
    return short


def _check(short: Path, owner: int) -> None:
    """In a folder that everyone may write to, somebody else may have taken the name first."""
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {owner, os.geteuid()} or found.st_mode & 0o077:
        raise CannotStart(f"{short} should be PostgreSQL's socket folder, but belongs to somebody else. Remove it.")
    if found.st_uid != owner:  # we died between mkdir and chown
        os.chown(short, owner, -1)
