"""Which events a question is about: of an account, a region, a key, a kind.

An account is concerned by what happens to what is its own, and by what its own principals do elsewhere, also where they
act in the roles of others. Regions have
keys and calls; accounts, and who may do what in them, are the same in every region.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain import events
from domain.audit.facts import OF_KEYS, account_of, accounts_of, key_named

_REGIONAL: Final = OF_KEYS | {events.KeyUsed, events.CallAnswered, events.CallRefused, events.RegionOpened}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """:param account_id, region_id, key_id: empty or None for all.
    :param topic: a whole one, or where one begins, up to a dot: ``kms.key``.
    """

    account_id: str = ""
    region_id: str = ""
    key_id: UUID | None = None
    topic: str = ""

    def holds(self, event: events.Event) -> bool:
        """Whether it meets everything that is given: of a region, that the call was made to it."""
        if self.topic and self.topic != event.TOPIC and not event.TOPIC.startswith(f"{self.topic}."):
            return False
        if self.key_id is not None and key_named(event) != self.key_id:
            return False
        return self._is_in_region(event) and self._concerns(event)

    def touches(self, event: events.Event) -> bool:
        """Whether it matters for the account and region: what is the same in every region does for each, and so does
        a call that was made to none (of RAM, of STS, about the audit trail)."""
        is_regional = type(event) in _REGIONAL and event.call.region_id != ""
        return self._concerns(event) and (not is_regional or self._is_in_region(event))

    def _concerns(self, event: events.Event) -> bool:
        if not self.account_id or self.account_id in accounts_of(event):
            return True
        assumed_by = event.call.by.assumed_by
        return bool(assumed_by) and account_of(assumed_by) == self.account_id

    def _is_in_region(self, event: events.Event) -> bool:
        return not self.region_id or self.region_id == event.call.region_id
