"""CMKs remembered between calls: the port :class:`domain.ports.Keys`.

A stale memory costs a retry and never a wrong answer, because every decision made on it is guarded by the ledger.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from adapters.ledger.reader import LedgerReader
from adapters.remembered import Remembered
from domain import key as keys_of
from domain.ports import Held, Hsm


class KeyCache:
    """:param size: CMKs remembered per process (about a kilobyte each).
    :param destroyed_version: finds the CMK of a key version whose material is gone; asked only when there is none.
    """

    def __init__(
        self,
        reader: LedgerReader,
        hsm: Hsm,
        destroyed_version: Callable[[UUID], Awaitable[UUID | None]],
        size: int = 20_000,
    ) -> None:
        self._reader = reader
        self._hsm = hsm
        self._destroyed_version = destroyed_version
        self._held: Remembered[int, Held] = Remembered(size, self._read)  # by number, which is hashed in C
        self._versions: Remembered[UUID, UUID] = Remembered(size, self._read_version)

    async def held(self, key_id: UUID) -> Held:
        number = key_id.int
        held = self._held.peek(number)
        if held is None:
            held = await self._held.get(number)
            if held.key is None:
                # Anybody can ask for ids that do not exist: they must not push real keys out.
                self._held.forget(number)
        return held

    async def key_of_version(self, key_version_id: UUID) -> UUID | None:
        try:
            return self._versions.peek(key_version_id) or await self._versions.get(key_version_id)
        except LookupError:
            return None

    def forget(self, streams: frozenset[UUID]) -> None:
        for stream in streams:
            held = self._held.forget(stream.int)
            if held is not None and held.material is not None:
                self._hsm.forget(held.material.key_version_id)

    async def _read(self, number: int) -> Held:
        key_id = UUID(int=number)
        key = keys_of.replay(await self._reader.stream(key_id))
        if key is None or key.destroyed:
            return Held(key_id, key, None)
        return Held(key_id, key, await self._reader.material_of(key_id, key.primary_key_version))

    async def _read_version(self, key_version_id: UUID) -> UUID:
        key_id = await self._reader.key_of_version(key_version_id)
        if key_id is None:
            key_id = await self._destroyed_version(key_version_id)
        if key_id is None:
            raise LookupError(key_version_id)
        return key_id
