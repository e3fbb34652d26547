"""A ledger with many CMKs and many events, made through the product's own append path but without HTTP.

Every CMK gets its own stream, key version and row of sealed material. The wrapped bytes are those of one CMK that the
service itself made, since wrapping binds no identifier: to the HSM they are as many different keys to unwrap. Uses are
spread evenly over all CMKs and count towards their key version's tally, as real ones do. Their signed times lie in the
month before now, in order, as a service's life would leave them.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import psycopg

from adapters.ledger.writer import LedgerWriter
from domain import key as keys_of
from domain.access import Access
from domain.account import cmk_tally
from domain.call import Call, Caller
from domain.key import NewKey
from domain.ports import SealedMaterial, Submission, Tally, WrappedKey
from domain.ram.authority import Authority
from domain.recording import Case
from domain.vocabulary import ENCRYPTIONS_PER_KEY_VERSION_MAX, Operation
from scripts.benchmarks.deployment import KeyLedger
from scripts.benchmarks.failure import BenchError

IN_FLIGHT: Final = 1_024
"""Submissions handed to the writer at once: several full batches, well below its queue's limit."""

LIFE: Final = timedelta(days=30)
NO_LIMIT: Final = 2**62


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the ledger should hold: at least so many CMKs of the root account, at least so many events."""

    keys: int
    events: int

    def __str__(self) -> str:
        return f"{self.keys:,} CMKs, {self.events:,} events"


@dataclass(frozen=True, slots=True)
class _Made:
    key_id: UUID
    key_version_id: UUID


def populate(server: KeyLedger, wanted: Wanted, advance: Callable[[int], None]) -> list[UUID]:
    """Make ``wanted.keys`` CMKs, then uses until the ledger holds ``wanted.events``; the ids in order of creation.

    :param advance: told how many submissions have been recorded since it was told last.
    :raises BenchError: the database refuses what the service's role may do.
    """
    try:
        return asyncio.run(_populate(server, wanted, advance))
    except psycopg.Error as error:
        raise BenchError(f"The ledger could not be populated: {error}") from None


async def _populate(server: KeyLedger, wanted: Wanted, advance: Callable[[int], None]) -> list[UUID]:
    material = _material_of(server, str(server.ask("CreateKey")["KeyMetadata"]["KeyId"]))
    author = _Author(server, wanted)
    made = [_Made(time_ordered(author.clock()), time_ordered(author.clock())) for _ in range(wanted.keys)]
    writer = LedgerWriter(server.database_url)
    await writer.start()
    try:
        await append_all(writer, (author.creation(one, material) for one in made), advance)
        uses = max(0, wanted.events - server.events())
        used = itertools.islice(itertools.cycle(made), uses)
        await append_all(writer, (author.use(one) for one in used), advance)
    finally:
        await writer.close()
    return [one.key_id for one in made]


async def append_all(writer: LedgerWriter, all_of_them: Iterator[Submission], advance: Callable[[int], None]) -> None:
    """In their order. :param advance: told how many have been recorded since it was told last."""
    while chunk := list(itertools.islice(all_of_them, IN_FLIGHT)):
        await asyncio.gather(*map(writer.append, chunk))
        advance(len(chunk))


class _Author:
    """Makes submissions, its clock running from a month ago until now while it does."""

    def __init__(self, server: KeyLedger, wanted: Wanted) -> None:
        access_key = server.credentials
        root = Authority(server.account_id).root(access_key.access_key_id)
        # No authority: these are guarded by nothing, since nothing is decided.
        self._by = Caller(
            account_id=root.account_id, kind=root.kind, principal=root.principal, access_key_id=root.access_key_id
        )
        self._access = Access(account_id=root.account_id, principal=root.principal)
        self._region_id = access_key.region_id
        self._step = LIFE / max(1, 3 * wanted.keys + wanted.events)
        self._at = datetime.now(UTC) - LIFE

    def clock(self) -> datetime:
        self._at += self._step
        return self._at

    def creation(self, one: _Made, material: bytes) -> Submission:
        call = self._call(Operation.CREATE_KEY)
        wrapped = WrappedKey(one.key_version_id, self._region_id, material)
        return Submission(
            events=(keys_of.create(call, one.key_id, one.key_version_id, NewKey(description="bench")),),
            claim=call.stream,
            tallies=(Tally(cmk_tally(call.by.account_id, self._region_id), 1, NO_LIMIT),),
            material=(SealedMaterial(one.key_id, wrapped),),
        )

    def use(self, one: _Made) -> Submission:
        case = Case(self._call(Operation.ENCRYPT), self._access)
        case.key_id = one.key_id
        return case.used(one.key_version_id, (Tally(one.key_version_id, 1, ENCRYPTIONS_PER_KEY_VERSION_MAX),))

    def _call(self, operation: Operation) -> Call:
        at = self.clock()
        return Call(
            by=self._by,
            operation=operation,
            request_id=request_id(at),
            stream=time_ordered(at),
            at=at,
            region_id=self._region_id,
            source_ip="127.0.0.1",
            user_agent="bench",
        )


def request_id(at: datetime) -> UUID:
    """As the service makes them (RFC 9562 section 5.7)."""
    return time_ordered(at, version=7)


def time_ordered(at: datetime, version: int = 8) -> UUID:
    """As streams of requests are: 48 bits of milliseconds, then what nobody can guess (RFC 9562 section 5.8)."""
    milliseconds = int(at.timestamp() * 1_000)
    tail = secrets.randbits(80) & ~(0xF << 76) & ~(0x3 << 62) | (version << 76) | (2 << 62)
    return UUID(int=milliseconds << 80 | tail)


def _material_of(server: KeyLedger, key_id: str) -> bytes:
    with psycopg.connect(server.database_url) as connection:
        row = connection.execute("select wrapped from ledger.sealed_material where key_id = %s", (key_id,)).fetchone()
    if row is None:
        raise BenchError("The CMK that was just made has no sealed material.")
    return bytes(row[0])
