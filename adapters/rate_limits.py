"""Rate limits of this process: one bucket for each account and one for each principal that calls.

Checked when a caller is authenticated and before the HSM and the ledger are asked, so nobody fills the tables but
callers who proved who they are. Nothing is written down: a process that starts has full buckets. Not here: the
arithmetic (:mod:`domain.rate`), and the failures of those who prove nothing (:mod:`adapters.authentication_failures`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from adapters.metrics import THROTTLED
from adapters.settings import Settings
from domain.call import Caller
from domain.errors import TooManyRequests
from domain.rate import SECOND, Rate, rate

BUCKETS: Final = 32_768
"""Of each kind, at least; twice as many at most."""


class RateLimits:
    """:param account: of all calls of an account together; None is no limit. :param principal: of each principal.

    :param clock: nanoseconds, never going back.
    """

    def __init__(
        self,
        account: Rate | None,
        principal: Rate | None,
        *,
        buckets: int = BUCKETS,
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._accounts = None if account is None else _Buckets("account", account, buckets)
        self._principals = None if principal is None else _Buckets("principal", principal, buckets)
        self._clock = clock
        self._unlimited = account is None and principal is None

    def check(self, caller: Caller) -> None:
        """Count a call of ``caller``.

        :raises TooManyRequests: it is one too many for its principal or its account, and was counted for neither.
        """
        if self._unlimited:
            return
        at = self._clock()
        account, principal = self._accounts, self._principals
        if principal is not None:
            name = _principal(caller)
            principal.check(name, at)
        if account is not None:
            account.check(caller.account_id, at)
            account.take(caller.account_id, at)
        if principal is not None:
            principal.take(name, at)


def from_settings(settings: Settings) -> RateLimits:
    """Each API process of the deployment enforces its share, so that all of them together never exceed the rate."""

    def share(calls_per_second: float, burst: int) -> Rate | None:
        if not calls_per_second:
            return None
        return rate(calls_per_second, burst or max(1, round(calls_per_second)), settings.api_processes)

    return RateLimits(
        share(settings.account_calls_per_second, settings.account_calls_burst),
        share(settings.principal_calls_per_second, settings.principal_calls_burst),
    )


def _principal(caller: Caller) -> str:
    """The sessions of a role share its bucket: whoever assumes it chooses their names, and could choose new ones."""
    return caller.principal.rpartition("/")[0] if caller.kind == "assumed-role" else caller.principal


class _Buckets:
    """When each bucket is full again. Of more than ``size`` owners, those that called least recently are forgotten,
    which gives them a full bucket; it takes ``size`` other owners who call to push one out."""

    __slots__ = ("_earlier", "_lately", "_rate", "_size", "_throttled", "_whose")

    def __init__(self, whose: str, rate_of_each: Rate, size: int) -> None:
        self._whose = whose
        self._rate = rate_of_each
        self._size = size
        self._throttled = THROTTLED.labels(whose)
        self._lately: dict[str, int] = {}
        self._earlier: dict[str, int] = {}

    def check(self, owner: str, at: int) -> None:
        """:raises TooManyRequests: the bucket is empty."""
        wait = self._rate.wait(self._full_at(owner), at)
        if wait > 0:
            self._throttled.inc()
            raise _too_many(self._whose, wait / SECOND)

    def take(self, owner: str, at: int) -> None:
        """After :meth:`check`."""
        self._lately[owner] = self._rate.taken(self._full_at(owner), at)

    def _full_at(self, owner: str) -> int:
        full_at = self._lately.get(owner)
        if full_at is None:
            full_at = self._earlier.get(owner, 0)
            if len(self._lately) >= self._size:
                self._earlier, self._lately = self._lately, {}
            self._lately[owner] = full_at
        return full_at


def _too_many(whose: str, seconds: float) -> TooManyRequests:
    return TooManyRequests(
        f"QPS Limit Exceeded: calls of this {whose} come faster than its rate limit. Nothing was done. "
        f"Retry after {seconds:.3f} seconds.",
        retry_after_seconds=seconds,
    )
