"""Processes of a cluster that an earlier, killed run left behind: finding them, and ending them and no others.

The caller holds the data folder's lock, so nobody else supervises this cluster: whatever still runs is a leftover.
A process is ours if it runs as the cluster's user and its title names the cluster; ``/proc/PID/cwd`` would be simpler,
but may not be read across users inside a container.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.cannot_start import CannotStart
from adapters.embedded.cluster import cluster_name
from adapters.embedded.place import Place

_ROUNDS: Final = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
"""Fast shutdown, immediate shutdown, kill; seconds to wait after each."""


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    is_postmaster: bool


def end_leftovers(place: Place) -> int:
    """End them, remove their lock files, and say how many there were.

    Without this a start fails: on the old postmaster, on its children who still hold the shared memory, or on a
    ``postmaster.pid`` whose number now belongs to an unrelated process.

    :raises CannotStart: one does not end even when killed (it hangs in the kernel, on a disk that does not answer).
    """
    if not place.data.exists():
        return 0
    found = list(_processes(place))
    for signal_number, seconds in _ROUNDS:
        alive = list(_processes(place))
        if not alive:
            break
        if _send(alive, signal_number):
            _wait(place, seconds)
    stubborn = [process.pid for process in _processes(place)]
    if stubborn:
        raise CannotStart(f"PostgreSQL processes {stubborn} of {place.data} do not end. Is its disk answering?")
    (place.data / "postmaster.pid").unlink(missing_ok=True)
    for file in place.sockets.glob(".s.PGSQL.*"):
        file.unlink(missing_ok=True)
    return len(found)


def _processes(place: Place) -> Iterator[_Process]:
    title = f"postgres: {cluster_name(place)}: ".encode()
    uid = os.geteuid() if place.account is None else place.account.uid
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes()
            is_postmaster = _is_postmaster(words, place)
            if (is_postmaster or words.startswith(title)) and folder.stat().st_uid == uid:
                yield _Process(int(folder.name), is_postmaster)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it ended while we looked, or is none of ours


def _is_postmaster(words: bytes, place: Place) -> bool:
    arguments = words.rstrip(b"\0").split(b"\0")
    return Path(os.fsdecode(arguments[0])).name == "postgres" and os.fsencode(place.data) in arguments[1:]


def _send(processes: list[_Process], signal_number: signal.Signals) -> bool:
    """A postmaster ends its children; only where it is gone, or nothing helps, are they told themselves.

    False where there was nobody to tell: SIGINT shuts a postmaster down, but only cancels a child's query.
    """
    told = [process for process in processes if process.is_postmaster]
    if signal_number is signal.SIGKILL or (not told and signal_number is signal.SIGQUIT):
        told = processes
    for process in told:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal_number)
    return bool(told)


def _wait(place: Place, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(_processes(place)):
        time.sleep(0.05)
