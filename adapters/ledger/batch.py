"""Submissions as the parameters of ``ledger.append``: PostgreSQL arrays in their binary format.

The arrays are built here, by hand, because a batch passes through for every use of a key: psycopg's general list
dumper looks at every element in Python. Format: PostgreSQL, ``array_recv`` (number of dimensions, null flag, element
type, then size and lower bound, then each element's length and bytes).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Final, NamedTuple, TypeVar
from uuid import UUID

import orjson
from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

from adapters.ledger.mapper import encode
from domain.events import Event
from domain.guard import Guard
from domain.ports import Submission, Tally

APPEND: Final = (
    "select outcome, first_position, about"
    " from ledger.append(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb)"
)
"""Takes :func:`parameters`; one row per submission, in order. Outcomes: ``adapters/sql/090_append_set.sql``."""

Item = TypeVar("Item")

_HEADER: Final = struct.Struct(">iiIii")
_NULL: Final = b"\xff\xff\xff\xff"
_LENGTH: Final = struct.Struct(">i")
_UUID_LENGTH: Final = _LENGTH.pack(16)


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
        _nullable_uuids([one.claim for one in batch]),
        _integers(event_submission),
        _uuids([row.stream for row in rows]),
        _bigints([row.version for row in rows]),
        TextArray(_array(25, [row.topic for row in rows])),
        ByteaArray(_array(17, [row.state for row in rows])),
        _uuids([guard.stream.bytes for guard in guards]),
        _bigints([guard.version for guard in guards]),
        _integers(guarded_submission),
        _integers(guarded_by),
        _integers(tally_submission),
        _uuids([tally.counter.bytes for tally in tallies]),
        _bigints([tally.step for tally in tallies]),
        _bigints([tally.limit for tally in tallies]),
        orjson.dumps(sealed).decode() if sealed else None,
    )


class _BinaryArray(bytes):
    """Bytes that are already a PostgreSQL array; the subclass tells psycopg its type."""

    oid: int = 0


class UuidArray(_BinaryArray):
    oid = 2951


class IntegerArray(_BinaryArray):
    oid = 1007


class BigintArray(_BinaryArray):
    oid = 1016


class TextArray(_BinaryArray):
    oid = 1009


class ByteaArray(_BinaryArray):
    oid = 1001


class _ArrayDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


def register(context: AdaptContext) -> None:
    """Teach a connection our arrays."""
    for array in (UuidArray, IntegerArray, BigintArray, TextArray, ByteaArray):
        dumper = type(f"{array.__name__}Dumper", (_ArrayDumper,), {"oid": array.oid})
        context.adapters.register_dumper(array, dumper)


def _head(element: int, size: int, nulls: int = 0) -> bytes:
    return _HEADER.pack(1, nulls, element, size, 1) if size else struct.pack(">iiI", 0, 0, element)


def _array(element: int, values: Sequence[bytes]) -> bytes:
    lengths = map(_LENGTH.pack, map(len, values))
    return _head(element, len(values)) + b"".join(_alternating(lengths, values))


def _uuids(values: Sequence[bytes]) -> UuidArray:
    body = _UUID_LENGTH + _UUID_LENGTH.join(values) if values else b""
    return UuidArray(_head(2950, len(values)) + body)


def _nullable_uuids(values: Sequence[UUID | None]) -> UuidArray:
    body = b"".join([_NULL if value is None else _UUID_LENGTH + value.bytes for value in values])
    return UuidArray(_head(2950, len(values), nulls=1) + body)


def _integers(values: Sequence[int]) -> IntegerArray:
    pairs = _alternating(repeat(4, len(values)), values)
    return IntegerArray(_head(23, len(values)) + struct.pack(f">{len(pairs)}i", *pairs))


def _bigints(values: Sequence[int]) -> BigintArray:
    pairs = _alternating(repeat(8, len(values)), values)
    return BigintArray(_head(20, len(values)) + struct.pack(">" + "iq" * len(values), *pairs))


def _alternating(lengths: Iterable[Item], values: Sequence[Item]) -> list[Item]:
    """Each value behind its length."""
    pairs = [*values, *values]
    pairs[::2], pairs[1::2] = lengths, values
    return pairs
