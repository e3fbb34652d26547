"""What a person or a script sees: progress, the summary, and failures as words and exit codes.

Standard output carries data or, with --json, the summary; everything else goes to standard error.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from domain.audit.words import visible
from scripts.envelope.failure import Failure
from scripts.envelope.interruption import Interrupted, Interruption, interruptible

_UNFORESEEN: Final = 1
BY_SIGNAL: Final = 128
_ODD: Final = re.compile(r"[^\x20-\x7e]")
_NO_FILE: Final = "no output file was made"


@contextmanager
def progress(doing: str, total: int | None, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on standard error if it is a terminal; yields what to call with the number of bytes done so far.

    ``total`` is in bytes; None (a pipe) shows the bytes done and the speed only.
    """
    console = Console(stderr=True, emoji=False)
    columns = [
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
    ]
    with Progress(
        *columns,
        *([TimeRemainingColumn()] if total is not None else []),
        console=console,
        transient=True,  # the summary or the failure below says what remains to be known
        disable=not (shown and console.is_terminal),
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task(escape(doing), total=total)
        yield lambda done: bar.update(task, completed=done)


def tell(summary: dict[str, Any], sentence: str, as_json: bool) -> None:
    """The summary as JSON on standard output, or as a sentence on standard error."""
    if as_json:
        print(json.dumps(summary), flush=True)
    else:
        print(fitted(sentence), file=sys.stderr)


@contextmanager
def failures_in_words(undone: str = _NO_FILE) -> Iterator[Interruption]:
    """Turns every failure below into a sentence on standard error and an exit code. Never a traceback.

    :param undone: what is worth knowing of a run that did not come to its end."""
    with interruptible() as interruption:
        try:
            yield interruption
        except typer.Exit:
            raise
        except (Exception, Interrupted) as failure:  # noqa: BLE001  # a traceback helps nobody here
            interruption.settle()
            _end(interruption, failure, undone)


def _end(interruption: Interruption, failure: BaseException, undone: str) -> NoReturn:
    if interruption.signal_number is not None:  # whatever else was raised is a consequence of it
        say(f"Interrupted before the end; {undone}.")
        raise typer.Exit(BY_SIGNAL + interruption.signal_number)
    if isinstance(failure, Failure):
        say(str(failure))
        raise typer.Exit(failure.exit_code)
    say(_unforeseen(failure, undone))
    raise typer.Exit(_UNFORESEEN)


def _unforeseen(failure: BaseException, undone: str) -> str:
    """Where it happened, but not its text: that could quote what must not be shown."""
    place = traceback.extract_tb(failure.__traceback__)[-1]
    return (
        f"Something unforeseen: {type(failure).__name__} in {place.name}, line {place.lineno}. "
        f"Please report it; {undone}."
    )


def say(sentence: str) -> None:
    prefix = styled("key-ledger:", sys.stderr, fg=typer.colors.RED, bold=True)
    print(prefix, fitted(visible(sentence), len("key-ledger: ")), file=sys.stderr)


def styled(text: str, stream: TextIO, **style: Any) -> str:
    """For a terminal that knows escapes, unless NO_COLOR is set; as rich has it for tables."""
    if not stream.isatty():
        return text
    console = Console(file=stream)
    return text if console.is_dumb_terminal or console.no_color else typer.style(text, **style)


def printable_json(value: object, indent: int | None = None, separators: tuple[str, str] | None = None) -> str:
    """JSON with nothing in it that a terminal would obey, and all else as it is written."""
    text = json.dumps(value, default=str, ensure_ascii=False, indent=indent, separators=separators)
    lines = [
        _ODD.sub(lambda found: found[0] if found[0].isprintable() else _json(found[0]), line)
        for line in text.split("\n")
    ]
    return "\n".join(lines)


def _json(character: str) -> str:
    return json.dumps(character)[1:-1]


def fitted(sentence: str, indent: int = 0) -> str:
    """Lines as wide as the terminal; one line where somebody's program reads it."""
    if not sys.stderr.isatty():
        return sentence
    width = shutil.get_terminal_size().columns - 1
    lines = textwrap.fill(sentence, width, initial_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return lines[indent:]
