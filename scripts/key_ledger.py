"""``key-ledger``: the command for people who use the service. Each command lives in its own package.

Exceptions are never shown with typer's pretty tracebacks: those print local variables, and one of them could be a key.
"""

from __future__ import annotations

import typer

from scripts.envelope import commands
from scripts.new_key import create_key

app = typer.Typer(
    name="key-ledger",
    help="Work with keys that Key Ledger keeps.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("create-key", epilog=commands.EXIT_CODES)(create_key)
app.command("encrypt-file", epilog=commands.EXIT_CODES)(commands.encrypt_file)
app.command("decrypt-file", epilog=commands.EXIT_CODES)(commands.decrypt_file)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
