"""Results as one JSON object, and as a table for people: with rules on a terminal, plain where it is piped."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from scripts.benchmarks.bounds import bounded_by, disturbance
from scripts.benchmarks.contest import Result
from scripts.benchmarks.sides import OURS, THEIRS

PROMISES = {
    "key_ledger": "Every request is signed for itself, a replay is refused, and the answer waits until the event that "
    "records the use is on disk (fsync), guarded against a revocation before it.",
    "openbao": "A bearer token stands for the caller; two audit records per request (HMAC-ed JSON) are handed to the "
    "operating system before the answer, without an fsync.",
}
PLAIN_WIDTH = 1_000  # lines are as long as they are: whoever reads a pipe breaks them


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How it was measured; goes into the report as it is."""

    operation: str
    signatures: str
    rounds: int
    seconds: int
    generator_threads: int
    workers: int
    openbao: str | None
    file_system: str


Results = Mapping[tuple[str, int], Result]


def as_object(results: Results, conditions: Conditions) -> dict[str, Any]:
    """What ``--json`` prints. ``ratio`` is ours by theirs at the most connections; null without OpenBao."""
    levels = [_level(results, connections, conditions) for connections in _levels(results)]
    return {
        "operation": conditions.operation,
        "ratio": levels[-1].get("ratio"),
        "levels": levels,
        "bounded_by": levels[-1]["bounded_by"],
        "disturbance": disturbance(results.values(), os.cpu_count() or 1),
        "promises": PROMISES,
        "conditions": {
            name: getattr(conditions, name) for name in Conditions.__dataclass_fields__ if name != "operation"
        },
        "machine": {"processors": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()},
    }


def _level(results: Results, connections: int, conditions: Conditions) -> dict[str, Any]:
    ours, theirs = results[OURS, connections], results.get((THEIRS, connections))
    bound = bounded_by(
        ours,
        processors=os.cpu_count() or 1,
        generator_threads=min(conditions.generator_threads, connections),
        workers=conditions.workers,
    )
    level: dict[str, Any] = {"connections": connections, "key_ledger": _side(ours), "bounded_by": bound}
    if theirs is not None:
        level["openbao"] = _side(theirs)
        level["ratio"] = round(ours.rate / theirs.rate, 3)
        level["ratio_of_each_round"] = [round(a / b, 3) for a, b in zip(ours.rates, theirs.rates, strict=True)]
    return level


def _side(result: Result) -> dict[str, Any]:
    return {
        "rate": round(result.rate, 1),
        "p50_ms": round(result.p50_ms, 3),
        "p99_ms": round(result.p99_ms, 3),
        "rate_of_each_round": [round(rate, 1) for rate in result.rates],
        "cpu_seconds_per_second": {name: round(share, 3) for name, share in result.busy().items()},
        "seen": {name: round(value, 4) for name, value in result.seen().items()},
    }


def _levels(results: Results) -> list[int]:
    return sorted({connections for _, connections in results})


def print_report(report: Mapping[str, Any], console: Console) -> None:
    conditions = report["conditions"]
    sides = ["key_ledger", *(["openbao"] if conditions["openbao"] else [])]
    title = (
        f"{report['operation']}: uses per second, medians of {conditions['rounds']} rounds of {conditions['seconds']} s"
    )
    headings = ["connections"]
    for side in sides:
        name = OURS if side == "key_ledger" else f"{THEIRS} {conditions['openbao']}"
        headings += [f"{name}/s", "rounds", "p50 ms", "p99 ms"]
    rows = [_row(level, sides) for level in report["levels"]]
    print_table(console, title, [*headings, *(["ratio"] if len(sides) > 1 else [])], rows)
    _print_time_spent(report, console, sides)
    console.print(f"Bounded by: {report['bounded_by']}", highlight=False, soft_wrap=True)
    for side in sides:
        console.print(
            f"{OURS if side == 'key_ledger' else THEIRS} promises: {PROMISES[side]}", highlight=False, soft_wrap=True
        )
    print_warning(report, console)
    if report["ratio"] is not None:
        most = report["levels"][-1]["connections"]
        console.print(f"Ratio at {most} connections: {report['ratio']:.2f}", highlight=False, soft_wrap=True)


def _row(level: Mapping[str, Any], sides: Sequence[str]) -> list[str]:
    row = [str(level["connections"])]
    for side in sides:
        one = level[side]
        rounds = one["rate_of_each_round"]
        row += [f"{one['rate']:,.0f}", f"{min(rounds):,.0f}–{max(rounds):,.0f}"]
        row += [f"{one['p50_ms']:.2f}", f"{one['p99_ms']:.2f}"]
    return [*row, *([f"{level['ratio']:.2f}"] if "ratio" in level else [])]


def _print_time_spent(report: Mapping[str, Any], console: Console, sides: Sequence[str]) -> None:
    """CPU seconds per second of every group at every level, and what the service's metrics say."""
    rows = []
    for level in report["levels"]:
        for side in sides:
            spent = level[side]["cpu_seconds_per_second"]
            told = [f"{name} {share:.2f}" for name, share in spent.items()]
            told += [f"{name} {value:.3g}" for name, value in level[side]["seen"].items()]
            rows.append([str(level["connections"]), OURS if side == "key_ledger" else THEIRS, " · ".join(told)])
    print_table(console, "CPU seconds per second, and the server's own metrics", ["connections", "", "spent"], rows)


def print_warning(report: Mapping[str, Any], console: Console) -> None:
    if report["disturbance"] is not None:
        console.print(report["disturbance"], style="bold red", highlight=False, soft_wrap=True)


def print_table(console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    style = box.SIMPLE_HEAD if console.is_terminal else None
    table = Table(title=title, title_justify="left", box=style, pad_edge=False)
    for heading, example in zip(headings, rows[0], strict=True):
        table.add_column(heading, justify="right" if example[:1].isdigit() else "left", no_wrap=not console.is_terminal)
    for row in rows:
        table.add_row(*row)
    console.print(table)


def consoles() -> tuple[Console, Console]:
    """Standard output for results, standard error for progress."""
    output = Console()
    return (output if output.is_terminal else Console(width=PLAIN_WIDTH)), Console(stderr=True)


def print_growth(report: Mapping[str, Any], console: Console) -> None:
    for operation, sizes in report["operations"].items():
        rows = [
            [
                f"{size['cmks']:,}",
                f"{size['events_before']:,}–{size['events_after']:,}",
                f"{size['rate']:,.0f}",
                f"{min(size['rate_of_each_round']):,.0f}–{max(size['rate_of_each_round']):,.0f}",
                f"{size['cost_us']:.0f}",
                f"{size['p50_ms']:.2f}",
                f"{size['p99_ms']:.2f}",
                f"{size['cost_ratio']:.2f}",
            ]
            for size in sizes
        ]
        headings = ["CMKs", "events", "requests/s", "rounds", "cost µs", "p50 ms", "p99 ms", "cost ratio"]
        title = f"{operation} at {report['connections']} connections, {report['keys_in_use']} CMKs in use"
        print_table(console, f"{title}, medians of {report['rounds']} rounds of {report['seconds']} s", headings, rows)
    print_warning(report, console)
    verdict = "Flat" if report["flat"] else "Not flat"
    console.print(
        f"{verdict}: the dearest costs {report['worst_cost_ratio']:.2f} times the smallest deployment's.",
        highlight=False,
    )
