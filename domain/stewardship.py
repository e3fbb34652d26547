"""Changes of keys, and looking at them. A change is one event in the key's stream, decided on the version before it.

CreateKey and its material, DestroyKey and the deletion of the material, are one transaction of the ledger each: there
is no instant at which a key exists without its material or is destroyed with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from domain import key as keys_of
from domain.account import cmk_tally
from domain.admission import admitted, authorise_container
from domain.call import Call
from domain.errors import LimitExceeded
from domain.events import Event
from domain.key import Key, NewKey
from domain.ports import (
    Authorities,
    Hsm,
    KeyDirectory,
    Keys,
    Ledger,
    ListedKeys,
    SealedMaterial,
    Submission,
    Tally,
    TallyFull,
)
from domain.recording import Case

Change = TypeVar("Change", bound=Event)


class Stewardship:
    """:param cmks_max: CMKs per account and region (Alibaba: 200), where the operator raised no quota."""

    def __init__(
        self,
        keys: Keys,
        authorities: Authorities,
        hsm: Hsm,
        ledger: Ledger,
        directory: KeyDirectory,
        cmks_max: int,
    ) -> None:
        self._keys = keys
        self._authorities = authorities
        self._hsm = hsm
        self._ledger = ledger
        self._directory = directory
        self._cmks_max = cmks_max

    async def create_key(self, case: Case, key_id: UUID, key_version_id: UUID, wanted: NewKey) -> Key:
        """A new CMK with material made in the HSM; identifiers come from outside.

        :raises LimitExceeded: the account has all the CMKs it may have in this region.
        """
        self._ledger.admit()
        authorise_container(case)
        call = case.call
        quota = await self._quota(call)
        material = await self._hsm.generate_key(call.region_id, key_version_id)
        event = keys_of.create(call, key_id, key_version_id, wanted)
        submission = Submission(
            events=(event,),
            claim=call.stream,
            guards=case.guards,
            tallies=(Tally(cmk_tally(call.by.account_id, call.region_id), 1, quota),),
            material=(SealedMaterial(key_id, material),),
        )
        try:
            await self._ledger.append(submission)
        except TallyFull:
            raise LimitExceeded() from None
        return keys_of.evolve(event, None)

    async def describe_key(self, case: Case, key_id: UUID) -> Key:
        key = await self._permitted(case, key_id)
        await self._ledger.append(case.answered())
        return key

    async def list_keys(self, case: Case, filters: Mapping[str, frozenset[str]], offset: int, limit: int) -> ListedKeys:
        authorise_container(case)
        call = case.call
        page = await self._directory.page(call.by.account_id, call.region_id, filters, offset, limit)
        await self._ledger.append(case.answered())
        return page

    async def answer(self, case: Case) -> None:
        """Record a call that looks at no key, and that every authenticated caller may make."""
        await self._ledger.append(case.answered())

    async def enable_key(self, case: Case, key_id: UUID) -> None:
        await self._change(case, key_id, lambda key, call: key.enable(call))

    async def disable_key(self, case: Case, key_id: UUID) -> None:
        await self._change(case, key_id, lambda key, call: key.disable(call))

    async def update_description(self, case: Case, key_id: UUID, description: str) -> None:
        await self._change(case, key_id, lambda key, call: key.update_description(call, description))

    async def schedule_deletion(self, case: Case, key_id: UUID, pending_window_days: int) -> datetime:
        event = await self._change(case, key_id, lambda key, call: key.schedule_deletion(call, pending_window_days))
        return event.delete_at

    async def cancel_deletion(self, case: Case, key_id: UUID) -> None:
        await self._change(case, key_id, lambda key, call: key.cancel_deletion(call))

    async def destroy_key(self, case: Case, key_id: UUID) -> None:
        """The end of a due key: event and deletion of its material in one transaction."""
        key = await self._permitted(case, key_id)
        event = key.destroy(case.call)
        submission = Submission(
            events=(event,),
            claim=case.call.stream,
            guards=case.guards,
            tallies=(Tally(cmk_tally(key.owner, key.region_id), -1, self._cmks_max),),
            destroyed=(key_id,),
        )
        await self._ledger.append(submission)
        self._keys.forget(frozenset((key_id,)))

    async def _change(self, case: Case, key_id: UUID, command: Callable[[Key, Call], Change]) -> Change:
        key = await self._permitted(case, key_id)
        event = command(key, case.call)
        await self._ledger.append(case.changed(event))
        self._keys.forget(frozenset((key_id,)))
        return event

    async def _quota(self, call: Call) -> int:
        """What the operator granted the account in this region, else what every account has."""
        authority = await self._authorities.of(call.by.account_id)
        granted = authority.quota(call.region_id) if authority is not None else None
        return self._cmks_max if granted is None else granted

    async def _permitted(self, case: Case, key_id: UUID) -> Key:
        key, _ = await admitted(case, key_id, self._keys, self._ledger)
        return key
