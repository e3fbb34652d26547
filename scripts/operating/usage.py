"""``key-ledger usage``: how many calls, whose and about what, and what they cost."""

from __future__ import annotations

import asyncio
import calendar
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from adapters.ledger.mapper import decode
from adapters.settings import Settings
from projections import projector
from projections.pages import Pages
from projections.projector import Connection, PoisonEvent
from projections.usage import UsageRows
from projections.usage_report import KEY_MONTH, Dimension, Line, Question, Standing, answered, standing
from scripts.envelope.failure import WrongUse
from scripts.key_ids import key_id_of
from scripts.operating import tariff as tariffs
from scripts.operating.deployment import DataOption, asking, settings_of
from scripts.operating.failure import EXIT_CODES, in_words
from scripts.operating.issued import checked_uid
from scripts.operating.table import Cell, Form, Table, form_of, money, remark, show
from scripts.operating.tariff import Tariff

UPDATE_SECONDS: Final = 2.0
"""How long an answer may wait for what was recorded just now."""

_BY: Final = (Dimension.ACCOUNT, Dimension.OPERATION)


application = typer.Typer(name="usage", rich_markup_mode="markdown", add_completion=False)


@application.command("usage", epilog=EXIT_CODES)
def usage(
    *,
    account: Annotated[
        str | None,
        typer.Option(
            "--account", metavar="UID", help="Whose usage: the key's owner's, or the caller's if about no key."
        ),
    ] = None,
    caller: Annotated[str | None, typer.Option("--caller", metavar="UID", help="The account that asked.")] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="REGION", help="The region asked.")] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="The id of a CMK.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="YYYY-MM-DD, or YYYY-MM; UTC. Default: this month.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="YYYY-MM-DD, or YYYY-MM; included. Default: today.")
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="WHAT",
            help=f"One line for each of: {', '.join(Dimension)}. Several with commas. Default: account,operation.",
        ),
    ] = None,
    tariff: Annotated[
        Path | None, typer.Option("--tariff", metavar="FILE", help=f"Say what it costs. {tariffs.EXAMPLE}")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data: DataOption = None,
) -> None:
    """Count what was asked of the keys, each call once, and what that costs by your own tariff."""
    with in_words():
        form = form_of(as_csv=as_csv, as_json=as_json)
        prices = None if tariff is None else tariffs.read(tariff)
        question = _question(account, caller, region, key, _period(since, until, datetime.now(UTC).date()), by)
        answer = asyncio.run(_asked(settings_of(data), question, prices))
        table = _table(question, answer.lines, prices)
        show(table, form, _about(question, answer, prices, table))
        if form is not Form.JSON:
            remark(_standing(question, answer))


def _question(
    account: str | None,
    caller: str | None,
    region: str | None,
    key: str | None,
    period: tuple[date, date],
    by: list[str] | None,
) -> Question:
    return Question(
        since=period[0],
        until=period[1],
        account_id=account and checked_uid(account),
        caller=caller and checked_uid(caller),
        region_id=region,
        key_id=None if key is None else key_id_of(key),
        by=_BY if by is None else _dimensions(by),
    )


def _dimensions(given: list[str]) -> Sequence[Dimension]:
    names = [name.strip() for part in given for name in part.split(",")]
    try:
        return list(dict.fromkeys(Dimension(name) for name in names))
    except ValueError:
        raise WrongUse(f"--by {','.join(given)} cannot be.", f"It takes {', '.join(Dimension)}.") from None


def _period(since: str | None, until: str | None, today: date) -> tuple[date, date]:
    """First and last day. What lies ahead costs nothing yet, so no period ends after today."""
    first = today.replace(day=1) if since is None else _day(since, last=False)
    last = today if until is None else min(_day(until, last=True), today)
    if since is None and first > last:
        first = last.replace(day=1)
    if first > last:
        raise WrongUse(f"The period from {first} to {last} has no day.", "Days ahead cannot be counted yet.")
    return first, last


def _day(text: str, *, last: bool) -> date:
    try:
        if len(text) == len("2026-11"):
            first = date.fromisoformat(f"{text}-01")
            return first.replace(day=calendar.monthrange(first.year, first.month)[1]) if last else first
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{text!r} is no day.", "Write it like 2026-11-24, or 2026-11 for a month.") from None


@dataclass(frozen=True, slots=True)
class Answer:
    """:param poison: what has stopped the counting."""

    lines: list[Line]
    standing: Standing
    poison: PoisonEvent | None


async def _asked(settings: Settings, question: Question, prices: Tariff | None) -> Answer:
    async with asking(settings) as connection:
        poison = await _brought_up_to_date(connection)
        # One transaction: rows and the position that they stand at belong together.
        async with connection.transaction():
            await connection.execute("set transaction isolation level repeatable read read only")
            lines = await answered(connection, question, prices.allowances if prices else ())
            return Answer(lines, await standing(connection), poison)


async def _brought_up_to_date(connection: Connection) -> PoisonEvent | None:
    """With what was recorded before this question, as far as that takes no longer than a person likes to wait."""
    end = time.monotonic() + UPDATE_SECONDS
    try:
        pages = Pages(decode)
        while time.monotonic() < end and await projector.advance(connection, UsageRows(), pages):
            pass
    except PoisonEvent as poison:
        return poison
    return None


def _table(question: Question, lines: Iterable[Line], prices: Tariff | None) -> Table:
    groups: dict[tuple[str, ...], list[Line]] = {}
    for line in lines:
        if prices is not None or line.operation != KEY_MONTH:
            groups.setdefault(line.group, []).append(line)
    rows = [(*group, *_counts(of_group, prices)) for group, of_group in groups.items()]
    columns = (
        ["calls", "refused"] if prices is None else ["calls", "refused", "free", "key_months", "price", "currency"]
    )
    every = [line for of_group in groups.values() for line in of_group]
    total: list[Cell] = [*("" for _ in question.by), *_counts(every, prices)]
    if question.by:
        total[0] = "total"
    return Table([*question.by, *columns], rows, total if question.by else None)


def _counts(lines: Sequence[Line], prices: Tariff | None) -> list[Cell]:
    calls = [line for line in lines if line.operation != KEY_MONTH]
    counts: list[Cell] = [sum(line.answered for line in calls), sum(line.refused for line in calls)]
    if prices is not None:
        counts.append(sum(line.free for line in calls))
        counts.append(sum(line.answered for line in lines if line.operation == KEY_MONTH))
        counts += [prices.price(lines), prices.currency]
    return counts


def _about(question: Question, answer: Answer, prices: Tariff | None, table: Table) -> dict[str, Any]:
    """What JSON says besides the rows."""
    about: dict[str, Any] = {
        "from": question.since.isoformat(),
        "to": question.until.isoformat(),
        "position": answer.standing.position,
        "recorded_at": answer.standing.recorded_at and answer.standing.recorded_at.isoformat(),
        "head": answer.standing.head,
        "stopped_at": answer.poison and answer.poison.position,
    }
    if prices is not None:
        price = prices.price(answer.lines)
        about |= {"currency": prices.currency, "total": money(price)}
    return about


def _standing(question: Question, answer: Answer) -> str:
    """How current it is, for people."""
    at, position = answer.standing.recorded_at, answer.standing.position
    upto = f"up to position {position}, {at:%Y-%m-%dT%H:%M:%SZ}" if at else "nothing is recorded yet"
    said = f"{question.since} to {question.until} (UTC), counted {upto}."
    if answer.poison is not None:
        return f"{said} Counting has STOPPED: {answer.poison}; the projector's log says why."
    if missing := answer.standing.head - position:
        said += f" {missing:,} events are not counted yet."
    return said
