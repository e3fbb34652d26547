"""The short way into the ledger, for what nearly every batch holds: uses, reads and refusals.

Each is one event that stands alone in its request's own stream and changes nothing that another one is decided on. They
are recorded all together with consecutive positions, or none of them is and ``ledger.append`` decides each by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

from adapters.ledger.arrays import bigints, byteas, texts, uuids
from adapters.ledger.batch import Encoded
from domain.guard import Guard

APPEND_USES: Final = "select ledger.append_uses(%s, %s, %s, %s, %s, %s, %s, %s)"
"""Takes :func:`parameters`; the position of the first, or null where something of it must be decided one by one."""


def parameters(batch: Sequence[Encoded]) -> tuple[object, ...] | None:
    """The parameters of ``ledger.append_uses``, in its order; None where ``batch`` holds anything else."""
    if not all(_is_use(one) for one in batch):
        return None
    rows = [one.rows[0] for one in batch]
    streams = {row.stream for row in rows}
    guards = _guards(batch)
    if len(streams) < len(rows) or any(guard.stream.bytes in streams for guard in guards):
        return None
    steps, limits = _tallied(batch)
    return (
        uuids([row.stream for row in rows]),
        texts([row.topic for row in rows]),
        byteas([row.state for row in rows]),
        uuids([guard.stream.bytes for guard in guards]),
        bigints([guard.version for guard in guards]),
        uuids([counter.bytes for counter in steps]),
        bigints(list(steps.values())),
        bigints([limits[counter] for counter in steps]),
    )


def _is_use(one: Encoded) -> bool:
    return (
        one.claim is None
        and not one.sealed
        and len(one.rows) == 1
        and one.rows[0].version == 1
        and all(tally.step > 0 for tally in one.tallies)
    )


def _guards(batch: Sequence[Encoded]) -> Collection[Guard]:
    """Each once."""
    # Uses of one key are guarded by the same few objects, and to hash one takes three calls in Python.
    objects = {id(guard): guard for one in batch for guard in one.guards}
    return dict.fromkeys(objects.values())


def _tallied(batch: Sequence[Encoded]) -> tuple[dict[UUID, int], dict[UUID, int]]:
    """By counter: what the whole batch adds, and the lowest limit that one of it must keep."""
    steps: dict[UUID, int] = {}
    limits: dict[UUID, int] = {}
    for one in batch:
        for tally in one.tallies:
            steps[tally.counter] = steps.get(tally.counter, 0) + tally.step
            limits[tally.counter] = min(limits.get(tally.counter, tally.limit), tally.limit)
    return steps, limits
