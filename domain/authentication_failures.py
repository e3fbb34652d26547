"""Failed authentications against known access keys: counted while a minute runs, told by one event when it is over.

A stranger decides how often they fail, so the ledger must not hold an event for each failure: it holds one for each
access key, source and UTC minute, with the exact number. Not here: counting (:mod:`adapters.authentication_failures`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from domain.account import SYSTEM, account_stream
from domain.call import Call
from domain.events import AuthenticationFailed
from domain.vocabulary import Operation

SOURCES_MAX: Final = 16
"""Told apart for an access key and minute; whoever fails from further ones is counted as :data:`OTHER_SOURCES`."""

OTHER_SOURCES: Final = "*other*"

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresOfMinute:
    """:param source: an IPv4 address, an IPv6 /64, or :data:`OTHER_SOURCES`.

    :param minute: its beginning; it is over. :param codes: error code -> how often, at least once each.
    """

    account_id: str
    access_key_id: str
    source: str
    minute: datetime
    codes: Mapping[str, int]

    @property
    def count(self) -> int:
        return sum(self.codes.values())

    def told(self) -> AuthenticationFailed:
        """The one event of these failures: the same, to the byte, whoever tells them and however often."""
        name = f"authentication-failed/{self.access_key_id}/{self.source}/{self.minute.isoformat()}"
        stream = uuid5(account_stream(self.account_id), name)
        return AuthenticationFailed(
            originator_id=stream,
            originator_version=1,
            timestamp=self.minute + _MINUTE,
            call=self._call(stream),
            account_id=self.account_id,
            access_key_id=self.access_key_id,
            source_ip=self.source,
            minute=self.minute,
            count=self.count,
            codes={code: self.codes[code] for code in sorted(self.codes)},
        )

    def _call(self, stream: UUID) -> Call:
        """Of the service: what those requests asked for is nobody's word."""
        return Call(
            by=replace(SYSTEM, account_id=self.account_id),
            operation=Operation.UNKNOWN,
            request_id=stream,
            stream=stream,
            at=self.minute + _MINUTE,
            region_id="",
        )
