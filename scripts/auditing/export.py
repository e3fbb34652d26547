"""``key-ledger audit export``: every event that fits, as a file. A stream from the service to the disk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from scripts.auditing import completeness
from scripts.auditing.completeness import counted
from scripts.auditing.connection import Connection, in_words
from scripts.auditing.filters import Filters
from scripts.auditing.option_groups import grouped
from scripts.auditing.questions import checked, of_account
from scripts.auditing.times import Period
from scripts.envelope.endpoints import STANDARD_STREAM, FileTarget, StreamTarget, Target
from scripts.envelope.failure import WrongUse
from scripts.envelope.interruption import Interruption
from scripts.envelope.terminal import progress, tell

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

_OWNER_ONLY: Final = 0o600
_PATH: Final = "/audit/export"


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


@grouped
def export(
    *,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The file to make, readable by you only; - for standard output."
        ),
    ],
    format_: Annotated[
        Format, typer.Option("--format", help="One JSON object a line, or comma-separated values with a header.")
    ] = Format.NDJSON,
    newest_first: Annotated[bool, typer.Option("--newest-first", help="Instead of as they happened.")] = False,
    force: Annotated[bool, typer.Option("--force", "-f", help="Replace FILE if it is a file that exists.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a summary as one JSON object (FILE must be a file).")
    ] = (False),
    filters: Filters,
    period: Period,
    connection: Connection,
) -> None:
    """Export every event that fits, however many, in constant memory. FILE appears whole or not at all."""
    with in_words() as interruption:
        target = _target(output, force, as_json)
        query = checked(filters, period, connection)
        service = connection.service()
        order = "desc" if newest_first else "asc"
        query = {**of_account(query, service), "format": format_.value, "order": order}
        _Export(target, interruption, headers=1 if format_ is Format.CSV else 0).carry_out(service, query, as_json)


def _target(output: str, force: bool, as_json: bool) -> Target:
    if output != STANDARD_STREAM:
        return FileTarget(output, _OWNER_ONLY, force)
    if as_json:
        raise WrongUse("--json needs standard output for the summary.", "Name a FILE, or leave --json out.")
    if sys.stdout.isatty():
        raise WrongUse("An export is no text for a terminal.", "Name a FILE, redirect it, or use 'audit search'.")
    return StreamTarget()


@dataclass
class _Export:
    """:param headers: lines that are no events. Each event is a line, in either format."""

    target: Target
    interruption: Interruption
    headers: int
    lines: int = 0

    def carry_out(self, service: AuditService, query: Mapping[str, str], as_json: bool) -> None:
        try:
            self.target.open()
            with progress(f"Exporting to {self.target.name}", None, shown=True) as show:
                with service.streamed("ExportEvents", _PATH, query) as (currency, pieces):
                    self._write(pieces, show)
                self.target.sync()
            self.interruption.check()
            self.interruption.settle()
            self.target.commit()
        finally:
            self.interruption.settle()
            self.target.discard()
        events, target = max(0, self.lines - self.headers), self.target
        summary = {"command": "audit export", "target": target.name, "bytes": target.written, "events": events}
        summary |= {name: currency[name] for name in ("as_of", "ledger_head", "complete") if name in currency}
        tell(summary, f"Exported {counted(events, 'event')}, {target.written:,} bytes, to {target.name}.", as_json)
        if not as_json and currency:
            completeness.tell(completeness.of(currency))
        elif currency:
            completeness.warn(completeness.of(currency))

    def _write(self, pieces: Iterator[bytes], show: Callable[[int], None]) -> None:
        for piece in pieces:
            self.interruption.check()
            self.target.write(piece)
            self.lines += piece.count(b"\n")
            show(self.target.written)
