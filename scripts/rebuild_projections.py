"""``scripts/rebuild_projections``: every table that is made from the ledger, made again from its first event, compared
row for row with what stands, and put in its place. The service runs meanwhile.

It makes and drops tables, so it needs an administrator of the database: ``--data DIR`` for the one that
``scripts/up`` embeds, else ``KEY_LEDGER_ADMIN_URL``, as for ``scripts/migrate``. Killed at any moment it leaves the
live tables as they were, or as they were made again; run it again. How: :mod:`projections.rebuilding`.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import psycopg
import typer
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from adapters.embedded import administrator_url
from adapters.ledger.connection import connect
from adapters.ledger.mapper import decode
from domain.audit.words import visible
from projections.projector import PoisonEvent, Projection
from projections.rebuilding import place
from projections.rebuilding.comparison import Compared, compared, live_positions
from projections.rebuilding.exchange import exchange
from projections.rebuilding.loading import Loading
from projections.rebuilding.place import RebuildRefused
from scripts.envelope.failure import WrongUse
from scripts.migrate import ADMIN_URL
from scripts.operating.failure import Refused, in_words
from scripts.projector import PROJECTIONS
from scripts.up_database import DATABASE

DIFFERENT: Final = 3
EXIT_CODES: Final = (
    "Exit codes: 0 the tables were what the events say; 3 they were not, and now are (with --check: they are not); "
    "1 something unforeseen; 2 wrong use; 4 refused, nothing was changed; 5 the database is away; 130 interrupted."
)


@dataclass
class Report:
    """:ivar positions: at which they were compared. :ivar reached: of the rebuilt tables that are live now; empty where
    nothing was exchanged. :ivar seconds: of the replay.
    """

    projections: list[str]
    positions: dict[str, int] = field(default_factory=dict)
    reached: dict[str, int] = field(default_factory=dict)
    events: int = 0
    seconds: float = 0.0
    tables: list[Compared] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        return any(table.differs for table in self.tables)

    @property
    def rate(self) -> int:
        return round(self.events / self.seconds) if self.seconds else 0

    def as_json(self) -> dict[str, Any]:
        return {
            "projections": self.projections,
            "compared_at": self.positions,
            "exchanged_at": self.reached,
            "exchanged": bool(self.reached),
            "events": self.events,
            "events_per_second": self.rate,
            "tables": [asdict(table) for table in self.tables],
            "differs": self.differs,
        }


def command(
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="NAME", help=f"{', '.join(one.name for one in PROJECTIONS)}. May be repeated."),
    ] = None,
    *,
    check: Annotated[bool, typer.Option("--check", help="Compare, and leave the live tables as they are.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help=f"The data folder of scripts/up, which runs. Default: {ADMIN_URL}."),
    ] = None,
) -> None:
    """Make the tables of the ledger's projections again, compare them with what stands, and put them in its place."""
    with in_words():
        chosen = _chosen(only)
        gc.set_threshold(200_000)  # a replay makes many values and no cycles
        try:
            report = uvloop.run(rebuilt(_admin_url(data), chosen, check=check))
        except RebuildRefused as refused:
            raise Refused(str(refused), "The live tables are what they were.") from refused
        except PoisonEvent as poison:
            raise Refused(f"{poison}: {poison.__cause__!r}.", "The live tables are what they were.") from poison
        print(json.dumps(report.as_json(), ensure_ascii=False, default=str)) if as_json else _show(report)
        if report.differs:
            raise typer.Exit(DIFFERENT)


def _chosen(only: Sequence[str] | None) -> list[Projection]:
    names = [projection.name for projection in PROJECTIONS]
    if unknown := sorted(set(only or ()) - set(names)):
        raise WrongUse(f"There is no projection {unknown[0]}.", f"There are {', '.join(names)}.")
    return [projection for projection in PROJECTIONS if not only or projection.name in only]


def _admin_url(data: Path | None) -> str:
    if data is None:
        if url := os.environ.get(ADMIN_URL):
            return url
        raise WrongUse(
            f"Which database? {ADMIN_URL} is not set.",
            "Name an administrator's URL there, or the data folder of scripts/up with --data.",
        )
    url = administrator_url(data.absolute(), DATABASE)
    if url is None:
        raise WrongUse(
            f"{data} has no PostgreSQL of its own.",
            f"Name the data folder of scripts/up, or an administrator's URL of your own PostgreSQL in {ADMIN_URL}.",
        )
    return url


async def rebuilt(admin_url: str, projections: Sequence[Projection], *, check: bool) -> Report:
    """Make, compare and, unless it is only a check, exchange.

    :raises RebuildRefused: it cannot be done now. :raises PoisonEvent: an event that a fold cannot take.
    """

    async def connected() -> psycopg.AsyncConnection[Any]:
        return await connect(admin_url, "key-ledger rebuild")

    report = Report([projection.name for projection in projections])
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(await connected())
        await place.begin(connection, projections)
        # Should we be killed, the next rebuild drops it.
        stack.push_async_callback(place.drop, connection)
        told = stack.enter_context(_Progress(projections))
        loading = await stack.enter_async_context(Loading(projections, connected, decode, told.reached))
        await _replay(connection, projections, loading, report, told)
        told.says("Comparing")
        report.positions, report.tables = await compared(connection, projections, decode)
        if not check:
            told.says("Making indexes")
            await place.finish_indexes(connection, projections)
            told.says("Exchanging")
            report.reached = await exchange(connection, projections, loading)
    return report


async def _replay(
    connection: psycopg.AsyncConnection[Any],
    projections: Sequence[Projection],
    loading: Loading,
    report: Report,
    told: _Progress,
) -> None:
    """Up to where the live tables are: further on there is nothing to compare with."""
    targets = await live_positions(connection, projections)
    report.events = max(targets.values())
    told.begins(targets)
    began = time.perf_counter()
    await loading.until(targets)
    report.seconds = time.perf_counter() - began


class _Progress:
    """On standard error, and only where somebody watches."""

    def __init__(self, projections: Sequence[Projection]) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._names = [projection.name for projection in projections]
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Progress:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def begins(self, targets: dict[str, int]) -> None:
        self._tasks = {name: self._progress.add_task(name, total=targets[name]) for name in self._names}

    def reached(self, name: str, position: int) -> None:
        if name in self._tasks:
            self._progress.update(self._tasks[name], completed=position)

    def says(self, doing: str) -> None:
        self._progress.console.print(doing, highlight=False) if self._progress.console.is_terminal else None


def _show(report: Report) -> None:
    """Of rows that differ, what callers chose is shown as it was sent: in a terminal nothing that it would obey."""
    console = Console(width=None if sys.stdout.isatty() else 120, emoji=False, markup=False)
    for table in report.tables:
        said = (
            f"{table.live_only:,} stand that should not, {table.rebuilt_only:,} do not that should"
            if table.differs
            else "as the events say"
        )
        style = "bold red" if table.differs else None
        console.print(f"{table.table}: {table.rows:,} rows, {said}", style=style, highlight=False)
        for example in table.examples:
            ((side, row),) = example.items()
            is_live = side == "live"
            text = visible(json.dumps(row, ensure_ascii=False, default=str))
            console.print(f"  {'stands ' if is_live else 'should '} {text}", highlight=False, soft_wrap=True)
    done = "The rebuilt tables are live." if report.reached else "Nothing was exchanged."
    console.print(f"{done} {report.events:,} positions replayed ({report.rate:,} a second).", highlight=False)


if __name__ == "__main__":
    application = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)
    application.command(epilog=EXIT_CODES)(command)
    application()
