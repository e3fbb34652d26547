"""What Encrypt and DescribeKey cost as the deployment grows: a deployment of each size, measured in turns.

The sizes stand side by side and the rounds alternate between them, because a machine's speed drifts more within a
quarter of an hour than the answer may. The cost of a request is the time the service has for it, 1 / rate, at a fixed
number of connections. Requests go to a fixed number of CMKs spread over all there are, so that every size has the same
share of remembered keys: what is asked is whether the *number* of CMKs and events costs anything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts.benchmarks import cpu
from scripts.benchmarks.bounds import disturbance
from scripts.benchmarks.contest import Contest, Result
from scripts.benchmarks.deployment import KeyLedger, started
from scripts.benchmarks.populate import Wanted, populate
from scripts.benchmarks.sides import KeyLedgerSide, question
from scripts.benchmarks.stockpile import Stockpile

OPERATIONS: Final = ("Encrypt", "DescribeKey")
CONNECTIONS: Final = 16
SIZES: Final = (Wanted(100, 10_000), Wanted(10_000, 100_000), Wanted(100_000, 1_000_000))
FLAT: Final = 0.2
"""A size may cost this much more than the smallest and still count as flat."""

QUIET: Final = 0.1
QUIET_SECONDS_MAX: Final = 600


@dataclass(frozen=True, slots=True)
class Plan:
    """:param keys_in_use: how many CMKs the requests go to; 0 for all of them."""

    sizes: Sequence[Wanted]
    keys_in_use: int
    rounds: int
    seconds: int
    workers: int | None
    family: str
    threads: int


@dataclass(frozen=True, slots=True)
class Size:
    """One deployment, populated."""

    wanted: Wanted
    server: KeyLedger
    key_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Listener:
    """Told what goes on.

    :param populating: with the number of events made since it was told last.
    :param measuring: after each run.
    """

    populating: Callable[[str, int], None]
    measuring: Callable[[str], None]


def measure_growth(plan: Plan, folder: Path, stockpile: Stockpile, tell: Listener) -> dict[str, Any]:
    """Start, populate, measure, stop; the report that ``--json`` prints."""
    with ExitStack() as stack:
        sizes = [_made(wanted, plan, folder / f"size-{n}", stack, tell) for n, wanted in enumerate(plan.sizes)]
        for size in sizes:
            tell.populating(f"waiting until {size.wanted} have settled", 0)
            wait_until_quiet(size.server)
        before = [size.server.events() for size in sizes]
        results = {operation: _contest(operation, sizes, plan, stockpile, tell) for operation in OPERATIONS}
        after = [size.server.events() for size in sizes]
    return as_object(plan, results, list(zip(before, after, strict=True)))


def _made(wanted: Wanted, plan: Plan, data: Path, stack: ExitStack, tell: Listener) -> Size:
    tell.populating(f"starting a deployment for {wanted}", 0)
    server = stack.enter_context(started(data, plan.workers))
    made = populate(server, wanted, lambda done: tell.populating(f"making {wanted}", done))
    return Size(wanted, server, [str(key_id) for key_id in spread(made, plan.keys_in_use)])


def spread(items: Sequence[Any], count: int) -> list[Any]:
    """``count`` of ``items`` at even distances, from the first on; all where there are fewer, or ``count`` is 0."""
    if count == 0 or count >= len(items):
        return list(items)
    return [items[n * len(items) // count] for n in range(count)]


def wait_until_quiet(server: KeyLedger) -> None:
    """Until projections, autovacuum and checkpoints have caught up: three seconds with a tenth of a processor or less.

    Gives up after ten minutes without a word: the measurement is then less exact, not wrong.
    """
    quiet, deadline = 0, time.monotonic() + QUIET_SECONDS_MAX
    while quiet < 3 and time.monotonic() < deadline:
        before = cpu.read_meter(server.processes())
        time.sleep(1)
        spent = cpu.read_meter({name: frozenset(group) for name, group in server.processes().items()})
        quiet = quiet + 1 if sum(spent.groups.values()) - sum(before.groups.values()) < QUIET else 0


def _contest(
    operation: str, sizes: Sequence[Size], plan: Plan, stockpile: Stockpile, tell: Listener
) -> Mapping[str, Result]:
    sides = [
        KeyLedgerSide(
            size.server,
            [question(size.server, operation, key_id) for key_id in size.key_ids],
            stockpile,
            plan.family,
            name=str(size.wanted),
        )
        for size in sizes
    ]
    for side in sides:
        side.try_out()
    contest = Contest(
        sides,
        (CONNECTIONS,),
        plan.rounds,
        plan.seconds,
        plan.threads,
        lambda done: tell.measuring(f"{operation}, {done}"),
    )
    return {name: result for (name, _), result in contest.hold().items()}


def as_object(
    plan: Plan, results: Mapping[str, Mapping[str, Result]], events: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """``cost_ratio``: the cost of a request at this size by that at the first; ``flat``: all within 20 %."""
    operations: dict[str, list[dict[str, Any]]] = {}
    for operation, by_size in results.items():
        base = by_size[str(plan.sizes[0])].rate
        operations[operation] = [
            _row(wanted, held, by_size[str(wanted)], base) for wanted, held in zip(plan.sizes, events, strict=True)
        ]
    everything = [result for by_size in results.values() for result in by_size.values()]
    worst = max(row["cost_ratio"] for rows in operations.values() for row in rows)
    return {
        "operations": operations,
        "worst_cost_ratio": worst,
        "flat": worst <= 1 + FLAT,
        "disturbance": disturbance(everything, os.cpu_count() or 1),
        "connections": CONNECTIONS,
        "keys_in_use": plan.keys_in_use or "all",
        "rounds": plan.rounds,
        "seconds": plan.seconds,
    }


def _row(wanted: Wanted, events: tuple[int, int], result: Result, base: float) -> dict[str, Any]:
    return {
        "cmks": wanted.keys,
        "events_before": events[0],
        "events_after": events[1],
        "rate": round(result.rate, 1),
        "rate_of_each_round": [round(rate, 1) for rate in result.rates],
        "cost_us": round(1e6 / result.rate, 2),
        "p50_ms": round(result.p50_ms, 3),
        "p99_ms": round(result.p99_ms, 3),
        "cost_ratio": round(base / result.rate, 3),
        "cpu_seconds_per_second": {name: round(share, 3) for name, share in result.busy().items()},
    }
