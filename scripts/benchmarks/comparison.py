"""One operation on both servers: start what must be started, hold the contest, say how it went."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.benchmarks.contest import Contest, Side
from scripts.benchmarks.deployment import KeyLedger, running, started
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.openbao import OpenBao, openbao
from scripts.benchmarks.report import Conditions, as_object
from scripts.benchmarks.sides import KeyLedgerSide, OpenBaoSide, question, require_durable
from scripts.benchmarks.stockpile import Stockpile


@dataclass(frozen=True, slots=True)
class Plan:
    """:param data: folder of a running deployment to measure; None: one is started. :param alone: without OpenBao."""

    operation: str
    levels: Sequence[int]
    rounds: int
    seconds: int
    workers: int | None
    family: str
    threads: int
    data: Path | None
    endpoint: str | None
    alone: bool


def compare(
    plan: Plan, folder: Path, stockpile: Stockpile, listen: Callable[[int], Callable[[str], None]]
) -> dict[str, Any]:
    """The report that ``--json`` prints.

    :param folder: where both servers write, on the disk to be measured.
    :param listen: given the number of steps, returns who is told after each.
    """
    with ExitStack() as stack:
        server = stack.enter_context(_deployment(plan, folder))
        require_durable(server)
        ours = _our_side(plan, server, stack.enter_context(_bench_key(server)), stockpile)
        theirs = None if plan.alone else stack.enter_context(openbao(folder / "openbao"))
        sides: list[Side] = [ours, *([] if theirs is None else [OpenBaoSide(theirs, plan.operation, stockpile)])]
        contest = Contest(sides, plan.levels, plan.rounds, plan.seconds, plan.threads, lambda _: None)
        contest.progress = listen(contest.steps)
        results = contest.hold()
        return as_object(results, _conditions(plan, folder, server, theirs))


def _our_side(plan: Plan, server: KeyLedger, key_id: str, stockpile: Stockpile) -> KeyLedgerSide:
    side = KeyLedgerSide(server, [question(server, plan.operation, key_id)], stockpile, plan.family)
    side.try_out()
    return side


@contextmanager
def _deployment(plan: Plan, folder: Path) -> Iterator[KeyLedger]:
    if plan.data is not None:
        yield running(plan.data, plan.endpoint)
    else:
        with started(folder / "key-ledger", plan.workers) as server:
            yield server


@contextmanager
def _bench_key(server: KeyLedger) -> Iterator[str]:
    """A CMK for the measurement; where the deployment outlives it, its deletion is scheduled."""
    key_id = str(server.ask("CreateKey", Description="made by scripts/bench")["KeyMetadata"]["KeyId"])
    try:
        yield key_id
    finally:
        if server.launcher is None:
            with suppress(BenchError, OSError):
                server.ask("ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays="7")


def _conditions(plan: Plan, folder: Path, server: KeyLedger, theirs: OpenBao | None) -> Conditions:
    return Conditions(
        operation=plan.operation,
        signatures=plan.family,
        rounds=plan.rounds,
        seconds=plan.seconds,
        generator_threads=plan.threads,
        workers=len(server.processes()["workers"]),
        openbao=None if theirs is None else theirs.version,
        file_system=file_system_of(folder),
    )


def file_system_of(folder: Path) -> str:
    """Type of the file system that ``folder`` lies on, such as ``ext4``."""
    best, kind = "", "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mounted, this_kind, *_ = line.split()
        if folder.resolve().is_relative_to(mounted) and len(mounted) >= len(best):
            best, kind = mounted, this_kind
    return kind
