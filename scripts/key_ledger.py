"""``key-ledger``: the command for people who use the service or operate it. Each command lives in its own package.

Exceptions are never shown with typer's pretty tracebacks: those print local variables, and one of them could be a key.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from scripts.envelope import commands
from scripts.new_key import create_key

_LOADED_WHEN_USED: Final = {
    "account": "scripts.operating.accounts",
    "quota": "scripts.operating.quotas",
    "usage": "scripts.operating.usage",
    "audit": "scripts.auditing.application",
}


class _Commands(TyperGroup):
    """Loads what operators need, database and HSM, only for operators: it takes half a second. What a security officer
    asks with likewise."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *_LOADED_WHEN_USED]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in _LOADED_WHEN_USED:
            return get_command(importlib.import_module(_LOADED_WHEN_USED[cmd_name]).application)
        return super().get_command(ctx, cmd_name)


app = typer.Typer(
    name="key-ledger",
    help="Work with keys that Key Ledger keeps.",
    cls=_Commands,
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
