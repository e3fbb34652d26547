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
    """The requests of one principal, about one key, or all of them.

    :ivar others: what it was used with: of a principal, the shares of the keys that it used; of a key, of whoever did.
    """

    __slots__ = ("_cells", "others")

    def __init__(self) -> None:
        super().__init__()
        self._cells: dict[int, int] = {}
        self.others: set[Share] = set()

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
        principal = None if kind is events.AuthenticationFailed else self._of_principal(event)
        if principal is not None:
            principal.take(event, outcome, place, 1)
        key_id = key_named(event)
        if key_id is not None and not is_there:
            self.of_no_key.add(event.timestamp)
        elif key_id is not None:
            key = self._of_key(key_id)
            key.take(event, outcome, place, 1)
            if kind is events.KeyUsed and principal is not None:
                key.others.add(principal)
                principal.others.add(key)

    def _of_principal(self, event: Event) -> Share:
        who = (acting(event), event.call.by.principal_id.partition(":")[0])
        share = self.by_principal.get(who)
        if share is None:
            share = self.by_principal[who] = Share()
        return share

    def _of_key(self, key_id: UUID) -> Share:
        share = self.by_key.get(key_id)
        if share is None:
            share = self.by_key[key_id] = Share()
        return share
