"""``key-ledger audit``: what its commands are called, in the order in which a person meets them."""

from __future__ import annotations

import typer

from scripts.auditing.at import at
from scripts.auditing.authority import authority
from scripts.auditing.connection import EXIT_CODES
from scripts.auditing.count import count
from scripts.auditing.coverage import coverage
from scripts.auditing.export import export
from scripts.auditing.key import key
from scripts.auditing.least_policy import least_policy
from scripts.auditing.principal import principal
from scripts.auditing.search import search
from scripts.auditing.tail import tail
from scripts.auditing.unused import unused
from scripts.auditing.what_if import CHECK_EXIT_CODE, what_if

application = typer.Typer(
    name="audit",
    help="Who did what with which key: the audit trail of your account (security officers).",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)
for command in (search, tail, count, export, key, principal, at, authority, unused, least_policy, coverage):
    application.command(command.__name__.replace("_", "-"), epilog=EXIT_CODES)(command)
application.command("what-if", epilog=f"{EXIT_CODES} {CHECK_EXIT_CODE}")(what_if)
