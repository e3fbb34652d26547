"""CPU time of groups of processes, read from ``/proc`` (Linux only).

A group is found once and asked before and after a run. Processes that end in between take their time with them; the
servers measured here have none that do.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
Group = frozenset[int]


@dataclass(frozen=True, slots=True)
class Meter:
    """CPU seconds spent so far: by each group, and by the whole machine (idle and waiting not counted)."""

    groups: Mapping[str, float]
    machine: float

    def since(self, before: Meter) -> Meter:
        spent = {name: seconds - before.groups[name] for name, seconds in self.groups.items()}
        return Meter(spent, self.machine - before.machine)


def read_meter(groups: Mapping[str, Group]) -> Meter:
    return Meter({name: sum(map(_process_seconds, group)) for name, group in groups.items()}, _machine_seconds())


def descendants(roots: Iterable[int]) -> Group:
    """The processes and all their children's children that live now."""
    children: dict[int, list[int]] = {}
    for process_id in _processes():
        children.setdefault(parent_of(process_id), []).append(process_id)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        process_id = waiting.pop()
        if process_id not in found:
            found.add(process_id)
            waiting += children.get(process_id, [])
    return frozenset(found)


def parent_of(process_id: int) -> int:
    """0 where the process is gone."""
    fields = _stat(process_id)
    return int(fields[1]) if fields else 0


def listeners(port: int) -> Group:
    """The processes that hold a listening TCP socket on ``port`` open (those of other users only for root)."""
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    return frozenset(process_id for process_id in _processes() if sockets & _open_files(process_id))


def _open_files(process_id: int) -> set[str]:
    found = set()
    try:
        for descriptor in Path(f"/proc/{process_id}/fd").iterdir():
            found.add(str(descriptor.readlink()))
    except OSError:
        pass  # gone, or somebody else's
    return found


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(process_id: int) -> list[str]:
    """Fields of ``/proc/PID/stat`` from the third on (proc(5)); empty where the process is gone."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _process_seconds(process_id: int) -> float:
    fields = _stat(process_id)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND if fields else 0.0


def _machine_seconds() -> float:
    """user, nice, system, irq, softirq and steal of all processors; neither idle nor iowait."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return sum(fields[n] for n in (0, 1, 2, 5, 6, 7)) / TICKS_PER_SECOND
