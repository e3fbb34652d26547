"""PostgreSQL arrays in their binary format, and how a connection learns to send them.

Built here, by hand, because a batch passes through for every use of a key: psycopg's general list dumper looks at every
element in Python. Format: PostgreSQL, ``array_recv`` (number of dimensions, null flag, element type, then size and
lower bound, then each element's length and bytes).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Final, TypeVar
from uuid import UUID

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.pq import Format

Item = TypeVar("Item")

_HEADER: Final = struct.Struct(">iiIii")
_NULL: Final = b"\xff\xff\xff\xff"
_LENGTH: Final = struct.Struct(">i")
_UUID_LENGTH: Final = _LENGTH.pack(16)


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


def texts(values: Sequence[bytes]) -> TextArray:
    """:param values: in UTF-8."""
    return TextArray(_array(25, values))


def byteas(values: Sequence[bytes]) -> ByteaArray:
    return ByteaArray(_array(17, values))


def _array(element: int, values: Sequence[bytes]) -> bytes:
    lengths = map(_LENGTH.pack, map(len, values))
    return _head(element, len(values)) + b"".join(_alternating(lengths, values))


def uuids(values: Sequence[bytes]) -> UuidArray:
    """:param values: 16 bytes each."""
    body = _UUID_LENGTH + _UUID_LENGTH.join(values) if values else b""
    return UuidArray(_head(2950, len(values)) + body)


def nullable_uuids(values: Sequence[UUID | None]) -> UuidArray:
    body = b"".join([_NULL if value is None else _UUID_LENGTH + value.bytes for value in values])
    return UuidArray(_head(2950, len(values), nulls=1) + body)


def integers(values: Sequence[int]) -> IntegerArray:
    pairs = _alternating(repeat(4, len(values)), values)
    return IntegerArray(_head(23, len(values)) + struct.pack(f">{len(pairs)}i", *pairs))


def bigints(values: Sequence[int]) -> BigintArray:
    pairs = _alternating(repeat(8, len(values)), values)
    return BigintArray(_head(20, len(values)) + struct.pack(">" + "iq" * len(values), *pairs))


def _alternating(lengths: Iterable[Item], values: Sequence[Item]) -> list[Item]:
    """Each value behind its length."""
    pairs = [*values, *values]
    pairs[::2], pairs[1::2] = lengths, values
    return pairs
