"""A bar for what reads the whole ledger: on standard error, and only where somebody watches."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.progress import Task as Shown
from rich.text import Text


class _Rate(TextColumn):
    """Events a second."""

    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Shown) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class Bar:
    """Called with the number of events that are done."""

    def __init__(self, shown: Progress, doing: str, total: int) -> None:
        self._shown = shown
        self._task = shown.add_task(doing, total=total)
        self._is_in_the_way = sys.stdout.isatty()

    def __call__(self, done: int) -> None:
        self._shown.update(self._task, completed=done)

    def give_way(self) -> None:
        """To rows, where they go to a terminal as well: from the first one on they show how far it is."""
        if self._is_in_the_way:
            self._shown.stop()
            self._is_in_the_way = False


@contextmanager
def progress(doing: str, total: int) -> Iterator[Bar]:
    console = Console(stderr=True, emoji=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    # Standard output is data and goes where it goes, past the bar.
    shown = Progress(
        *columns,
        console=console,
        disable=not console.is_terminal,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with shown as bar:
        yield Bar(bar, doing, total)
