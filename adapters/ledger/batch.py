"""Submissions as the parameters of ``ledger.append``: any of them, in any mixture.

What most batches hold takes a shorter way: :mod:`adapters.ledger.uses`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

import orjson

from adapters.ledger.arrays import bigints, byteas, integers, nullable_uuids, texts, uuids
from adapters.ledger.mapper import encode
from domain.events import Event
from domain.guard import Guard
from domain.ports import Submission, Tally

APPEND: Final = (
    "select outcome, first_position, about"
    " from ledger.append(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)"
)
"""Takes :func:`parameters`; one row per submission, in order. Outcomes: ``adapters/sql/090_append_set.sql``."""


class Row(NamedTuple):
    """One event as the ledger stores it."""

    stream: bytes
    version: int
    topic: bytes
    state: bytes


class Encoded(NamedTuple):
    """One submission, ready to be put into any batch."""

    rows: tuple[Row, ...]
    claim: UUID | None
    guards: tuple[Guard, ...]
    tallies: tuple[Tally, ...]
    sealed: tuple[dict[str, object], ...]


def encoded(submission: Submission) -> Encoded:
    claim = submission.claim
    return Encoded(
        tuple([_row(event) for event in submission.events]),
        claim,
        submission.guards,
        submission.tallies,
        _sealed(submission) if claim is not None or submission.failures else (),
    )


def _row(event: Event) -> Row:
    return Row(event.originator_id.bytes, event.originator_version, event.TOPIC.encode(), encode(event))


def _sealed(submission: Submission) -> tuple[dict[str, object], ...]:
    material: list[dict[str, object]] = [
        {
            "kind": "material",
            "key_version_id": row.material.key_version_id,
            "key_id": row.key_id,
            "region_id": row.material.region_id,
            "wrapped": row.material.wrapped.hex(),
        }
        for row in submission.material
    ]
    secrets: list[dict[str, object]] = [
        {"kind": "secret", "name": row.name, "owner": row.owner, "sealed": row.sealed.hex()}
        for row in submission.secrets
    ]
    forgotten: list[dict[str, object]] = [{"kind": "forgotten", "name": name} for name in submission.forgotten]
    destroyed: list[dict[str, object]] = [{"kind": "destroyed", "key_id": key_id} for key_id in submission.destroyed]
    told: list[dict[str, object]] = [
        {
            "kind": "failures",
            "minute": row.minute.isoformat(),
            "access_key_id": row.access_key_id,
            "source": row.source,
            "count": row.count,
        }
        for row in submission.failures
    ]
    return (*material, *secrets, *forgotten, *destroyed, *told)


def parameters(batch: Sequence[Encoded]) -> tuple[object, ...]:
    """The 15 parameters of ``ledger.append``, in its order."""
    rows: list[Row] = []
    guards: dict[Guard, int] = {}
    event_submission: list[int] = []
    guarded_submission: list[int] = []
    guarded_by: list[int] = []
    tallies: list[Tally] = []
    tally_submission: list[int] = []
    sealed: list[dict[str, object]] = []
    # Uses of one key are guarded by the same few objects, and to hash one takes three calls in Python.
    places: dict[int, int] = {}
    for number, one in enumerate(batch, 1):
        for row in one.rows:
            rows.append(row)
            event_submission.append(number)
        for guard in one.guards:
            place = places.get(id(guard))
            if place is None:
                place = places[id(guard)] = guards.setdefault(guard, len(guards) + 1)
            guarded_submission.append(number)
            guarded_by.append(place)
        for tally in one.tallies:
            tally_submission.append(number)
            tallies.append(tally)
        if one.sealed:
            sealed += [{**change, "submission": number} for change in one.sealed]
    return (
        nullable_uuids([one.claim for one in batch]),
        integers(event_submission),
        uuids([row.stream for row in rows]),
        bigints([row.version for row in rows]),
        texts([row.topic for row in rows]),
        byteas([row.state for row in rows]),
        uuids([guard.stream.bytes for guard in guards]),
        bigints([guard.version for guard in guards]),
        integers(guarded_submission),
        integers(guarded_by),
        integers(tally_submission),
        uuids([tally.counter.bytes for tally in tallies]),
        bigints([tally.step for tally in tallies]),
        bigints([tally.limit for tally in tallies]),
        orjson.dumps(sealed).decode() if sealed else None,
    )
