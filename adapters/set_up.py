"""The first facts of a deployment: its regions' root keys and its root account. Idempotent: the ledger is read first.

A root key is made in the HSM before its region is recorded. If we die in between, a root key stands in the token that
no event names; the next run finds it and records it. The other order would record a key that does not exist.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from adapters.access_keys import sealing_place
from adapters.identifiers import RequestIds
from adapters.ledger.reader import LedgerReader
from adapters.ram_identifiers import new_access_key, new_account_id
from domain import account as accounts
from domain.call import Call, Caller
from domain.events import Event, RegionOpened
from domain.guard import GuardMoved
from domain.ports import Hsm, HsmSetup, Ledger, SealedSecret, Submission
from domain.ram import authority as authorities
from domain.ram.operator import further_root_access_key
from domain.vocabulary import Operation


class SetUpRefused(Exception):
    """A sentence for the operator: what does not fit together, and what to do."""


@dataclass(frozen=True, slots=True)
class RootCredentials:
    """The root identity's access key, made before it is recorded so that it can be kept before it is recorded."""

    account_id: str
    access_key_id: str
    access_key_secret: str = field(repr=False)


def new_root_credentials(account_id: str | None = None) -> RootCredentials:
    """Fresh credentials: a 16-digit uid and an access key."""
    made = new_access_key()
    return RootCredentials(account_id or new_account_id(), made.access_key_id, made.secret)


class SetUp:
    """:param now: the clock."""

    def __init__(
        self, ledger: Ledger, reader: LedgerReader, hsm: Hsm, hsm_setup: HsmSetup, now: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._reader = reader
        self._hsm = hsm
        self._hsm_setup = hsm_setup
        self._now = now

    async def open_regions(self, regions: Iterable[str], progress: Callable[[str], None] = lambda _: None) -> None:
        """Make and record the root keys that are missing; check those that are recorded.

        :raises SetUpRefused: the token does not hold the root key that the ledger recorded.
        """
        for region_id in regions:
            await _insist(lambda region_id=region_id: self._open_region(region_id))  # type: ignore[misc]
            progress(region_id)

    async def ensure_root(self, credentials: RootCredentials) -> None:
        """Record the account, or a further access key of its root identity, unless the ledger has both."""
        await _insist(lambda: self._ensure_root(credentials))

    async def _open_region(self, region_id: str) -> None:
        history = await self._reader.stream(accounts.region_stream(region_id))
        if history:
            await check_root_key(self._hsm_setup, history)
            return
        check_value = await self._hsm_setup.open_region(region_id)
        call = self._call(region_id)
        await self._ledger.append(
            Submission(events=(accounts.open_region(call, region_id, check_value),), claim=call.stream)
        )

    async def _ensure_root(self, credentials: RootCredentials) -> None:
        account = authorities.replay(await self._reader.stream(accounts.account_stream(credentials.account_id)))
        if account is not None and account.access_key(credentials.access_key_id) is not None:
            return
        if await self._reader.secret(credentials.access_key_id) is not None:
            raise SetUpRefused(
                f"The access key {credentials.access_key_id} of account {credentials.account_id} was deleted and never "
                "comes back. Remove the file that holds it: the next start makes another one."
            )
        call = self._call("")
        events: tuple[Event, ...]
        if account is None:
            events = accounts.open_account(call, credentials.account_id, credentials.access_key_id)
        else:
            events = (further_root_access_key(account, call, credentials.access_key_id),)
        secret = await sealed_secret(self._hsm, credentials)
        await self._ledger.append(Submission(events=events, claim=call.stream, secrets=(secret,)))

    def _call(self, region_id: str) -> Call:
        return own_call(accounts.SYSTEM, region_id, self._now())


def own_call(by: Caller, region_id: str, at: datetime, operation: Operation = Operation.SET_UP) -> Call:
    """A call of the service's own, which nobody sent over the wire."""
    new_id = RequestIds()
    return Call(by=by, operation=operation, request_id=new_id(), stream=new_id(), at=at, region_id=region_id)


async def sealed_secret(hsm: Hsm, credentials: RootCredentials) -> SealedSecret:
    """The secret as the ledger keeps it."""
    place = sealing_place(credentials.access_key_id)
    sealed = await hsm.seal(credentials.access_key_secret.encode(), place)
    return SealedSecret(credentials.access_key_id, credentials.account_id, sealed)


async def check_root_key(hsm: HsmSetup, history: Iterable[Event]) -> None:
    """:raises SetUpRefused: the token's root key is not the one that ``history`` recorded."""
    for event in history:
        assert isinstance(event, RegionOpened), "a region's stream holds nothing else yet"
        found = await hsm.key_check_value(event.region_id)
        if found is None or found.hex() != event.key_check_value:
            raise SetUpRefused(
                f"The HSM token does not hold the root key of region {event.region_id} that this ledger was opened "
                f"with (key check value {event.key_check_value}, found {found.hex() if found else 'none'}). Connect "
                "the right token, or restore it from its backup: without it no key of this region can be used."
            )


async def _insist(step: Callable[[], Awaitable[None]]) -> None:
    """Two machines may set up at once: whoever comes second reads what the first one recorded."""
    for _ in range(3):
        try:
            return await step()
        except GuardMoved:
            continue
    raise SetUpRefused("Another machine sets up this deployment at the same time. Run this again when it is done.")
