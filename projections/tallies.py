"""The ledger's exact counters, recomputed from the events: promise 5 for ``ledger.tallies``.

The live table is kept by ``ledger.append`` itself, in the transaction of the events it counts. This fold is how it is
rebuilt, and how anybody can check it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from domain.account import cmk_tally
from domain.events import Event, KeyCreated, KeyDestroyed, KeyUsed
from domain.vocabulary import Operation

ENCRYPTING: Final = frozenset(
    (Operation.ENCRYPT, Operation.GENERATE_DATA_KEY, Operation.GENERATE_DATA_KEY_WITHOUT_PLAINTEXT)
)


def counted(history: Iterable[Event]) -> dict[UUID, int]:
    """Encryptions by key version id, and CMKs by account and region, after all of ``history``."""
    counts: Counter[UUID] = Counter()
    homes: dict[UUID, UUID] = {}
    for event in history:
        match event:
            case KeyUsed() if event.call.operation in ENCRYPTING:
                counts[event.key_version_id] += 1
            case KeyCreated():
                homes[event.originator_id] = cmk_tally(event.owner, event.region_id)
                counts[homes[event.originator_id]] += 1
            case KeyDestroyed():
                counts[homes[event.originator_id]] -= 1
            case _:
                pass
    return dict(counts)
