"""What the projector costs those who use keys: the same load with it and without it, and how far it falls behind.

Without it means that its process is suspended, for less time than makes ``up`` replace it, and that it may catch up
before the next round. Both sides are the same deployment, so a round of one follows a round of the other.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil
import psycopg
from rich.console import Console

from scripts.benchmarks import cpu
from scripts.benchmarks.bounds import disturbance
from scripts.benchmarks.contest import Contest, Result
from scripts.benchmarks.deployment import KeyLedger, started
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.load import Load
from scripts.benchmarks.report import print_table, print_warning
from scripts.benchmarks.sides import KeyLedgerSide, question
from scripts.benchmarks.stockpile import Stockpile

CONNECTIONS: Final = 64
SECONDS_MAX: Final = 10
"""Of a round: ``up`` replaces a projector that was silent for 15 s."""

LAG_LIMIT_SECONDS: Final = 2.0
LOSS_LIMIT: Final = 0.1

_WITH, _WITHOUT = "with the projector", "without"


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: int
    seconds: int
    workers: int | None
    threads: int


class ProjectedSide(KeyLedgerSide):
    """The deployment as it is. ``lag`` is how old the oldest event was, at the end of a run, that the trail lacked."""

    def observe(self) -> Callable[[Load], Mapping[str, float]]:
        _caught_up(self.server)
        observed = super().observe()

        def told(load: Load) -> Mapping[str, float]:
            return {"lag s": _lag(self.server), **observed(load)}

        return told


class SuspendedSide(KeyLedgerSide):
    """Its projector stands still while it is measured."""

    def observe(self) -> Callable[[Load], Mapping[str, float]]:
        _caught_up(self.server)
        observed, projector = super().observe(), _projector(self.server)
        projector.suspend()

        def told(load: Load) -> Mapping[str, float]:
            projector.resume()
            return observed(load)

        return told


def measure(
    plan: Plan, folder: Path, stockpile: Stockpile, listen: Callable[[int], Callable[[str], None]]
) -> dict[str, Any]:
    """The report that ``--json`` prints.

    :param listen: given the number of steps, returns who is told after each.
    """
    with started(folder / "key-ledger", plan.workers) as server:
        key_id = str(server.ask("CreateKey")["KeyMetadata"]["KeyId"])
        asked = [question(server, "Encrypt", key_id)]
        sides = [
            ProjectedSide(server, asked, stockpile, "acs3", name=_WITH),
            SuspendedSide(server, asked, stockpile, "acs3", name=_WITHOUT),
        ]
        contest = Contest(sides, (CONNECTIONS,), plan.rounds, plan.seconds, plan.threads, lambda _: None)
        contest.progress = listen(contest.steps)
        results = contest.hold()
    return as_object(results[_WITH, CONNECTIONS], results[_WITHOUT, CONNECTIONS], plan)


def as_object(projected: Result, suspended: Result, plan: Plan) -> dict[str, Any]:
    """``loss``: of throughput, with the projector; the median of what each round lost against the one beside it, since
    a machine's speed drifts more from minute to minute than a projector takes of it.
    """
    return {
        "with": _side(projected),
        "without": _side(suspended),
        "loss": round(median(1 - one / other for one, other in zip(projected.rates, suspended.rates, strict=True)), 3),
        "loss_limit": LOSS_LIMIT,
        "lag_seconds": round(max(run.seen["lag s"] for run in projected.runs), 2),
        "lag_limit_seconds": LAG_LIMIT_SECONDS,
        "disturbance": disturbance((projected, suspended), os.cpu_count() or 1),
        "connections": CONNECTIONS,
        "rounds": plan.rounds,
        "seconds": plan.seconds,
    }


def _side(result: Result) -> dict[str, Any]:
    return {
        "rate": round(result.rate, 1),
        "rate_of_each_round": [round(rate, 1) for rate in result.rates],
        "cpu_seconds_per_second": {name: round(share, 3) for name, share in result.busy().items()},
    }


def _projector(server: KeyLedger) -> psutil.Process:
    for process_id in cpu.descendants([server.launcher] if server.launcher is not None else []):
        process = psutil.Process(process_id)
        if any("scripts.projector" in word for word in process.cmdline()):
            return process
    raise BenchError("The deployment has no projector of its own here.")


def _caught_up(server: KeyLedger) -> None:
    while _lag(server):
        time.sleep(0.1)


def _lag(server: KeyLedger) -> float:
    """Seconds since the first event was recorded that the trail does not have; 0.0 where it has all."""
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute(
            "select extract(epoch from clock_timestamp() - recorded_at) from ledger.events where position = 1 +"
            " coalesce((select notification_id from projections.tracking where application_name = 'audit_trail'), 0)"
        ).fetchone()
    return 0.0 if row is None else float(row[0])


def print_projector(report: Mapping[str, Any], console: Console) -> None:
    rows = []
    for name, side in ((_WITH, report["with"]), (_WITHOUT, report["without"])):
        rounds = side["rate_of_each_round"]
        spent = " · ".join(f"{who} {share:.2f}" for who, share in side["cpu_seconds_per_second"].items())
        rows.append([name, f"{side['rate']:,.0f}", f"{min(rounds):,.0f}–{max(rounds):,.0f}", spent])
    title = f"Encrypt at {report['connections']} connections, {report['rounds']} rounds of {report['seconds']} s"
    print_table(console, title, ["", "uses/s", "rounds", "CPU seconds per second"], rows)
    console.print(f"Loss: {100 * report['loss']:.1f} % (limit {100 * report['loss_limit']:.0f} %).", highlight=False)
    lag, limit = report["lag_seconds"], report["lag_limit_seconds"]
    console.print(f"Longest lag at the end of a round: {lag:.2f} s (limit {limit:g} s).", highlight=False)
    print_warning(report, console)
