"""``key-ledger quota``: how many CMKs an account may have in a region, and how many it has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from adapters.ledger.mapper import decode
from adapters.settings import Settings
from projections.accounts import Accounts, Grant
from scripts.envelope.failure import WrongUse
from scripts.operating.deployment import DataOption, ledger_of, operator_of, settings_of
from scripts.operating.failure import EXIT_CODES, Refused, in_words
from scripts.operating.table import Form, Table, form_of, remark, show

application = typer.Typer(
    name="quota",
    help="How many keys an account may have (operators).",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)


@application.command("raise", epilog=EXIT_CODES)
def raise_quota(
    *,
    account: Annotated[str, typer.Option("--account", metavar="UID", help="The account's 16-digit uid.")],
    to: Annotated[int, typer.Option("--to", metavar="N", help="Keys that the account may have there from now on.")],
    ticket: Annotated[str, typer.Option("--ticket", metavar="REF", help="Where this was asked for; recorded.")],
    region: Annotated[
        str | None, typer.Option("--region", metavar="REGION", help="Default: every region, each by itself.")
    ] = None,
    lower: Annotated[
        bool, typer.Option("--lower", help="Take back what was granted. Keys that are there stay.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Let an account have more CMKs. Recorded with the ticket and your name; in force for the next CreateKey."""
    with in_words():
        settings = settings_of(data)
        _check_region(settings, region)
        asyncio.run(_raise(settings, account, region or "", to, ticket, lower))
        remark(f"Account {account} may have {to} keys in {region or 'every region'} (ticket {ticket}).")


@application.command("list", epilog=EXIT_CODES)
def list_quotas(
    *,
    account: Annotated[str | None, typer.Option("--account", metavar="UID", help="Only this account.")] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="REGION", help="Only this region.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    data: DataOption = None,
) -> None:
    """Keys that accounts have and may have, by region: where there are any, or where more were granted."""
    with in_words():
        form = form_of(as_csv=as_csv, as_json=as_json)
        settings = settings_of(data)
        _check_region(settings, region)
        rows = asyncio.run(_listed(settings, account, region))
        if account is not None and not rows:
            raise Refused(f"There is no account {account}.", "List them with 'key-ledger account list'.")
        table = Table(("account", "region", "keys", "quota", "ticket"), rows)
        bars = [keys / quota if quota else 1.0 for _, _, keys, quota, _ in rows]
        show(table, form, {"ordinary_quota": settings.quota_keys}, bars)
        if form is Form.TABLE and not rows:
            remark(
                f"No account has a key or a quota of its own; each may have {settings.quota_keys} keys in each region."
            )


def _check_region(settings: Settings, region: str | None) -> None:
    if region is not None and region not in settings.regions:
        raise WrongUse(f"There is no region {region!r}.", f"It is one of {', '.join(settings.regions)}.")


async def _raise(settings: Settings, account_id: str, region_id: str, quota: int, ticket: str, lower: bool) -> None:
    async with ledger_of(settings) as ledger:
        await operator_of(ledger).raise_quota(
            account_id, region_id, quota, ticket, ordinary=settings.quota_keys, lower=lower
        )


Row = tuple[str, str, int, int, str]
"""Account, region, keys, quota, and the ticket of the quota where it was granted."""


async def _listed(settings: Settings, account: str | None, region: str | None) -> list[Row]:
    async with ledger_of(settings) as ledger:
        accounts = Accounts(ledger.reader.connection, decode)
        listed = [one.account_id for one in await accounts.listed() if account in (None, one.account_id)]
        grants = await accounts.grants()
        regions = [one for one in settings.regions if region in (None, one)]
        keys = await accounts.keys(listed, regions)
    rows = []
    for account_id in listed:
        for region_id in regions:
            grant = _in_force(grants.get(account_id, ()), region_id)
            count = keys.get((account_id, region_id), 0)
            if count or grant or account is not None:
                quota, ticket = (grant.quota, grant.ticket) if grant else (settings.quota_keys, "")
                rows.append((account_id, region_id, count, quota, ticket))
    return rows


def _in_force(grants: Sequence[Grant], region_id: str) -> Grant | None:
    """The larger of what was granted for the region and for all: as ``Authority.quota`` decides."""
    return max(
        (grant for grant in grants if grant.region_id in ("", region_id)), key=lambda one: one.quota, default=None
    )
