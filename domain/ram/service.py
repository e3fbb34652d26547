"""Changes of who may do what in an account, and looking at it. A change is one event in the account's stream, decided
on the version before it: of two changes that did not know of each other, the second is decided again.

What may be changed, and into what, the commands of :mod:`domain.ram` decide; a command gets the authority and the call
and returns the event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from domain.call import Call
from domain.events import AccessKeyDeleted, Event
from domain.ports import Authorities, Hsm, Ledger, SealedSecret, Submission
from domain.ram.authority import Authority
from domain.recording import Case

Change = TypeVar("Change", bound=Event)
Entity = TypeVar("Entity")
Told = TypeVar("Told")


@dataclass(frozen=True, slots=True)
class NewSecret:
    """Of an access key, made outside, since the domain has no randomness.

    :param place: what the sealed secret is bound to, so that it opens under no other access key.
    """

    access_key_id: str
    place: bytes
    secret: str = field(repr=False)


class Administration:
    """RAM for one deployment. Whoever asks does so in the account that they belong to: no operation names another."""

    def __init__(self, authorities: Authorities, ledger: Ledger, hsm: Hsm) -> None:
        self._authorities = authorities
        self._ledger = ledger
        self._hsm = hsm

    async def read(self, case: Case, question: Callable[[Authority], Told]) -> Told:
        """What ``question`` finds, told once it is recorded that somebody asked."""
        found = question(await self._authority(case))
        await self._ledger.append(case.answered())
        return found

    async def change(self, case: Case, command: Callable[[Authority, Call], Change]) -> Change:
        """:raises domain.guard.GuardMoved: something else changed in the account in between."""
        self._ledger.admit()
        event = command(await self._authority(case), case.call)
        await self._record(case.changed(event))
        return event

    async def update(
        self, case: Case, existing: Callable[[Authority], Entity], command: Callable[[Authority, Call], Change]
    ) -> tuple[Entity, Change]:
        """Like :meth:`change`, with what it was before, on the version that was decided on."""
        self._ledger.admit()
        authority = await self._authority(case)
        before, event = existing(authority), command(authority, case.call)
        await self._record(case.changed(event))
        return before, event

    async def create_access_key(
        self, case: Case, command: Callable[[Authority, Call], Change], made: NewSecret
    ) -> Change:
        """The access key and its sealed secret, in one transaction. Nobody but the caller ever sees the secret: if the
        answer is lost, the access key stands there unusable and can be deleted.
        """
        self._ledger.admit()
        event = command(await self._authority(case), case.call)
        sealed = await self._hsm.seal(made.secret.encode(), made.place)
        secret = SealedSecret(made.access_key_id, case.call.by.account_id, sealed)
        await self._record(replace(case.changed(event), secrets=(secret,)))
        return event

    async def delete_access_key(self, case: Case, command: Callable[[Authority, Call], AccessKeyDeleted]) -> None:
        """And its secret, in one transaction. Whose it was is kept: who tries it afterwards is counted against them."""
        self._ledger.admit()
        event = command(await self._authority(case), case.call)
        await self._record(replace(case.changed(event), forgotten=(event.access_key_id,)))

    async def _record(self, submission: Submission) -> None:
        await self._ledger.append(submission)
        for event in submission.events:
            self._authorities.recorded(event)

    async def _authority(self, case: Case) -> Authority:
        authority = await self._authorities.of(case.call.by.account_id)
        assert authority is not None, "whoever was authenticated has an account, and accounts stay"
        return authority
