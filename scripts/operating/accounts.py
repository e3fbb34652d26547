"""``key-ledger account``: accounts of this deployment and the access keys of their root identities."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.ledger.mapper import decode
from adapters.operator import Operator
from adapters.set_up import RootCredentials, new_root_credentials
from adapters.settings import Settings
from domain.ports import Hsm
from domain.ram.entities import AccessKeyStatus
from domain.ram.operator import OperatorRefused
from projections.accounts import Accounts
from scripts.envelope.failure import WrongUse
from scripts.operating import account_page
from scripts.operating.deployment import DataOption, ledger_of, operator_of, reached_in, settings_of, whole
from scripts.operating.failure import EXIT_CODES, in_words
from scripts.operating.issued import JsonOption, OutputOption, abandon, begin, begun, checked_uid, finish, tell
from scripts.operating.table import Table, form_of, remark, show

application = typer.Typer(
    name="account",
    help="Accounts of this deployment (operators).",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
)

Record = Callable[[Operator, RootCredentials, Hsm], Awaitable[None]]
Uid = Annotated[str, typer.Argument(metavar="UID", help="The account's 16-digit uid.")]
KeyId = Annotated[str, typer.Argument(metavar="ACCESS-KEY-ID", help="Of the root identity.")]


@application.command("create", epilog=EXIT_CODES)
def create(
    *,
    account_id: Annotated[
        str | None, typer.Option("--account-id", metavar="UID", help="16 digits. Default: a new one by chance.")
    ] = None,
    output: OutputOption = None,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Create an account: its uid, and the first access key of its root identity."""
    with in_words():
        wanted = None if account_id is None else checked_uid(account_id)
        given = _issued(settings_of(data), data, wanted, output, Operator.create_account, as_json)
        remark(f"Account {given.account_id} was created.")


@application.command("add-root-key", epilog=EXIT_CODES)
def add_root_key(
    uid: Uid, *, output: OutputOption = None, as_json: JsonOption = False, data: DataOption = None
) -> None:
    """Give the root identity another access key: to change keys, or because the old one's secret was lost."""
    with in_words():
        given = _issued(settings_of(data), data, checked_uid(uid), output, Operator.add_root_access_key, as_json)
        remark(f"{given.access_key_id} is in force. Deactivate the old one when nobody uses it any more.")


@application.command("update-root-key", epilog=EXIT_CODES)
def update_root_key(
    uid: Uid,
    access_key_id: KeyId,
    *,
    status: Annotated[AccessKeyStatus, typer.Option("--status", help="Whether it is in force.")],
    data: DataOption = None,
) -> None:
    """Deactivate an access key of the root identity, or take it into force again."""
    with in_words():
        _change(
            settings_of(data),
            lambda operator: operator.update_root_access_key(checked_uid(uid), access_key_id, status),
        )
        remark(f"{access_key_id} is {status.value}.")


@application.command("delete-root-key", epilog=EXIT_CODES)
def delete_root_key(uid: Uid, access_key_id: KeyId, *, data: DataOption = None) -> None:
    """Delete an access key of the root identity, for ever. It must be inactive."""
    with in_words():
        _change(settings_of(data), lambda operator: operator.delete_root_access_key(checked_uid(uid), access_key_id))
        remark(f"{access_key_id} was deleted.")


@application.command("list", epilog=EXIT_CODES)
def list_accounts(
    *,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
    as_json: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Every account, the oldest first."""
    with in_words():
        form = form_of(as_csv=as_csv, as_json=as_json)
        show(asyncio.run(_listed(settings_of(data))), form, {})


@application.command("show", epilog=EXIT_CODES)
def show_account(uid: Uid, *, as_json: JsonOption = False, data: DataOption = None) -> None:
    """One account: its root identity's access keys, how much RAM knows, and its keys and quotas by region."""
    with in_words():
        account_page.show(asyncio.run(_page(settings_of(data), checked_uid(uid))), as_json=as_json)


def _issued(
    settings: Settings, data: Path | None, account_id: str | None, output: Path | None, record: Record, as_json: bool
) -> RootCredentials:
    """Credentials, kept before they are recorded and told afterwards."""
    reached = reached_in(data)
    credentials = asyncio.run(_recorded(settings, account_id, output, record, reached))
    tell(credentials, output, reached, as_json=as_json)
    return credentials


async def _recorded(
    settings: Settings, account_id: str | None, output: Path | None, record: Record, reached: dict[str, Any]
) -> RootCredentials:
    async with whole(settings) as deployment:
        credentials = _begun(account_id, output)
        is_recorded = credentials is not None and await deployment.reader.secret(credentials.access_key_id) is not None
        if credentials is None:
            credentials = new_root_credentials(account_id)
            if output is not None:
                begin(output, credentials, reached)
        if not is_recorded:
            await _record(record, operator_of(deployment), credentials, deployment.hsm, output)
        if output is not None:
            finish(output)
        return credentials


async def _record(
    record: Record, operator: Operator, credentials: RootCredentials, hsm: Hsm, output: Path | None
) -> None:
    try:
        await record(operator, credentials, hsm)
    except OperatorRefused:
        if output is not None:
            abandon(output)
        raise


def _begun(account_id: str | None, output: Path | None) -> RootCredentials | None:
    """What an earlier run with the same ``output`` has not finished."""
    found = None if output is None else begun(output)
    if found is not None and account_id not in (None, found.account_id):
        raise WrongUse(f"{output} was begun for account {found.account_id}.", "Choose another --output.")
    return found


def _change(settings: Settings, change: Callable[[Operator], Awaitable[None]]) -> None:
    async def changed() -> None:
        async with ledger_of(settings) as ledger:
            await change(operator_of(ledger))

    asyncio.run(changed())


async def _listed(settings: Settings) -> Table:
    async with ledger_of(settings) as ledger:
        accounts = Accounts(ledger.reader.connection, decode)
        listed = await accounts.listed()
        keys = await accounts.keys([one.account_id for one in listed], settings.regions)
    counts: dict[str, int] = {}
    for (account_id, _), count in keys.items():
        counts[account_id] = counts.get(account_id, 0) + count
    rows = [
        (
            one.account_id,
            f"{one.created_at:%Y-%m-%dT%H:%M:%SZ}",
            one.created_by,
            one.users,
            counts.get(one.account_id, 0),
        )
        for one in listed
    ]
    return Table(("account", "created", "created_by", "users", "keys"), rows)


async def _page(settings: Settings, account_id: str) -> account_page.Page:
    async with ledger_of(settings) as ledger:
        account = await operator_of(ledger).account(account_id)
        if account is None:
            raise OperatorRefused(f"There is no account {account_id}.")
        accounts = Accounts(ledger.reader.connection, decode)
        (listed,) = [one for one in await accounts.listed() if one.account_id == account_id]
        keys = await accounts.keys([account_id], settings.regions)
    return account_page.Page(
        account_id=account_id,
        created_at=listed.created_at,
        created_by=listed.created_by,
        root_access_keys=account.root_access_keys,
        users=len(account.users),
        groups=len(account.groups),
        roles=len(account.roles),
        policies=len(account.policies),
        regions=[
            account_page.Region(
                region_id, keys.get((account_id, region_id), 0), _quota(account.quota(region_id), settings)
            )
            for region_id in settings.regions
        ],
    )


def _quota(granted: int | None, settings: Settings) -> int:
    return settings.quota_keys if granted is None else granted
