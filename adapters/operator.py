"""What the operator changes in accounts, recorded: each change is decided on the account as it stands and appended with
the operator's name, by the ledger's append like everything else.

Two operators at once, or an operator and RAM: whoever comes second decides again on what the first one recorded.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from adapters.ledger.reader import LedgerReader
from adapters.set_up import RootCredentials, own_call, sealed_secret
from domain import account as accounts
from domain.call import Call
from domain.events import AccessKeyDeleted, Event, QuotaRaised
from domain.guard import GuardMoved
from domain.ports import Hsm, Ledger, SealedSecret, Submission
from domain.ram import authority as authorities
from domain.ram import operator as commands
from domain.ram.authority import Authority
from domain.ram.entities import AccessKeyStatus
from domain.ram.operator import OperatorRefused

Done = TypeVar("Done")
Change = TypeVar("Change", bound=Event)

ATTEMPTS: Final = 10
"""Each further one needs another change of the same account to have been recorded in between."""

_LOGIN_UID: Final = Path("/proc/self/loginuid")
_NOBODY_LOGGED_IN: Final = 2**32 - 1


def operator_name() -> str:
    """The operating system's name of who runs this: who logged in, whatever ``sudo`` made of them since.

    The kernel keeps the login's uid and lets nobody change it (audit(7), ``loginuid``). Where nobody logged in, as in a
    container or a cron job, it is the process's own user.
    """
    uid = os.getuid()
    try:
        logged_in = int(_LOGIN_UID.read_text(encoding="ascii"))
    except (OSError, ValueError):
        logged_in = _NOBODY_LOGGED_IN
    chosen = uid if logged_in == _NOBODY_LOGGED_IN else logged_in
    try:
        return pwd.getpwuid(chosen).pw_name
    except KeyError:
        return f"uid {chosen}"


class Operator:
    """:param name: recorded as ``user_name`` of the deployment itself. :param now: the clock, UTC."""

    def __init__(self, ledger: Ledger, reader: LedgerReader, name: str, now: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._reader = reader
        self._by = replace(accounts.SYSTEM, user_name=name)
        self._now = now

    async def create_account(self, credentials: RootCredentials, hsm: Hsm) -> None:
        """An account with this first access key of its root identity.

        :raises OperatorRefused: there is such an account.
        """
        secret = await sealed_secret(hsm, credentials)

        async def attempt() -> None:
            account_id, access_key_id = credentials.account_id, credentials.access_key_id
            if await self.account(account_id) is not None:
                raise OperatorRefused(f"There is an account {account_id} already.")
            call = self._call()
            await self._append(call, accounts.open_account(call, account_id, access_key_id), secret)

        await _insist(attempt)

    async def add_root_access_key(self, credentials: RootCredentials, hsm: Hsm) -> None:
        """:raises OperatorRefused: there is no such account, or it has as many as it may."""
        secret = await sealed_secret(hsm, credentials)
        await self._change(
            credentials.account_id,
            "",
            lambda account, call: commands.add_root_access_key(account, call, credentials.access_key_id),
            secret,
        )

    async def update_root_access_key(self, account_id: str, access_key_id: str, status: AccessKeyStatus) -> None:
        """:raises OperatorRefused: there is no such account or access key, or nothing would change."""
        await self._change(
            account_id,
            "",
            lambda account, call: commands.update_root_access_key(account, call, access_key_id, status),
        )

    async def delete_root_access_key(self, account_id: str, access_key_id: str) -> None:
        """:raises OperatorRefused: there is no such account or access key, or it is still in force."""
        await self._change(
            account_id, "", lambda account, call: commands.delete_root_access_key(account, call, access_key_id)
        )

    async def raise_quota(
        self, account_id: str, region_id: str, quota: int, ticket: str, *, ordinary: int, lower: bool
    ) -> QuotaRaised:
        """:param region_id: empty for every region.

        :raises OperatorRefused: there is no such account, or nothing would be raised.
        """
        return await self._change(
            account_id,
            region_id,
            lambda account, call: commands.raise_quota(account, call, quota, ticket, ordinary=ordinary, lower=lower),
        )

    async def account(self, account_id: str) -> Authority | None:
        """As it stands now; None where there is none."""
        return authorities.replay(await self._reader.stream(accounts.account_stream(account_id)))

    async def _change(
        self,
        account_id: str,
        region_id: str,
        command: Callable[[Authority, Call], Change],
        secret: SealedSecret | None = None,
    ) -> Change:
        async def attempt() -> Change:
            account = await self.account(account_id)
            if account is None:
                raise OperatorRefused(f"There is no account {account_id}.")
            call = self._call(region_id)
            event = command(account, call)
            await self._append(call, (event,), secret)
            return event

        return await _insist(attempt)

    async def _append(self, call: Call, events: tuple[Event, ...], secret: SealedSecret | None) -> None:
        secrets = () if secret is None else (secret,)
        forgotten = tuple(event.access_key_id for event in events if isinstance(event, AccessKeyDeleted))
        await self._ledger.append(Submission(events=events, claim=call.stream, secrets=secrets, forgotten=forgotten))

    def _call(self, region_id: str = "") -> Call:
        return own_call(self._by, region_id, self._now())


async def _insist(attempt: Callable[[], Awaitable[Done]]) -> Done:
    for _ in range(ATTEMPTS):
        try:
            return await attempt()
        except GuardMoved:
            continue
    raise OperatorRefused("The account changes faster than this can be decided. Run it again.")
