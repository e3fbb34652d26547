"""What a worker reads before it accepts its first connection: accounts so large that a caller would wait for them.

An account of ten thousand users is a stream of some 30,000 events, a third of a second's work. Each worker needs it
once, and no caller should pay for it: not the first of a deployment that starts, and not whoever meets a worker that
was replaced. What grows later is followed (:meth:`adapters.authorities.AuthorityCache.changed`).

Nothing depends on it: whatever fails here is read when somebody asks.
"""

from __future__ import annotations

import time
from typing import Final

import structlog

from adapters.authorities import AuthorityCache
from adapters.ledger.mapper import decode
from adapters.ledger.reader import LedgerReader
from domain.account import account_stream
from projections.accounts import Accounts

_log = structlog.get_logger(__name__)

EVENTS_MIN: Final = 500
"""Of an account that is read ahead. A smaller one is read within 5 ms, and there may be very many of them."""

SECONDS_MAX: Final = 20.0
"""Then the worker serves with what it has read."""


async def read_large_accounts(authorities: AuthorityCache, reader: LedgerReader) -> None:
    """The longest first, as long as there is room for them."""
    began = time.monotonic()
    try:
        for events, account_id in await _large_accounts(reader):
            if authorities.is_full or time.monotonic() - began > SECONDS_MAX:
                _log.info("start.accounts_left_unread", from_events=events)
                return
            await authorities.of(account_id)
    except Exception as error:  # noqa: BLE001  # a start must not fail for what is only faster with it
        _log.warning("start.accounts_not_read", reason=str(error))


async def _large_accounts(reader: LedgerReader) -> list[tuple[int, str]]:
    accounts = await Accounts(reader.connection, decode).listed()
    streams = {account_stream(account.account_id): account.account_id for account in accounts}
    versions = await reader.versions(list(streams))
    return sorted(
        ((events, streams[stream]) for stream, events in versions.items() if events >= EVENTS_MIN), reverse=True
    )
