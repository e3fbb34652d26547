"""Guards: what a decision was made on, so that the ledger can refuse it when that has changed since."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Guard:
    """``stream`` must still stand at ``version`` when the decision is recorded; 0 means that it has no event."""

    stream: UUID
    version: int


class GuardMoved(Exception):
    """What was decided on has changed since; nothing was recorded. Decide again on fresh state."""

    def __init__(self, streams: frozenset[UUID] = frozenset()) -> None:
        super().__init__(streams)
        self.streams = streams
