"""Keys: how they stood at the end of the period, what changed in it, how much they were used, and how deletions went.

The state at the end is that after the last change of the key whose call was made before the end. Deletions are those
that were scheduled, cancelled, carried out or pending in the period, with who scheduled them, whenever that was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from domain import events
from domain.audit.evidence.listing import Fact, Listing, Span, fact
from domain.audit.evidence.period import Period
from domain.audit.facts import OF_KEYS
from domain.audit.key_at import KeyAt, after
from domain.audit.key_findings import KeyUses
from domain.errors import KeyDisabled, KeyPendingDeletion
from domain.key import Key
from domain.standing import Standing
from domain.vocabulary import Operation

ENCRYPTING: Final = frozenset(
    (Operation.ENCRYPT, Operation.GENERATE_DATA_KEY, Operation.GENERATE_DATA_KEY_WITHOUT_PLAINTEXT)
)
"""Each encrypts once under the key's version."""

USING: Final = ENCRYPTING | {Operation.DECRYPT}

_FOR_STATE: Final = (KeyDisabled.code, KeyPendingDeletion.code)
"""What refuses whoever asks for a key that is not enabled."""


@dataclass(slots=True, kw_only=True)
class Deletion:
    """:param scheduled: who and when. :param ended: the cancellation or the destruction, with the versions destroyed;
    None while it is pending."""

    key_id: UUID
    scheduled: Fact
    pending_window_days: int
    delete_at: datetime
    ended: Fact | None = None
    destroyed_versions: tuple[UUID, ...] = field(default=())


class KeyLives:
    """Of the keys that matter to the report.

    :ivar at_end: each key that was there, also if it was destroyed by then. :ivar changes: in the period.
    :ivar encryptions: key version -> how often anything was encrypted under it, from its beginning to the period's end.
    :ivar uses: key -> uses from its beginning to the period's end.
    :ivar refused: key -> refusals for its state since it came into it.
    """

    def __init__(self, period: Period) -> None:
        self._period = period
        self.at_end: dict[UUID, Key] = {}
        self.changes: Listing[Fact] = Listing()
        self.encryptions: dict[UUID, int] = {}
        self.uses: dict[UUID, Span] = {}
        self.refused: dict[UUID, Span] = {}
        self._standing: dict[UUID, KeyAt] = {}
        self._deletions: list[Deletion] = []
        self._pending: dict[UUID, Deletion] = {}

    @property
    def to_look_at(self) -> Iterator[tuple[KeyAt, KeyUses]]:
        """Each key as it stood at the end, with what was made of it: what findings are made of."""
        for key_id, at in self._standing.items():
            used, refused = self.uses.get(key_id), self.refused.get(key_id)
            yield (
                at,
                KeyUses(
                    last_use_at=used.last_at if used else None,
                    refusals_in_state=refused.count if refused else 0,
                    last_refusal_at=refused.last_at if refused else None,
                ),
            )

    @property
    def deletions(self) -> list[Deletion]:
        """In the order of scheduling; those that were over before the period left out."""
        since = self._period.since
        return [deletion for deletion in self._deletions if deletion.ended is None or deletion.ended.at >= since]

    def used(self, event: events.KeyUsed) -> None:
        """Before the period's end."""
        uses = self.uses.get(event.key_id)
        if uses is None:
            uses = self.uses[event.key_id] = Span()
        uses.add(event.timestamp)
        if event.call.operation in ENCRYPTING:
            version = event.key_version_id
            self.encryptions[version] = self.encryptions.get(version, 0) + 1

    def was_refused(self, event: events.CallRefused) -> None:
        """Before the period's end; by whom the key belongs to, for others know nothing of its state."""
        key_id = event.key_id
        key = self.at_end.get(key_id) if key_id is not None and event.code in _FOR_STATE else None
        if key is not None and key.owner == event.call.by.account_id:
            self.refused.setdefault(key.key_id, Span()).add(event.timestamp)

    def changed(self, standing: Standing, key: Key) -> None:
        """Before the period's end. :param key: after the change."""
        event = standing.event
        assert type(event) in OF_KEYS, "a change stands in its key's stream"
        before = self._standing.get(key.key_id)
        at = self._standing[key.key_id] = after(event, before)
        if before is not None and at.in_state_since != before.in_state_since:
            self.refused.pop(key.key_id, None)
        self.at_end[key.key_id] = key
        told = fact(standing, key.owner)
        if self._period.holds(event.timestamp):
            self.changes.add(told)
        if isinstance(event, events.KeyDeletionScheduled):
            self._scheduled(event, told)
        elif isinstance(event, events.KeyDeletionCancelled | events.KeyDestroyed):
            self._ended(event, told)

    def _scheduled(self, event: events.KeyDeletionScheduled, told: Fact) -> None:
        deletion = Deletion(
            key_id=event.originator_id,
            scheduled=told,
            pending_window_days=event.pending_window_days,
            delete_at=event.delete_at,
        )
        self._deletions.append(deletion)
        self._pending[event.originator_id] = deletion

    def _ended(self, event: events.KeyDeletionCancelled | events.KeyDestroyed, told: Fact) -> None:
        deletion = self._pending.pop(event.originator_id, None)
        if deletion is not None:
            deletion.ended = told
            if isinstance(event, events.KeyDestroyed):
                deletion.destroyed_versions = event.key_version_ids
