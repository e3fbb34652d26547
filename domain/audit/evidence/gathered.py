"""All evidence of a period: each event is handed to those that it matters to.

Before the period, only what later sections build on is kept: keys, their use so far, and pending deletions. After its
end, nothing is: who may do what at the end is told as of the last position before the first call that came later.
"""

from __future__ import annotations

from typing import Final

from domain import events
from domain.audit.evidence.activity import Activity
from domain.audit.evidence.delegation import Delegation
from domain.audit.evidence.listing import Fact, Listing, fact
from domain.audit.evidence.lives import KeyLives
from domain.audit.evidence.period import Bins, Period
from domain.audit.evidence.permissions import Permissions
from domain.audit.evidence.readers import Readers
from domain.audit.evidence.refusals import Refusals
from domain.audit.evidence.ways import WaysOfUse
from domain.audit.facts import OF_KEYS, accounts_of, key_named
from domain.audit.scope import Scope
from domain.history.world import World
from domain.standing import Standing

_OF_AUTHORITY: Final = frozenset(
    event for event in events.EVENTS if event.TOPIC.startswith("ram.") and event is not events.AuthenticationFailed
)
_OF_OPERATORS: Final = frozenset(
    (events.RegionOpened, events.AccountCreated, events.AccessKeyCreated, events.QuotaRaised)
)


class Evidence:
    """:param world: as of the event that :meth:`add` is given: it has been applied.

    :ivar permissions: used in whichever region: policies are the same in every one.
    :ivar authority: changes of who may do what. :ivar operators: what operators of the deployment did.
    :ivar closing: the world as it was at the period's end, after the event at :attr:`closed_at`.
    """

    def __init__(self, period: Period, scope: Scope, world: World) -> None:
        self.period = period
        self.scope = scope
        self._anywhere = Scope(account_id=scope.account_id)
        self.world = world
        self.closing = World()
        self.closed_at = 0
        self._is_over = False
        self.bins = Bins(period)
        self.activity = Activity(self.bins)
        self.ways = WaysOfUse()
        self.refusals = Refusals(self.bins)
        self.keys = KeyLives(period)
        self.delegation = Delegation()
        self.permissions = Permissions()
        self.readers = Readers()
        self.authority: Listing[Fact] = Listing()
        self.operators: Listing[Fact] = Listing()

    def add(self, standing: Standing) -> None:
        event = standing.event
        self._close(standing)
        if event.timestamp >= self.period.until:
            return
        is_within, touches = event.timestamp >= self.period.since, self.scope.touches(event)
        if is_within and (touches or self._anywhere.touches(event)):
            self.permissions.add(event)
        if not touches:
            return
        kind = type(event)
        if kind is events.KeyUsed:
            self.keys.used(event)  # type: ignore[arg-type]  # by its class
        elif kind in OF_KEYS:
            self._key_changed(standing)
        elif isinstance(event, events.CallRefused):
            self.keys.was_refused(event)
        if is_within:
            self._within(standing)

    def _key_changed(self, standing: Standing) -> None:
        """What is done in others' roles is done to others' keys, whose lives are theirs."""
        key = self.world.keys[standing.event.originator_id]
        if self.scope.account_id in ("", key.owner):
            self.keys.changed(standing, key)

    def _close(self, standing: Standing) -> None:
        """Positions decide, not clocks: what was in force when the first later call came is of one instant."""
        self._is_over = self._is_over or standing.event.timestamp >= self.period.until
        if not self._is_over:
            self.closed_at = standing.position
            if type(standing.event) not in events.CALLS:
                self.closing.apply(standing.event)

    def _within(self, standing: Standing) -> None:
        event = standing.event
        kind, by = type(event), event.call.by
        key = self.world.keys.get(key_named(event) or event.originator_id)
        # A key of somebody else does not exist for whoever asks about it.
        is_there = key is not None and key.owner == by.account_id
        self.activity.add(event, is_there)
        self.ways.add(event, key_named(event) if is_there else None)
        if by.assumed_by:
            self.delegation.acted(event)
        if kind is events.KeyUsed:
            return
        if isinstance(event, events.CallAnswered | events.CallRefused):
            self._answered(event)
        elif isinstance(event, events.AuthenticationFailed):
            self.refusals.failed(event)
        elif isinstance(event, events.RoleAssumed):
            self.delegation.assumed(event)
        elif kind in _OF_OPERATORS or (by.kind == "system" and kind not in OF_KEYS):
            self.operators.add(fact(standing, accounts_of(event)[0]))
        elif kind in _OF_AUTHORITY:
            self.authority.add(fact(standing, accounts_of(event)[0]))

    def _answered(self, event: events.CallAnswered | events.CallRefused) -> None:
        self.readers.asked(event)
        if isinstance(event, events.CallRefused):
            self.refusals.refused(event)
