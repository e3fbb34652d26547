"""What ``up`` says. Steps and troubles go to standard error; ``ready …`` and what to do next to standard output.

In a terminal with colours; plain, line by line, where somebody else reads. A reader who went away stops nothing.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape


class Tell:
    def __init__(self) -> None:
        self._steps = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self._results = Console(highlight=False, soft_wrap=True, emoji=False)

    def step(self, text: str) -> None:
        _print(self._steps, f"[cyan]·[/cyan] {escape(text)}")

    def trouble(self, text: str) -> None:
        _print(self._steps, f"[yellow]![/yellow] {escape(text)}")

    def refusal(self, text: str) -> None:
        _print(self._steps, f"[bold red]{escape(text)}[/bold red]")

    def ready(self, endpoint: str, lines: Mapping[str, str]) -> None:
        """The one line that begins with ``ready``, then what an operator wants to know: labels and texts."""
        _print(self._results, f"[bold green]ready[/bold green] {escape(endpoint)}")
        for label, text in lines.items():
            _print(self._results, f"  [bold]{escape(label):<12}[/bold] {escape(text)}")


def _print(console: Console, markup: str) -> None:
    try:
        console.print(markup)
        console.file.flush()
    except BrokenPipeError:
        # Nobody reads: from now on it goes nowhere, and the service goes on.
        with contextlib.suppress(OSError):
            os.dup2(
                os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno() if not console.stderr else sys.stderr.fileno()
            )
