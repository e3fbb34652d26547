"""What is shown while an answer is awaited: on standard error, where somebody watches it, and only after a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Final

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

AFTER_SECONDS: Final = 1.0
"""Most answers are there before. Those that replay the ledger may take a minute."""


@contextmanager
def waiting(for_what: str) -> Iterator[None]:
    console = Console(stderr=True, emoji=False)
    if not console.is_terminal:
        yield
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    shown = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    shown.add_task(for_what, total=None)
    timer = Timer(AFTER_SECONDS, shown.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # or it might begin after its end
        shown.stop()
