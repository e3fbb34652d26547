"""``scripts/verify_ledger authority``: replay the ledger from its beginning and decide everything again.

Accounts, keys and sessions are rebuilt event by event, and every recorded use, read, change and refusal is judged on
what stood just before it (:mod:`domain.history`). Reads only; safe beside a running service. Exit status 1 where an
event contradicts what stands before it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from adapters.ledger.pages import LedgerBroken, pages
from adapters.settings import Settings
from domain.history.judge import Outcome, judged
from domain.history.world import World
from domain.standing import Standing
from scripts.operating.deployment import DataOption, asking, settings_of
from scripts.operating.failure import EXIT_CODES, in_words
from scripts.operating.progress import progress

FINDINGS_SHOWN: Final = 100
FINDINGS_KEPT: Final = 100_000
"""A ledger that is wrong all over must not fill the memory of whoever finds it out."""

application = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@dataclass
class Report:
    """:ivar outcomes: topic and outcome -> events. :ivar unjudged: reason -> events.
    :ivar findings: position and sentence of the first ones. :ivar found: how many there are.
    """

    until: int = 0
    events: int = 0
    seconds: float = 0.0
    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    unjudged: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str]] = field(default_factory=list)
    found: int = 0

    def find(self, position: int, sentence: str) -> None:
        self.found += 1
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append((position, sentence))

    def as_json(self) -> dict[str, Any]:
        topics = sorted({topic for topic, _ in self.outcomes})
        return {
            "until": self.until,
            "events": self.events,
            "events_per_second": round(self.events / self.seconds) if self.seconds else None,
            "topics": {
                topic: {outcome.value: self.outcomes[topic, outcome] for outcome in Outcome} for topic in topics
            },
            "not_judged": dict(self.unjudged),
            "found": self.found,
            "findings": [{"position": position, "finding": sentence} for position, sentence in self.findings],
        }


@application.callback()
def main() -> None:
    """Prove what stands in the ledger."""


@application.command("authority", epilog=EXIT_CODES)
def authority(
    *,
    until: Annotated[int | None, typer.Option("--to", min=1, metavar="POSITION", help="Default: the head.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data: DataOption = None,
) -> None:
    """Decide every recorded use, read, change and refusal again, each on what stood just before it."""
    with in_words():
        report = asyncio.run(_verified(settings_of(data), until))
        if as_json:
            print(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            _show(report)
        if report.findings:
            raise typer.Exit(1)


async def _verified(settings: Settings, until: int | None) -> Report:
    # Events go by reference counts as soon as they are judged; what stays is the world, and it only grows.
    gc.set_threshold(50_000, 20, 20)
    report, world, began = Report(), World(), time.perf_counter()
    async with asking(settings) as connection:
        cursor = await connection.execute("select next_position - 1 from ledger.ledger_head")
        (head,) = (await cursor.fetchone()) or (0,)
        report.until = min(head, until or head)
        with progress("Replaying", report.until) as done:
            try:
                async for page in pages(connection, until=report.until):
                    for standing in page:
                        _look_at(world, standing, report)
                    done(page[-1].position)
            except LedgerBroken as broken:
                report.find(report.events + 1, str(broken))
    report.seconds = time.perf_counter() - began
    return report


def _look_at(world: World, standing: Standing, report: Report) -> None:
    event = standing.event
    verdict = judged(world, event)
    report.events += 1
    report.outcomes[event.TOPIC, verdict.outcome] += 1
    if verdict.outcome is Outcome.CONTRADICTS:
        report.find(standing.position, f"{event.TOPIC} by {event.call.by.principal}: {verdict.reason}.")
    elif verdict.outcome is Outcome.NOT_JUDGED:
        report.unjudged[verdict.reason] += 1
    try:
        world.apply(event)
    except ValueError as error:
        report.find(standing.position, f"{error}.")


def _show(report: Report) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120, emoji=False)
    table = Table("event", *(outcome.value for outcome in Outcome), box=None)
    for topic in sorted({topic for topic, _ in report.outcomes}):
        table.add_row(topic, *(f"{report.outcomes[topic, outcome]:,}" for outcome in Outcome))
    console.print(table)
    for reason, count in report.unjudged.most_common():
        console.print(f"Not judged: {count:,} × {reason}.", markup=False, highlight=False)
    for position, sentence in report.findings[:FINDINGS_SHOWN]:
        console.print(f"Position {position}: {sentence}", style="bold red", markup=False, highlight=False)
    if report.found > FINDINGS_SHOWN:
        console.print(f"… and {report.found - FINDINGS_SHOWN:,} more; --json lists the first {FINDINGS_KEPT:,}.")
    agreed = "nothing contradicts" if not report.found else f"{report.found:,} findings in"
    rate = report.events / report.seconds if report.seconds else 0
    console.print(f"{agreed} positions 1 to {report.until:,} ({rate:,.0f} events a second).", highlight=False)


if __name__ == "__main__":
    application()
