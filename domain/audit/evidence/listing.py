"""Facts that are listed one by one, and how often something was counted: up to a number, beyond which it is said how
many there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from domain.audit.sentences import sentence
from domain.audit.words import principal_named, visible
from domain.events import Event
from domain.principals import without_session
from domain.standing import Standing

LISTED_MAX: Final = 10_000
"""Of each listing: what a person could still read. Every single one is in the ledger."""

COUNTED_MAX: Final = 50_000
"""Different things that strangers may choose (addresses), before they are counted together."""

OTHERS: Final = "others, counted together"

Item = TypeVar("Item")


class Listing(Generic[Item]):
    """The first :data:`LISTED_MAX` in their order, and how many there were."""

    def __init__(self) -> None:
        self.total = 0
        self._items: list[Item] = []

    def add(self, item: Item) -> None:
        self.total += 1
        if len(self._items) < LISTED_MAX:
            self._items.append(item)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __len__(self) -> int:
        """Those that are listed."""
        return len(self._items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One event, in the words that are listed. :param document: the text of a policy, where it has one."""

    position: int
    at: datetime
    recorded_at: datetime
    topic: str
    account_id: str
    by: str
    source_ip: str
    request_id: UUID
    sentence: str
    document: str = ""


def fact(standing: Standing, account_id: str) -> Fact:
    event = standing.event
    call = event.call
    return Fact(
        position=standing.position,
        at=event.timestamp,
        recorded_at=standing.recorded_at,
        topic=event.TOPIC,
        account_id=account_id,
        by=caller_named(event),
        source_ip=visible(call.source_ip),
        request_id=call.request_id,
        sentence=sentence(event),
        document=getattr(event, "document", "") or getattr(event, "trust_policy", ""),
    )


def caller_named(event: Event) -> str:
    """``user alice of 1234567890123456``; of the deployment, the operator where one acted."""
    by = event.call.by
    if by.kind == "system":
        return visible(f"operator {by.user_name}") if by.user_name else "the deployment"
    named = visible(principal_named(by.principal))
    return f"{named} (assumed by {visible(principal_named(by.assumed_by))})" if by.assumed_by else named


class Span:
    """How often, and the first and the last time."""

    __slots__ = ("count", "first_at", "last_at")

    def __init__(self) -> None:
        self.count = 0
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None

    def add(self, at: datetime, times: int = 1) -> None:
        """Clocks of several machines may disagree: the first is the earliest, not the one that came first."""
        self.count += times
        if self.first_at is None or at < self.first_at:
            self.first_at = at
        if self.last_at is None or at > self.last_at:
            self.last_at = at


def acting(event: Event) -> str:
    """ARN of who acted: a user, root, or a role in all its sessions, whose names callers choose."""
    by = event.call.by
    return without_session(by.principal) if by.kind == "assumed-role" else by.principal
