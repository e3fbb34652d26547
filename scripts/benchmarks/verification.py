"""How fast ``scripts/verify_ledger authority`` replays a ledger, and whether its memory stays flat.

A deployment of its own gets an account of many users and then what people do in it (``ram_life.py``), in equal parts.
The command runs as an operator runs it, after each part: its memory is to grow with what there is in the account, which
stays the same, and not with what was done.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final
from uuid import UUID

from rich.console import Console

from scripts.benchmarks.deployment import UP, started
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.growth import wait_until_quiet
from scripts.benchmarks.ram_account import Size, changes, make_account
from scripts.benchmarks.ram_life import CHANGE_EVERY, clock, live
from scripts.benchmarks.report import print_table

ROOT: Final = UP.parent.parent
FLAT: Final = 0.1
"""Of the memory after the first part, that it may grow by until the last."""


@dataclass(frozen=True, slots=True)
class Plan:
    """:param events: of what is done. :param parts: after each of which the ledger is verified."""

    size: Size
    events: int
    parts: int


def steps(plan: Plan) -> int:
    return changes(plan.size) + plan.events


def measure(plan: Plan, folder: Path, advance: Callable[[int], None]) -> dict[str, Any]:
    """The report that ``--json`` prints.

    :raises BenchError: the ledger that was made contradicts itself.
    """
    data = folder / "key-ledger"
    with started(data, 1) as server:
        make_account(server, plan.size, advance)
        key_id = UUID(server.ask("CreateKey", Description="made by scripts/bench")["KeyMetadata"]["KeyId"])
        times = clock(plan.events + plan.events // CHANGE_EVERY + plan.parts)
        rows = []
        for _ in range(plan.parts):
            live(server, key_id, plan.events // plan.parts, times, advance)
            wait_until_quiet(server)
            rows.append(_verified(data))
    grown = rows[-1]["megabytes"] / rows[0]["megabytes"] - 1
    return {"users": plan.size.users, "policies": plan.size.policies, "parts": rows, "flat": grown <= FLAT}


def _verified(data: Path) -> dict[str, Any]:
    report, spent, megabytes = _run(data)
    if report["findings"]:
        raise BenchError(f"The ledger contradicts itself: {report['findings'][0]['finding']}")
    events = int(report["events"])
    return {
        "events": events,
        "events_per_second": report["events_per_second"],
        "events_per_cpu_second": round(events / spent),
        "megabytes": megabytes,
    }


def _run(data: Path) -> tuple[dict[str, Any], float, int]:
    """What the command says, its CPU seconds and its peak memory."""
    words = [sys.executable, "-P", "-m", "scripts.verify_ledger", "authority", "--data", str(data), "--json"]
    with TemporaryFile() as output:
        ends = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1)]
        process = os.posix_spawn(words[0], words, {**os.environ, "PYTHONPATH": str(ROOT)}, file_actions=ends)
        _, status, used = os.wait4(process, 0)
        output.seek(0)
        said = output.read()
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise BenchError(f"scripts/verify_ledger ended with status {status}.")
    return json.loads(said), used.ru_utime + used.ru_stime, used.ru_maxrss // 1_000


def print_verification(report: Mapping[str, Any], console: Console) -> None:
    rows = [
        [
            f"{part['events']:,}",
            f"{part['events_per_second']:,}",
            f"{part['events_per_cpu_second']:,}",
            f"{part['megabytes']:,}",
        ]
        for part in report["parts"]
    ]
    print_table(console, "verify_ledger authority", ["events", "events/s", "events/CPU second", "MB at most"], rows)
    size = f"an account of {report['users']:,} users and {report['policies']:,} policies"
    verdict = "is flat" if report["flat"] else "GROWS with the number of events"
    console.print(f"The ledger of {size}; memory {verdict}.", highlight=False, soft_wrap=True)
