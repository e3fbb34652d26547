"""Streams and counters of accounts and regions, and how both begin.

What becomes of an account afterwards, and who may do what in it: :mod:`domain.ram.authority`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

from domain import events
from domain.call import SYSTEM_PRINCIPAL, Call, Caller

_STREAMS: Final = UUID("6b65792d-6c65-8467-a572-000000000001")
"""Namespace of name-based streams (RFC 9562 section 5.5)."""

SYSTEM: Final = Caller(account_id="", kind="system", principal=SYSTEM_PRINCIPAL)
"""The deployment itself: set-up and the worker that destroys due keys."""


@lru_cache(maxsize=4_096)
def account_stream(account_id: str) -> UUID:
    return uuid5(_STREAMS, f"account/{account_id}")


def region_stream(region_id: str) -> UUID:
    return uuid5(_STREAMS, f"region/{region_id}")


def cmk_tally(account_id: str, region_id: str) -> UUID:
    """The counter of CMKs that an account has in a region."""
    return uuid5(_STREAMS, f"cmks/{account_id}/{region_id}")


def open_account(call: Call, account_id: str, access_key_id: str) -> tuple[events.Event, ...]:
    """An account and the first access key of its root identity."""
    stream = account_stream(account_id)
    created = events.AccountCreated(
        originator_id=stream, originator_version=1, timestamp=call.at, call=call, account_id=account_id
    )
    with_key = events.AccessKeyCreated(
        originator_id=stream,
        originator_version=2,
        timestamp=call.at,
        call=call,
        account_id=account_id,
        access_key_id=access_key_id,
    )
    return created, with_key


def open_region(call: Call, region_id: str, key_check_value: bytes) -> events.RegionOpened:
    return events.RegionOpened(
        originator_id=region_stream(region_id),
        originator_version=1,
        timestamp=call.at,
        call=call,
        region_id=region_id,
        key_check_value=key_check_value.hex(),
    )
