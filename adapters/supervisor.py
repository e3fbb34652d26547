"""Child processes as a table: started, watched, restarted with back-off, and ended in order.

A child is replaced when it ends and when its heart stops (:mod:`adapters.heartbeat`). Everything happens in the
caller's thread, step by step (:meth:`Supervisor.tick`), because the kernel ties "end with your parent" to the thread
that started a child. Nothing a child does needs a clean end to be safe, so impatience is allowed everywhere.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Final, Self

from adapters import heartbeat
from adapters.cannot_start import CannotStart, explained
from adapters.processes import Command, ended, signalled, status_of

TICK_SECONDS: Final = 0.1
BACK_OFF_SECONDS: Final = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Before the 1st, 2nd, … restart in a row."""
BEATEN_BACK_OFF_SECONDS: Final = 2.0
"""The longest, where the heart has beaten: it can start, though perhaps not live. Whoever is killed from without, again
and again, is back soon."""
SETTLED_SECONDS: Final = 3.0
"""A child that lived this long begins again with the shortest back-off."""
LOG_BYTES: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One line of the table.

    :param before: run before every start; raising ``CannotStart`` or ``OSError`` counts as a failed start.
    :param heartbeat_seconds: silence after which it is killed; None where it has no heart. Its first beat may take
        ``patience_seconds``.
    :param stop_seconds: how long it may take to end when asked.
    :param ends_last: the others need it while they end.
    """

    name: str
    command: Command
    before: Callable[[], object] = lambda: None
    pass_fds: tuple[int, ...] = ()
    heartbeat_seconds: float | None = None
    patience_seconds: float = 60.0
    stop_seconds: float = 10.0
    ends_last: bool = False


@dataclass(slots=True)
class _Running:
    """What changes about a child.

    :ivar due: when the next start is, while it does not run.
    :ivar failures: starts in a row of which none came as far as a beat, or to a settled life.
    :ivar short_lives: ends in a row before it had settled; they make the back-off.
    """

    child: Child
    log: Path
    process: subprocess.Popen[bytes] | None = None
    heart: int | None = None
    started: float = 0.0
    silent_after: float = 0.0
    due: float = 0.0
    failures: int = 0
    short_lives: int = 0
    restarts: int = field(default=0)


class Supervisor:
    """:param logs: the folder of the children's outputs, ``NAME.log`` each, kept below twice ``LOG_BYTES``.

    :param say: told, in a sentence, whatever the operator should know.
    """

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        self._logs = logs
        self._say = say
        self._table: list[_Running] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def add(self, child: Child) -> None:
        """Take ``child`` into the table; it starts at the next tick."""
        self._table.append(_Running(child, self._logs / f"{child.name}.log"))

    def pid(self, name: str) -> int | None:
        """Of the child ``name``, while it runs."""
        process = self._find(name).process
        return None if process is None else process.pid

    def restarts(self, name: str) -> int:
        """How often the child had to be started again."""
        return self._find(name).restarts

    def log(self, name: str) -> Path:
        return self._find(name).log

    def tick(self) -> None:
        """Look at every child once and do what is due. Takes milliseconds, but for the ``before`` of a restart."""
        for running in self._table:
            if running.process is None:
                if time.monotonic() >= running.due:
                    self._start(running)
            elif (status := status_of(running.process)) is not None:
                self._ended(running, _how(status))
            elif self._silent(running):
                signalled(running.process, signal.SIGKILL)
                ended(running.process)
                self._ended(running, f"did not answer for {running.child.heartbeat_seconds:g} s and was killed")
            _bound(running.log)

    def wait(
        self,
        done: Callable[[], bool],
        seconds: float,
        what: str,
        failures: int = 3,
        missing: Callable[[], str] = str,
    ) -> None:
        """Tick until ``done()``; ``missing()`` tells, in words, what is not done.

        :raises CannotStart: not within ``seconds``, or a child failed ``failures`` times in a row; its last words are
            in the message.
        """
        end = time.monotonic() + seconds
        while True:
            self.tick()
            if done():
                return
            for running in self._table:
                if running.failures >= failures:
                    raise CannotStart(f"{running.child.name} does not start. {self._last_words(running)}")
            if time.monotonic() > end:
                said = [missing(), *(self._last_words(running) for running in self._table if running.failures)]
                why = " ".join(filter(None, said)) or "Nothing says why."
                raise CannotStart(f"{what} took longer than {seconds:g} s: {why} The logs are in {self._logs}.")
            time.sleep(TICK_SECONDS)

    def run(self, seconds: float) -> None:
        """Tick for so long, or until an exception, such as the one a signal's handler raises."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.tick()
            time.sleep(TICK_SECONDS)

    def replace(self, prefix: str, settle_seconds: float = 5.0) -> None:
        """Ask every child whose name begins with ``prefix`` to end, one by one; the table starts it again."""
        for running in self._table:
            if running.child.name.startswith(prefix):
                _signal(running, running.child.command.stop_signal)
                self.run(running.child.stop_seconds + settle_seconds)

    def stop(self) -> None:
        """End all children at once, then those that end last; nothing is restarted. Idempotent.

        If we die here, the kernel ends the rest.
        """
        for last in (False, True):
            group = [running for running in self._table if running.child.ends_last is last]
            for running in group:
                _signal(running, running.child.command.stop_signal)
            for running in group:
                self._finish(running)
        self._table = []

    def _find(self, name: str) -> _Running:
        return next(running for running in self._table if running.child.name == name)

    def _start(self, running: _Running) -> None:
        try:
            running.child.before()
            with explained(f"start {running.child.name}"), running.log.open("ab") as output:
                self._spawn(running, output)
        except (CannotStart, OSError) as error:
            self._ended(running, f"could not be started: {error}")

    def _spawn(self, running: _Running, output: BinaryIO) -> None:
        child, now = running.child, time.monotonic()
        command, passed = child.command, child.pass_fds
        if child.heartbeat_seconds is None:
            running.process = command.start(output, passed)
        else:
            running.heart, end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            environment = {**command.environment, heartbeat.DESCRIPTOR: str(end)}
            try:
                running.process = replace(command, environment=environment).start(output, (*passed, end))
            finally:
                os.close(end)
        running.started, running.silent_after = now, now + child.patience_seconds

    def _silent(self, running: _Running) -> bool:
        if running.heart is None or running.child.heartbeat_seconds is None:
            return False
        with contextlib.suppress(BlockingIOError):
            if os.read(running.heart, 65_536):
                running.silent_after = time.monotonic() + running.child.heartbeat_seconds
                running.failures = 0
        return time.monotonic() > running.silent_after

    def _ended(self, running: _Running, how: str) -> None:
        now = time.monotonic()
        if running.process is not None and now - running.started > SETTLED_SECONDS:
            running.failures = running.short_lives = 0
        pause = BACK_OFF_SECONDS[min(running.short_lives, len(BACK_OFF_SECONDS) - 1)]
        if not running.failures:
            pause = min(pause, BEATEN_BACK_OFF_SECONDS)
        self._forget(running)
        running.failures, running.short_lives = running.failures + 1, running.short_lives + 1
        running.restarts, running.due = running.restarts + 1, now + pause
        self._say(f"{running.child.name} {how}; it is started again in {pause:g} s. Its log: {running.log}")

    def _finish(self, running: _Running) -> None:
        if running.process is None:
            return
        for remedy in (running.child.command.urgent_signal, signal.SIGKILL):
            if ended(running.process, running.child.stop_seconds):
                break
            self._say(f"{running.child.name} does not end when asked; sending {remedy.name}.")
            _signal(running, remedy)
        ended(running.process)
        self._forget(running)

    @staticmethod
    def _forget(running: _Running) -> None:
        running.process = None
        if running.heart is not None:
            os.close(running.heart)
            running.heart = None

    @staticmethod
    def _last_words(running: _Running) -> str:
        text = running.log.read_text(encoding="utf-8", errors="replace") if running.log.exists() else ""
        lines = [line.strip() for line in text[-4_096:].splitlines() if line.strip()]
        return f"It says: {lines[-1][-600:] if lines else 'nothing'} (all of it: {running.log})"


def _how(status: int) -> str:
    return f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"


def _signal(running: _Running, number: signal.Signals) -> None:
    if running.process is not None:
        signalled(running.process, number)


def _bound(log: Path) -> None:
    """Keep one older copy. The child goes on writing at the end of the emptied file, which it opened for appending;
    what it writes between the two steps is lost from the log."""
    try:
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)
    except OSError:
        return  # no room for the copy: the next tick tries again
