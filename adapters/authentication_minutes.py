"""Tells the failed authentications of each minute that is over, by one event for each access key and source.

Any number of tellers may run at once. The event has the same bytes whoever tells it and its append removes the counts,
so of several tellers one records it and the others find it standing. If we die at any line, the counts are there or
the event is.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from adapters.ledger.reader import LedgerReader
from domain.authentication_failures import FailuresOfMinute
from domain.ports import AlreadyRecorded, Ledger, Submission

_log = structlog.get_logger(__name__)

PAGE: Final = 100

_OVER: Final = (
    "select min(account_id), access_key_id, source, minute, jsonb_object_agg(code, count)"
    " from ledger.authentication_failures where minute < %s"
    " group by minute, access_key_id, source order by minute, access_key_id, source limit %s"
)


class AuthenticationMinutes:
    def __init__(self, reader: LedgerReader, ledger: Ledger) -> None:
        self._reader = reader
        self._ledger = ledger

    async def tell(self) -> int:
        """Record the failures of all minutes that are over; returns how many events stand now.

        :raises domain.errors.ServiceUnavailable: the database is away.
        :raises domain.errors.TooManyRequests: the ledger's queue is full.
        """
        told = 0
        while over := await self._over():
            done = sum(await asyncio.gather(*[self._tell(failures) for failures in over]))
            told += done
            if not done:
                break  # others are at it: the next round looks again
        return told

    async def _over(self) -> list[FailuresOfMinute]:
        async with self._reader.connection() as connection:
            cursor = await connection.execute("select ledger.turn_authentication_minute()")
            (running,) = await cursor.fetchone() or (None,)
            rows = await (await connection.execute(_OVER, (running, PAGE))).fetchall()
        return [
            FailuresOfMinute(account_id=account_id, access_key_id=key_id, source=source, minute=minute, codes=codes)
            for account_id, key_id, source, minute, codes in rows
        ]

    async def _tell(self, failures: FailuresOfMinute) -> bool:
        try:
            await self._ledger.append(Submission(events=(failures.told(),), failures=(failures,)))
        except AlreadyRecorded:
            # By a teller of another version, in other bytes: the counts went with its event.
            _log.info("authentication_failures.told_elsewhere", access_key_id=failures.access_key_id)
            return False
        return True
