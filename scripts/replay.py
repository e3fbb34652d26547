"""``scripts/replay``: the ledger, read again from position to position, one line an event.

It is verified as it is read (:mod:`scripts.operating.reading`), and a last line says what was read, with a SHA-256 by
which two people know that they have read the same (:mod:`adapters.ledger.digest`). Filters choose what is printed;
everything is read, verified and hashed. Reads only, a page at a time; safe beside a running service.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import io
import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from adapters.settings import Settings
from domain.audit.facts import accounts_of, key_named
from domain.audit.scope import Scope
from domain.audit.sentences import sentence
from domain.audit.words import plural
from domain.cells import spreadsheet
from domain.events import EVENTS
from domain.standing import Standing
from scripts.envelope.failure import FileTrouble, WrongUse
from scripts.key_ids import key_id_of
from scripts.operating.deployment import DataOption, asking, settings_of
from scripts.operating.failure import EXIT_CODES, in_words
from scripts.operating.progress import progress
from scripts.operating.questions import AccountOption, RegionOption, uid_of
from scripts.operating.reading import Reading, WasRead, check_there, head_of, position_within
from scripts.operating.table import Form, form_of, remark

_COLUMNS: Final = (
    "position", "recorded_at", "called_at", "topic", "stream", "version", "account_id", "region_id", "key_id",
    "request_id", "sentence",
)  # fmt: skip

Print = Callable[[Standing], None]

application = typer.Typer(add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)


@application.command(epilog=EXIT_CODES)
def replay(
    *,
    first: Annotated[int, typer.Option("--from", min=1, metavar="POSITION", help="The first to read.")] = 1,
    last: Annotated[
        int | None, typer.Option("--to", min=1, metavar="POSITION", help="The last to read. Default: the head.")
    ] = None,
    account: AccountOption = None,
    region: RegionOption = None,
    key: Annotated[str | None, typer.Option("--key", metavar="ID", help="Only what is about this CMK.")] = None,
    topic: Annotated[
        str | None,
        typer.Option(
            "--topic", metavar="TOPIC", help="Only these events: kms.key.disabled; kms.key or kms.key.* for all such."
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line; the last says what was read.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Read the ledger again, one line an event, and verify it on the way."""
    with in_words("Nothing was changed."), _whoever_listens():
        form = form_of(as_csv=as_csv, as_json=as_json)
        scope = Scope(
            account_id=uid_of(account),
            region_id=region or "",
            key_id=None if key is None else key_id_of(key),
            topic=_known(topic),
        )
        shown, read = asyncio.run(_replayed(settings_of(data), first, last, scope, form))
        _sum_up(shown, read, form)
        sys.stdout.flush()


def _known(topic: str | None) -> str:
    """As a beginning, also of who writes ``kms.key.*`` as the audit trail has it."""
    topic = topic and topic.removesuffix(".*")
    if topic and not any(topic == event.TOPIC or event.TOPIC.startswith(f"{topic}.") for event in EVENTS):
        known = ", ".join(sorted(event.TOPIC for event in EVENTS))
        raise WrongUse(f"--topic {topic} is none.", f"There are {known}; or give one's beginning, up to a dot.")
    return topic or ""


async def _replayed(settings: Settings, first: int, last: int | None, scope: Scope, form: Form) -> tuple[int, WasRead]:
    """How many were printed, and what was read."""
    shown = 0
    async with asking(settings) as connection:
        await check_there(connection, scope.account_id, scope.region_id)
        last = position_within(last, await head_of(connection), "--to")
        if first > max(last, 1):
            raise WrongUse(f"From position {first} to {last} there is none.", "Give --from and --to in order.")
        reading, put = Reading(connection, first, last), _printer(form, last)
        with progress("Replaying", last - first + 1) as done:
            async for page in reading.pages():
                for standing in page:
                    reading.follow(standing)
                    if scope.holds(standing.event):
                        done.give_way()
                        put(standing)
                        shown += 1
                done(page[-1].position - first + 1)
    return shown, reading.was_read


# --- printing ------------------------------------------------------------------------------------------------------


def _printer(form: Form, last: int) -> Print:
    if form is Form.JSON:
        return lambda standing: print(_line(dict(zip(_COLUMNS, _values(standing), strict=True))))
    if form is Form.CSV:
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        return lambda standing: writer.writerow([_cell(value) for value in _values(standing)])
    width = max(len(f"{last:,}"), len("Position"))
    print(f"{'Position':>{width}}  {'Recorded at (UTC)':26}  Event")
    return lambda standing: print(
        f"{standing.position:>{width},}  {standing.recorded_at:%Y-%m-%d %H:%M:%S.%f}  {sentence(standing.event)}"
    )


def _values(standing: Standing) -> tuple[Any, ...]:
    event = standing.event
    key_id = key_named(event)
    return (
        standing.position,
        _moment(standing.recorded_at),
        _moment(event.timestamp),
        event.TOPIC,
        str(event.originator_id),
        event.originator_version,
        accounts_of(event)[0],
        event.call.region_id,
        "" if key_id is None else str(key_id),
        str(event.call.request_id),
        sentence(event),
    )


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def _line(values: dict[str, Any]) -> str:
    """ASCII: no terminal obeys it, and a program reads what was meant. JSON lets DEL stand as it is."""
    return json.dumps(values, ensure_ascii=True).replace("\x7f", "\\u007f")


def _cell(value: object) -> str:
    return spreadsheet(str(value))


def _sum_up(shown: int, read: WasRead, form: Form) -> None:
    if form is Form.JSON:
        of_read = {
            "first": read.first,
            "last": read.last,
            "events": read.events,
            "shown": shown,
            "first_recorded_at": read.first_at and _moment(read.first_at),
            "last_recorded_at": read.last_at and _moment(read.last_at),
            "sha256": read.sha256,
        }
        print(_line({"read": of_read}))
        return
    told = f"{plural(read.events, 'event')} read and verified, {shown} shown"
    if read.first_at and read.last_at:
        told += (
            f": positions {read.first} to {read.last}, recorded {_moment(read.first_at)} to {_moment(read.last_at)}, "
            f"SHA-256 {read.sha256}"
        )
    if form is Form.CSV:
        remark(f"{told}.")
    else:
        print(f"{told}.")


@contextlib.contextmanager
def _whoever_listens() -> Any:
    """``replay | head`` has seen enough: no trouble of ours, but what was not printed was not printed. A terminal
    that lacks characters gets their numbers."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
    except BrokenPipeError:
        # Python flushes standard output once more as it ends; let it go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FileTrouble.exit_code) from None
    except OSError as error:
        raise FileTrouble(f"The output cannot be written: {error.strerror}.", "Is the disk full?") from None


if __name__ == "__main__":
    application()
