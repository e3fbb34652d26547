"""The parts that a request meets, wired once per process (:mod:`api.assembly`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.access_keys import AccessKeys
from adapters.rate_limits import RateLimits
from adapters.sessions import Sessions
from api.audit.analysis.analyst import Analyst
from api.audit.trail import Trail
from api.authentication import Failures
from domain.custody import Custody
from domain.ports import Authorities, Keys, Ledger
from domain.ram.service import Administration
from domain.stewardship import Stewardship
from domain.sts import RoleSessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """:param now: the clock, UTC.

    :param new_id: fresh identifiers for keys and key versions (UUIDv4). :param new_request_id: for requests (UUIDv7).
    """

    custody: Custody
    stewardship: Stewardship
    administration: Administration
    ledger: Ledger
    keys: Keys
    role_sessions: RoleSessions
    authorities: Authorities
    access_keys: AccessKeys
    sessions: Sessions
    failures: Failures
    limits: RateLimits
    trail: Trail
    analyst: Analyst
    regions: tuple[str, ...]
    default_region: str
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    new_request_id: Callable[[], UUID]

    def forget(self, streams: frozenset[UUID]) -> None:
        """Drop what is remembered of these streams."""
        self.keys.forget(streams)
        self.authorities.forget(streams)
