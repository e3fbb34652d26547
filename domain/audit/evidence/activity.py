"""Requests of the period by time, principal, key and operation, each with how it came out.

A request is one call; failed authentications are recorded a minute at a time, with how many there were.
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from domain import events
from domain.audit.evidence.listing import Span, acting
from domain.audit.evidence.period import Bins
from domain.audit.facts import OUTCOMES, Outcome, key_named
from domain.events import Event

ORDER: Final = (Outcome.USED, Outcome.READ, Outcome.CHANGED, Outcome.REFUSED, Outcome.UNAUTHENTICATED)
"""Of outcomes, wherever they are told or drawn side by side."""

_NUMBERS: Final = {kind: ORDER.index(outcome) for kind, outcome in OUTCOMES.items()}
_OUTCOMES: Final = len(ORDER)


class Share(Span):
    """The requests of one principal, about one key, or all of them. :ivar others: what it is told with: the keys of a
    principal, the principals of a key."""

    __slots__ = ("_cells", "others")

    def __init__(self) -> None:
        super().__init__()
        self._cells: dict[int, int] = {}
        self.others: set[object] = set()

    def take(self, event: Event, outcome: int, place: int, times: int) -> None:
        self.add(event.timestamp, times)
        cell = place * _OUTCOMES + outcome
        self._cells[cell] = self._cells.get(cell, 0) + times

    def of(self, outcome: Outcome, place: int | None = None) -> int:
        """:param place: number of the bin; None for all."""
        number = ORDER.index(outcome)
        if place is not None:
            return self._cells.get(place * _OUTCOMES + number, 0)
        return sum(count for cell, count in self._cells.items() if cell % _OUTCOMES == number)

    @property
    def cells(self) -> dict[tuple[int, str], int]:
        """Number of the bin and outcome -> requests."""
        return {(cell // _OUTCOMES, ORDER[cell % _OUTCOMES]): count for cell, count in self._cells.items()}


class Activity:
    """:ivar by_principal: ARN and id -> its share; of a role, of all its sessions. Nobody's are failed authentications.
    :ivar by_key: of keys that are there; what was asked of others is in ``of_no_key``.
    :ivar operations: operation and outcome -> requests.
    """

    def __init__(self, bins: Bins) -> None:
        self._bins = bins
        self.events = 0
        self.all = Share()
        self.by_principal: dict[tuple[str, str], Share] = {}
        self.by_key: dict[UUID, Share] = {}
        self.of_no_key = Span()
        self.operations: dict[tuple[str, Outcome], int] = {}

    def add(self, event: Event, is_there: bool) -> None:
        """:param is_there: whether the key that the event names, if any, is one."""
        kind = type(event)
        outcome, place = _NUMBERS[kind], self._bins.of(event.timestamp)
        times: int = event.count if isinstance(event, events.AuthenticationFailed) else 1
        self.events += 1
        self.all.take(event, outcome, place, times)
        operation = (event.call.operation.value, ORDER[outcome])
        self.operations[operation] = self.operations.get(operation, 0) + times
        principal = None if kind is events.AuthenticationFailed else self._take_principal(event, outcome, place)
        key_id = key_named(event)
        if key_id is not None:
            self._take_key(event, key_id if is_there else None, principal, outcome, place)

    def _take_principal(self, event: Event, outcome: int, place: int) -> tuple[str, str]:
        who = (acting(event), event.call.by.principal_id.partition(":")[0])
        share = self.by_principal.get(who)
        if share is None:
            share = self.by_principal[who] = Share()
        share.take(event, outcome, place, 1)
        return who

    def _take_key(
        self, event: Event, key_id: UUID | None, principal: tuple[str, str] | None, outcome: int, place: int
    ) -> None:
        if key_id is None:
            self.of_no_key.add(event.timestamp)
            return
        share = self.by_key.get(key_id)
        if share is None:
            share = self.by_key[key_id] = Share()
        share.take(event, outcome, place, 1)
        if principal is not None and outcome == 0:
            share.others.add(principal)
            self.by_principal[principal].others.add(key_id)
