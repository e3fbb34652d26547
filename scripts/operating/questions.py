"""Options that commands about the ledger share: whose, where, which key."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from scripts.envelope.failure import WrongUse
from scripts.operating.issued import checked_uid

AccountOption = Annotated[
    str | None,
    typer.Option("--account", metavar="UID", help="Only what concerns this account: its own, or done by its own."),
]
RegionOption = Annotated[str | None, typer.Option("--region", metavar="REGION", help="Only calls to this region.")]


def uid_of(given: str | None) -> str:
    """:raises WrongUse: no account has such an id."""
    return "" if given is None else checked_uid(given)


def key_id_of(given: str | None) -> UUID | None:
    """:param given: a KeyId or a key's ARN. :raises WrongUse: it is neither."""
    if given is None:
        return None
    try:
        return UUID(given.rpartition("/")[2])
    except ValueError:
        raise WrongUse(f"{given!r} is no key's id.", "Give the KeyId, or the key's ARN.") from None
