"""What ``ram_scale.py`` has measured, as one JSON object and as a table."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from scripts.benchmarks import cpu
from scripts.benchmarks.ram_account import Size
from scripts.benchmarks.report import print_table

LIMIT_MS: Final = 50.0


@dataclass(frozen=True, slots=True)
class Start:
    """:param seconds: without a worker, all of them killed. :param first_call_ms: on the connection accepted first."""

    seconds: float
    first_call_ms: float


@dataclass(frozen=True, slots=True)
class Taken:
    """:param size: of the account. :param events: of its stream, when it was made.
    :param calls: milliseconds of each call, by kind.
    :param looks: milliseconds. :param disturbance: a sentence where others kept the machine busy meanwhile.
    """

    size: Size
    events: int
    calls: Mapping[str, Sequence[float]]
    looks: Sequence[float]
    starts: Sequence[Start]
    disturbance: str | None


def as_object(taken: Taken, workers: cpu.Group, file_system: str) -> dict[str, Any]:
    """``ratio``: the longest call of a kind by the limit; ``within_limit``: no call took longer."""
    calls = {name: _row(times) for name, times in taken.calls.items()}
    return {
        "users": taken.size.users,
        "policies": taken.size.policies,
        "events": taken.events,
        "limit_ms": LIMIT_MS,
        "disturbance": taken.disturbance,
        "within_limit": all(row["max_ms"] <= LIMIT_MS for row in calls.values()),
        "calls": calls,
        "look_from_nothing_ms": [round(each, 1) for each in taken.looks],
        "seconds_without_worker": [round(each.seconds, 2) for each in taken.starts],
        "first_call_of_worker_ms": [round(each.first_call_ms, 1) for each in taken.starts],
        "worker_megabytes": [_megabytes(process_id) for process_id in sorted(workers)],
        "conditions": {"workers": len(workers), "file_system": file_system, "processors": os.cpu_count()},
    }


def _row(times: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(times)
    return {
        "calls": len(ordered),
        "p50_ms": round(statistics.median(ordered), 2),
        "p95_ms": round(ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)], 2),
        "max_ms": round(ordered[-1], 2),
        "ratio": round(ordered[-1] / LIMIT_MS, 3),
    }


def _megabytes(process_id: int) -> int:
    """Of memory that it has at this moment."""
    pages = int(Path(f"/proc/{process_id}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1_000_000


def print_ram_scale(report: Mapping[str, Any], console: Console) -> None:
    limit = f"{report['limit_ms']:.0f}"
    headings = ["calls", "p50 ms", "p95 ms", "max ms", "limit ms", "max by limit", "what"]
    rows = [
        [
            f"{row['calls']:,}",
            f"{row['p50_ms']:.2f}",
            f"{row['p95_ms']:.2f}",
            f"{row['max_ms']:.2f}",
            limit,
            f"{row['ratio']:.2f}",
            name,
        ]
        for name, row in report["calls"].items()
    ]
    size = f"{report['users']:,} users and {report['policies']:,} policies ({report['events']:,} events)"
    print_table(console, f"An account of {size}", headings, rows)
    looks = (
        f"Reading the account from nothing takes {_listed(report['look_from_nothing_ms'])} ms, before a worker serves."
    )
    memory = f"A worker has {_listed(report['worker_megabytes'])} MB."
    console.print(f"{looks} {memory}", highlight=False, soft_wrap=True)
    if report["seconds_without_worker"]:
        away, first = _listed(report["seconds_without_worker"]), _listed(report["first_call_of_worker_ms"])
        console.print(
            f"All workers killed, the next one accepted after {away} s; its first call took {first} ms.",
            highlight=False,
            soft_wrap=True,
        )
    if report["disturbance"] is not None:
        console.print(report["disturbance"], style="bold red", highlight=False, soft_wrap=True)
    verdict = "No call took longer than" if report["within_limit"] else "NOT every call stayed below"
    console.print(f"{verdict} {limit} ms.", highlight=False)


def _listed(figures: Iterable[float]) -> str:
    return ", ".join(f"{each:,}" for each in figures)
