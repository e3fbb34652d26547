"""Processes that Key Ledger starts: what to run, as whom, and that they end with the one who started them.

Not here: what happens when one ends early (:mod:`adapters.supervisor`).
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_LOOK_SECONDS: Final = 0.01
_LIBC: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Account:
    """A system user that a process runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One process to run. Arguments hold no secret: every user of the machine can read them.

    :param environment: the whole of it; nothing is inherited.
    :param account: None to run as ourselves.
    :param stop_signal: asks for a clean end.
    :param urgent_signal: sent where that took too long.
    :param orphan_signal: sent by the kernel when we die without having asked.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    folder: Path = Path("/")
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    urgent_signal: signal.Signals = signal.SIGKILL
    orphan_signal: signal.Signals = signal.SIGKILL

    def start(self, output: BinaryIO | int, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        """Start it in a session of its own, so that Ctrl-C reaches us alone and we decide the order of the end.

        :raises OSError: the program is not there, or we may not become ``account``.
        """
        return subprocess.Popen(
            self.argv,
            env=dict(self.environment),
            cwd=self.folder,
            user=None if self.account is None else self.account.uid,
            group=None if self.account is None else self.account.gid,
            extra_groups=None if self.account is None else [],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=0o077,
            pass_fds=pass_fds,
            preexec_fn=_die_with(os.getpid(), self.orphan_signal),  # noqa: PLW1509  one system call, no lock is taken
        )

    def run(self, timeout_seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        """Run it to its end and hand back what it printed, both streams together.

        :raises OSError: it could not be started.
        :raises subprocess.TimeoutExpired: it did not end; it was killed.
        """
        process = self.start(subprocess.PIPE)
        try:
            printed, _ = process.communicate(timeout=timeout_seconds)
        except BaseException:
            signalled(process, signal.SIGKILL)
            ended(process)
            if process.stdout is not None:
                process.stdout.close()
            raise
        return subprocess.CompletedProcess(self.argv, process.returncode, printed.decode(errors="replace"))


# A signal's handler may raise anywhere. Where it does so within Popen.poll() or wait(), the lock that these take may
# stay taken, and then no wait() ever returns. So whatever must end in any case asks the kernel itself, as follows.


def status_of(process: subprocess.Popen[bytes]) -> int | None:
    """The exit status, negative for a signal; None while it runs. Whoever else has asked the kernel first got it: 0."""
    if process.returncode is None:
        try:
            pid, status = os.waitpid(process.pid, os.WNOHANG)
        except ChildProcessError:
            process.returncode = 0
        else:
            process.returncode = os.waitstatus_to_exitcode(status) if pid else None
    return process.returncode


def signalled(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send it, unless the process has ended: its id may be another's by now."""
    if status_of(process) is None:
        os.kill(process.pid, number)


def ended(process: subprocess.Popen[bytes], seconds: float = math.inf) -> bool:
    """Wait for its end, no longer than told; whether it came."""
    until = time.monotonic() + seconds
    while status_of(process) is None:
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _die_with(parent: int, orphan_signal: signal.Signals) -> Callable[[], None]:
    """Runs in the child after it became its account (which would have cleared the request) and before it executes."""

    def ask_the_kernel() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(orphan_signal))
        if os.getppid() != parent:  # we died before the request was made: nobody will send the signal
            os._exit(1)

    return ask_the_kernel
