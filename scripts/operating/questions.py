"""Options that commands about the ledger share: whose, where."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.operating.issued import checked_uid

AccountOption = Annotated[
    str | None,
    typer.Option("--account", metavar="UID", help="Only what concerns this account: its own, or done by its own."),
]
RegionOption = Annotated[str | None, typer.Option("--region", metavar="REGION", help="Only calls to this region.")]


def uid_of(given: str | None) -> str:
    """:raises WrongUse: no account has such an id."""
    return "" if given is None else checked_uid(given)
