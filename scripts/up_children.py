"""The table of what ``up`` runs besides PostgreSQL. Tests put small programs in the place of these."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.processes import Command
from adapters.supervisor import Child

ROOT: Final = Path(__file__).resolve().parent.parent
PYTHON: Final = (sys.executable, "-P", "-m")
"""``-P``: a folder named ``scripts`` where the operator happens to stand is not ours."""

START_SECONDS: Final = 120.0
"""Until the first heartbeat: a worker waits for a database that recovers."""
WORKER_STOP_SECONDS: Final = 15.0
"""Requests in flight are answered first (10 s in ``api.main``)."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Argument lists. The worker is given ``--fd N``, set-up ``--credentials FILE``."""

    worker: tuple[str, ...] = (*PYTHON, "api.main")
    projector: tuple[str, ...] = (*PYTHON, "scripts.projector")
    deletion_worker: tuple[str, ...] = (*PYTHON, "scripts.deletion_worker")
    set_up: tuple[str, ...] = (*PYTHON, "scripts.set_up")

    def command(self, argv: tuple[str, ...], environment: Mapping[str, str]) -> Command:
        """At the root of the file system, so that no folder of the operator's is kept busy."""
        return Command(argv=argv, environment=environment)


def table(
    programs: Programs, environment: Mapping[str, str], listening: int, workers: int, silence_seconds: float
) -> Iterator[Child]:
    """:param listening: descriptor of the socket that all workers serve."""
    for number in range(1, workers + 1):
        yield Child(
            name=f"api-{number}",
            command=programs.command((*programs.worker, "--fd", str(listening)), environment),
            pass_fds=(listening,),
            heartbeat_seconds=silence_seconds,
            patience_seconds=START_SECONDS,
            stop_seconds=WORKER_STOP_SECONDS,
        )
    for name, argv in (("projector", programs.projector), ("deletion", programs.deletion_worker)):
        yield Child(
            name=name,
            command=programs.command(argv, environment),
            heartbeat_seconds=silence_seconds,
            patience_seconds=START_SECONDS,
        )
