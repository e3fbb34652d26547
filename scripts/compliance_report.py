"""``scripts/compliance_report``: what the ledger shows of a period, for auditors, as PDF, HTML, CSV and JSON.

One pass over the ledger from its first event to a position, verified as it is read. The same arguments and position
give the same bytes: see :mod:`scripts.compliance`. Reads only; safe beside a running service.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import psycopg
import typer

from adapters.settings import Settings
from domain.audit.evidence.gathered import Evidence
from domain.audit.evidence.period import Period, day_begins
from domain.audit.evidence.supposed import SupposedCalls
from domain.audit.key_findings import CRYPTOPERIOD_DAYS, RECENT_DAYS, UNUSED_DAYS, Periods
from domain.audit.scope import Scope
from domain.ram.errors import MalformedPolicyDocument
from scripts.compliance.document import Document
from scripts.compliance.html import as_html
from scripts.compliance.objects import as_json
from scripts.compliance.output import new_folder
from scripts.compliance.pdf import as_pdf
from scripts.compliance.report import end_of, report
from scripts.compliance.sections.material import Material
from scripts.compliance.supposed import read_supposition
from scripts.compliance.tables import as_csv
from scripts.envelope.failure import WrongUse
from scripts.envelope.interruption import Interrupted, Interruption, interruptible
from scripts.envelope.terminal import say
from scripts.operating.deployment import DataOption, asking, settings_of
from scripts.operating.failure import EXIT_CODES, in_words
from scripts.operating.progress import progress
from scripts.operating.questions import AccountOption, RegionOption, uid_of
from scripts.operating.reading import Reading, check_there, head_of, position_within
from scripts.operating.table import remark


class Format(StrEnum):
    PDF = "pdf"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


NAME: Final = "compliance-report"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_REGION: Final = re.compile(r"[a-z0-9-]{1,64}")

application = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@application.command(epilog=EXIT_CODES)
def compliance_report(
    *,
    since: Annotated[str, typer.Option("--from", metavar="DAY", help="YYYY-MM-DD, UTC: the first day.")],
    until: Annotated[str, typer.Option("--to", metavar="DAY", help="YYYY-MM-DD, UTC: the last day, included.")],
    account: AccountOption = None,
    region: RegionOption = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="The folder to make; it must not exist.")
    ] = Path(NAME),
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", metavar="FORM", help="pdf, html, csv, json; several with commas. Default: all."),
    ] = None,
    at: Annotated[
        int | None,
        typer.Option("--at", min=0, metavar="POSITION", help="Read the ledger up to here. Default: its head now."),
    ] = None,
    cryptoperiod_days: Annotated[
        int, typer.Option("--cryptoperiod-days", min=1, help="How long a key should be in use.")
    ] = CRYPTOPERIOD_DAYS,
    unused_days: Annotated[
        int, typer.Option("--unused-days", min=1, help="A key without use for so long is told of.")
    ] = UNUSED_DAYS,
    recent_days: Annotated[
        int, typer.Option("--recent-days", min=1, help="A use so lately makes a deletion suspicious.")
    ] = RECENT_DAYS,
    hypothesis: Annotated[
        Path | None,
        typer.Option(
            "--what-if",
            metavar="FILE",
            help="Tell, too, which calls of --account another policy would have decided otherwise: JSON as "
            "POST /audit/what-if takes it.",
        ),
    ] = None,
    fonts: Annotated[
        Path | None,
        typer.Option("--fonts", metavar="DIR", help="Further fonts for the PDF, such as for Chinese: a folder."),
    ] = None,
    data: DataOption = None,
) -> None:
    """Write down, for auditors, what the ledger shows of a period: evidence for PCI DSS 4.0, ISO/IEC 27001 and SOC 2.

    The same arguments with the same --at give the same bytes, however much was recorded since.
    """
    with in_words(), _stoppable() as interruption:
        period, scope = _period(since, until), Scope(account_id=uid_of(account), region_id=_region(region))
        periods = Periods(cryptoperiod_days=cryptoperiod_days, unused_days=unused_days, recent_days=recent_days)
        wanted = _formats(formats)
        supposed = None if hypothesis is None else _supposed(hypothesis, period, scope)
        settings = settings_of(data)
        with new_folder(output) as folder:
            material = interruption.run(lambda: _read(settings, period, scope, at, periods, supposed))
            for name, content in _files(report(material), wanted, fonts):
                interruption.check()
                (folder / name).write_bytes(content)
        remark(f"{output}: positions 1 to {material.read.last}. To make the same again: --at {material.read.last}.")


@contextmanager
def _stoppable() -> Iterator[Interruption]:
    """SIGTERM and SIGHUP end it as Ctrl-C does: with a sentence, and with nothing left behind."""
    with interruptible() as interruption:
        try:
            yield interruption
        except Interrupted:
            interruption.settle()
            say("Interrupted. No report was made.")
            raise typer.Exit(128 + (interruption.signal_number or 0)) from None


def _period(since: str, until: str) -> Period:
    first, last = _day(since, "--from"), _day(until, "--to")
    if last < first:
        raise WrongUse(f"The period from {since} to {until} has no day.", "Give --from and --to in order.")
    return Period(first, last + timedelta(days=1))


def _day(given: str, option: str) -> datetime:
    """The first and the last days of the calendar are nobody's."""
    try:
        found = datetime.strptime(given, "%Y-%m-%d").replace(tzinfo=UTC).date()
        if not 1900 <= found.year <= 2999 or found.isoformat() != given:
            raise ValueError(given)
    except ValueError:
        raise WrongUse(f"{option} {given!r} is no day.", "Write it like 2026-11-24.") from None
    return day_begins(found)


def _region(given: str | None) -> str:
    if given is not None and _REGION.fullmatch(given) is None:
        raise WrongUse(f"{given!r} is no region.", "Write it like cn-hangzhou.")
    return given or ""


def _formats(given: list[str] | None) -> list[Format]:
    names = [name.strip() for part in given or [",".join(Format)] for name in part.split(",")]
    try:
        return sorted({Format(name) for name in names})
    except ValueError:
        raise WrongUse(f"--format {','.join(names)} cannot be.", f"There are {', '.join(Format)}.") from None


def _supposed(file: Path, period: Period, scope: Scope) -> SupposedCalls:
    if not scope.account_id:
        raise WrongUse("--what-if is about the policies of one account.", "Give --account as well.")
    supposition = read_supposition(file, scope.account_id)
    try:
        return SupposedCalls(supposition, period, scope)
    except MalformedPolicyDocument as malformed:
        raise WrongUse(f"The policy in {file} cannot be evaluated: {malformed}", "Correct it.") from None


# --- reading -------------------------------------------------------------------------------------------------------


async def _read(
    settings: Settings,
    period: Period,
    scope: Scope,
    at: int | None,
    periods: Periods,
    supposed: SupposedCalls | None,
) -> Material:
    async with asking(settings) as connection:
        await check_there(connection, scope.account_id, scope.region_id)
        head = position_within(at, await head_of(connection), "--at")
        reading = Reading(connection, 1, head)
        evidence = Evidence(period, scope, reading.world)
        head_at = _EPOCH
        with progress("Reading the ledger", head) as done:
            async for page in reading.pages():
                for standing in page:
                    reading.follow(standing)
                    evidence.add(standing)
                    if supposed is not None:
                        supposed.add(standing)
                    head_at = max(head_at, standing.event.timestamp)
                done(page[-1].position)
        if supposed is not None:
            supposed.end()
        _refuse_nobody(evidence, scope)
        return Material(
            evidence=evidence,
            read=reading.was_read,
            head_at=head_at,
            end=end_of(period, head_at),
            periods=periods,
            material_left=await _material_left(connection, evidence),
            supposed=supposed,
        )


def _refuse_nobody(evidence: Evidence, scope: Scope) -> None:
    """A report of nothing would look like one of an account in which nothing happened."""
    if scope.account_id and evidence.world.authority(scope.account_id) is None:
        raise WrongUse(f"There is no account {scope.account_id} in this ledger.", "Give --account the id of one.")


async def _material_left(connection: psycopg.AsyncConnection[Any], evidence: Evidence) -> dict[UUID, int]:
    """Rows of material of keys that were destroyed: none, and for ever."""
    destroyed = [deletion.key_id for deletion in evidence.keys.deletions if deletion.destroyed_versions]
    cursor = await connection.execute(
        "select key_id, count(*) from ledger.sealed_material where key_id = any(%s) group by key_id", (destroyed,)
    )
    return dict(await cursor.fetchall())


def _files(document: Document, wanted: list[Format], fonts: Path | None) -> Iterator[tuple[str, bytes]]:
    whole: dict[Format, Callable[[], bytes]] = {
        Format.PDF: lambda: as_pdf(document, fonts),
        Format.HTML: lambda: as_html(document),
        Format.JSON: lambda: as_json(document),
    }
    for form in wanted:
        if form is Format.CSV:
            yield from as_csv(document)
        else:
            yield f"{NAME}.{form.value}", whole[form]()


if __name__ == "__main__":
    application()
