"""``key-ledger audit``: what its commands are called, in the order in which a person meets them."""

from __future__ import annotations

import typer

from scripts.auditing.connection import EXIT_CODES
from scripts.auditing.count import count
from scripts.auditing.export import export
from scripts.auditing.search import search
from scripts.auditing.tail import tail

application = typer.Typer(
    name="audit",
    help="Who did what with which key: the audit trail of your account (security officers).",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)
for command in (search, tail, count, export):
    application.command(command.__name__.replace("_", "-"), epilog=EXIT_CODES)(command)
