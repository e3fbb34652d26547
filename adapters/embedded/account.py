"""The system user that PostgreSQL runs as when we are root: PostgreSQL refuses to run as root itself."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from typing import Final

from adapters.cannot_start import CannotStart
from adapters.processes import Account

NAME: Final = "key-ledger"
_USER_EXISTS: Final = 9  # useradd(8), "EXIT VALUES"


def postgres_account() -> Account | None:
    """None where we are an ordinary user: PostgreSQL runs as ourselves. As root, ``key-ledger``, made if missing.

    :raises CannotStart: the user cannot be made.
    """
    if os.geteuid() != 0:
        return None
    for attempt in range(5):
        found = _look_up()
        if found is not None:
            return found
        _make(last=attempt == 4)
        time.sleep(0.2 * attempt)
    raise CannotStart(f"Cannot make the system user {NAME}. Make it (useradd --system {NAME}), then run again.")


def _look_up() -> Account | None:
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    if entry.pw_uid == 0:
        raise CannotStart(f"The user {NAME} has uid 0, and PostgreSQL refuses to run as root. Give it another uid.")
    return Account(NAME, entry.pw_uid, entry.pw_gid)


def _make(*, last: bool) -> None:
    """Another start may make the same user at this moment: its name being taken, or the lock held, is no failure."""
    program = shutil.which("useradd", path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        raise CannotStart(f"Running as root needs a system user {NAME}, and there is no useradd to make it. Make it.")
    wanted = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    made = subprocess.run(
        [program, *wanted, "--shell", "/usr/sbin/nologin", NAME], capture_output=True, text=True, check=False
    )
    if last and made.returncode not in {0, _USER_EXISTS}:
        raise CannotStart(f"Cannot make the system user {NAME}: {made.stderr.strip()} Make it, then run again.")
