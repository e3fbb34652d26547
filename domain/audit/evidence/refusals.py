"""What was refused in the period: why, to whom, from where; and who failed to be the owner of an access key."""

from __future__ import annotations

from collections.abc import Mapping

from domain import events
from domain.audit.evidence.listing import COUNTED_MAX, OTHERS, Span, acting
from domain.audit.evidence.period import Bins
from domain.authentication_failures import OTHER_SOURCES


class Reason(Span):
    """:ivar principals: who met it. :ivar places: number of the bin -> how often. :ivar message: of the first."""

    def __init__(self, message: str = "") -> None:
        super().__init__()
        self.principals: set[str] = set()
        self.places: dict[int, int] = {}
        self.message = message

    def take(self, place: int) -> None:
        self.places[place] = self.places.get(place, 0) + 1


class Failing(Span):
    """Of one access key. :ivar codes: error code -> how often. :ivar sources: from where, capped."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, int] = {}
        self.sources: set[str] = set()


class Source:
    """An address. :ivar refused, failed: requests."""

    __slots__ = ("failed", "refused")

    def __init__(self) -> None:
        self.refused = 0
        self.failed = 0


class Refusals:
    """:ivar reasons: error code -> what was refused with it.
    :ivar asked: ARN of the principal, operation, what it was asked of and error code -> requests.
    :ivar failures: account id and access-key id -> failed authentications. :ivar sources: address -> both.
    """

    def __init__(self, bins: Bins) -> None:
        self._bins = bins
        self.reasons: dict[str, Reason] = {}
        self.asked: dict[tuple[str, str, str, str], Span] = {}
        self.failures: dict[tuple[str, str], Failing] = {}
        self.sources: dict[str, Source] = {}

    def refused(self, event: events.CallRefused) -> None:
        at, code, who = event.timestamp, event.code, acting(event)
        reason = self.reasons.get(code)
        if reason is None:
            reason = self.reasons[code] = Reason(event.message)
        reason.add(at)
        reason.take(self._bins.of(at))
        reason.principals.add(who)
        self._asked(who, event).add(at)
        self._source(event.call.source_ip).refused += 1

    def failed(self, event: events.AuthenticationFailed) -> None:
        failing = self.failures.setdefault((event.account_id, event.access_key_id), Failing())
        failing.add(event.timestamp, event.count)
        _count_into(failing.codes, event.codes)
        if len(failing.sources) < COUNTED_MAX:
            failing.sources.add(event.source_ip)
        source = OTHERS if event.source_ip == OTHER_SOURCES else event.source_ip
        self._source(source).failed += event.count

    def _asked(self, who: str, event: events.CallRefused) -> Span:
        """Callers choose what they ask for: beyond so many, further things are one for each reason and operation."""
        operation = event.call.operation.value
        asked = (who, operation, event.resource, event.code)
        span = self.asked.get(asked)
        if span is None:
            if len(self.asked) >= COUNTED_MAX:
                asked = (who, operation, OTHERS, event.code)
            span = self.asked.setdefault(asked, Span())
        return span

    def _source(self, address: str) -> Source:
        """Strangers choose where they come from: beyond so many, further ones are one."""
        source = self.sources.get(address)
        if source is None:
            name = address if len(self.sources) < COUNTED_MAX else OTHERS
            source = self.sources.setdefault(name, Source())
        return source


def _count_into(counts: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        counts[name] = counts.get(name, 0) + count
