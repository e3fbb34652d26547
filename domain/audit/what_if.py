"""What if these policies had been in force: recorded calls that would have been refused, and refused ones that would
have been allowed.

Feed the ledger from its beginning, in order: up to the window :meth:`WhatIf.before` needs every event that changes
something (:data:`domain.events.CHANGES`) and every ``RoleAssumed`` of the twelve hours before it, which no session
outlives; in the window :meth:`WhatIf.within` needs every event.

Of whoever assumes a role from an account that nothing was fed of, the role's side is decided again.

**Honest limits.** Only permission is decided again. A change that would have been refused is found, but its effect
stands for whatever comes after it; a session that would not have begun is over at once, with all its calls. Who would
have asked for something else, nobody knows. What cannot be decided is counted with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from domain import events
from domain.audit.suppositions import SupposedAuthority, Supposition, is_about_something
from domain.errors import KeyLedgerError
from domain.events import CHANGES
from domain.history.asked import Asked, asked_of, key_of
from domain.history.permission import EXTERNAL_ID_DECIDES, WANT_OF_PERMISSION, Ruling, role_ruled, ruled
from domain.history.world import World
from domain.owner import ASSUME_ROLE

NEEDED_BEFORE: Final = CHANGES | {events.RoleAssumed.TOPIC}
"""Topics of the events that :meth:`WhatIf.before` needs; others do no harm."""

SESSION_BEFORE: Final = "its session began before the events that were looked at"
OTHER_ACCOUNT_DECIDES: Final = "another account is concerned as well"
CALLER_GONE: Final = "the caller, its access key or its session was not in force"

_ATTACHING: Final = ("AttachPolicy", "DetachPolicy", "AddUser", "RemoveUser", "UpdateUser", "UpdateGroup")
"""Beginnings of operations that need permission on two resources, of which a refusal names one."""


class Supposed(StrEnum):
    REFUSED = "would have been refused"
    ALLOWED = "would have been allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    :param recorded: ``answered``, or the code of the refusal.
    :param reason: what decides it under the supposition; a clause that ends a sentence.
    """

    position: int
    at: datetime
    topic: str
    principal: str
    action: str
    resource: str
    recorded: str
    supposed: Supposed
    reason: str

    @property
    def sentence(self) -> str:
        was = "was answered" if self.recorded == ANSWERED else f"was refused with {self.recorded}"
        asked = f"{self.principal} asked for {self.action} on {self.resource}"
        return f"{asked}, which {was} and {self.supposed.value}: {self.reason}."


ANSWERED: Final = "answered"


class Verdict(NamedTuple):
    """On one event.

    :param counts_as: the member of :class:`Totals`, ``same`` and so on. :param reason: of ``not_judged``.
    """

    counts_as: str
    finding: Finding | None = None
    reason: str = ""


SAME: Final = Verdict("same")
WITHOUT_PERMISSION: Final = Verdict("without_permission")


@dataclass(slots=True, kw_only=True)
class Totals:
    """Of the window. :ivar same: decided as they were. :ivar without_permission: nobody was asked for one.
    :ivar not_judged: reason -> events.
    """

    events: int = 0
    same: int = 0
    would_be_refused: int = 0
    would_be_allowed: int = 0
    without_permission: int = 0
    not_judged: Counter[str] = field(default_factory=Counter)

    def add(self, verdict: Verdict) -> None:
        self.events += 1
        if verdict.reason:
            self.not_judged[verdict.reason] += 1
        else:
            setattr(self, verdict.counts_as, getattr(self, verdict.counts_as) + 1)


class WhatIf:
    """:raises MalformedPolicyDocument: nobody could evaluate one of the documents. Its message says where.

    :ivar totals: of what was fed to :meth:`within` so far.
    :ivar unmet: suppositions that were about nothing that was there in the window: they changed no decision.
    """

    def __init__(self, suppositions: Iterable[Supposition]) -> None:
        self.totals = Totals()
        self.unmet: tuple[Supposition, ...] = tuple(suppositions)
        self._world = _SupposedWorld(self.unmet)
        self._not_begun: dict[str, int] = {}
        self._has_begun = False

    def before(self, event: events.Event) -> None:
        """The next event before the window.

        :raises ValueError: it does not follow what stands before it in its stream.
        """
        self._world.apply(event)

    def within(self, position: int, event: events.Event) -> Verdict:
        """The next event of the window.

        :raises ValueError: as :meth:`before`.
        """
        if not self._has_begun or event.TOPIC in CHANGES:
            self._has_begun = True
            self._meet()
        verdict = self._compared(position, event)
        self.totals.add(verdict)
        if isinstance(event, events.RoleAssumed) and verdict.finding is not None:
            self._not_begun[event.access_key_id] = position
        else:
            self._world.apply(event)
        return verdict

    def end(self) -> None:
        """After the last event: what that one made is there as well."""
        self._meet()

    def _meet(self) -> None:
        self.unmet = tuple(one for one in self.unmet if not self._is_met(one))

    def _is_met(self, supposition: Supposition) -> bool:
        authority = self._world.authority(supposition.account_id)
        return authority is not None and is_about_something(supposition, authority)

    def _compared(self, position: int, event: events.Event) -> Verdict:
        needed = asked_of(event)
        if needed is None:
            return WITHOUT_PERMISSION
        recorded = event.code if isinstance(event, events.CallRefused) else ANSWERED
        begun_at = self._not_begun.get(event.call.by.access_key_id)
        if begun_at is not None:
            return self._without_session(position, event, needed, recorded, begun_at)
        ruling = self._ruling(event, needed)
        if isinstance(ruling, str):
            return Verdict("not_judged", reason=ruling)
        return self._judged(position, event, needed, recorded, ruling)

    def _ruling(self, event: events.Event, needed: Asked) -> Ruling | str:
        """A text is the reason why there is none."""
        caller = self._world.caller(event.call)
        if caller is None:
            by = event.call.by
            if needed.action == ASSUME_ROLE and self._world.authority(by.account_id) is None:
                return self._ruling_of_role(event, needed)
            is_unknown = by.kind == "assumed-role" and by.access_key_id not in self._world.sessions
            return SESSION_BEFORE if is_unknown else CALLER_GONE
        return ruled(self._world, event, caller.access, needed) or EXTERNAL_ID_DECIDES

    def _ruling_of_role(self, event: events.Event, needed: Asked) -> Ruling | str:
        """Of an account that nothing was fed of, it is known that it allowed what was answered, and no more."""
        ruling = role_ruled(self._world, event, needed.resources[0])
        if ruling is None:
            return EXTERNAL_ID_DECIDES
        is_known = isinstance(event, events.RoleAssumed) or not ruling.decision.is_allowed
        return ruling if is_known else OTHER_ACCOUNT_DECIDES

    def _judged(self, position: int, event: events.Event, needed: Asked, recorded: str, ruling: Ruling) -> Verdict:
        is_allowed = ruling.decision.is_allowed
        if recorded == ANSWERED and not is_allowed:
            supposed, reason = Supposed.REFUSED, ruling.decision.reason
        elif recorded in WANT_OF_PERMISSION and is_allowed:
            supposed, reason = Supposed.ALLOWED, f"{ruling.decision.reason}{self._remark(event)}"
        else:
            return SAME
        return _found(position, event, needed, recorded, supposed, reason, ruling.resource)

    def _without_session(
        self, position: int, event: events.Event, needed: Asked, recorded: str, begun_at: int
    ) -> Verdict:
        if recorded != ANSWERED:
            return SAME
        reason = f"its session would not have begun, as position {begun_at} would have been refused"
        return _found(position, event, needed, recorded, Supposed.REFUSED, reason, needed.resources[0])

    def _remark(self, event: events.Event) -> str:
        """What stands in the way of a call that is permitted."""
        key_id = key_of(event)
        key = self._world.keys.get(key_id) if key_id is not None else None
        if key is not None:
            try:
                key.permit(event.call)
            except KeyLedgerError as refusal:
                return f", though the key would still refuse it with {refusal.code}"
        if event.call.operation.value.startswith(_ATTACHING):
            return ", as far as the refusal tells, which names one resource of two"
        return ""


def _found(
    position: int,
    event: events.Event,
    needed: Asked,
    recorded: str,
    supposed: Supposed,
    reason: str,
    resource: str,
) -> Verdict:
    finding = Finding(
        position=position,
        at=event.timestamp,
        topic=event.TOPIC,
        principal=event.call.by.principal,
        action=needed.action,
        resource=resource,
        recorded=recorded,
        supposed=supposed,
        reason=reason,
    )
    return Verdict("would_be_refused" if supposed is Supposed.REFUSED else "would_be_allowed", finding)


class _SupposedWorld(World):
    def __init__(self, suppositions: tuple[Supposition, ...]) -> None:
        super().__init__()
        self._suppositions = suppositions
        # Whatever nobody can evaluate is refused at once, not when its account is met.
        for account_id in {supposition.account_id for supposition in suppositions}:
            self.opened(account_id)

    def opened(self, account_id: str) -> SupposedAuthority:
        return SupposedAuthority(account_id, (one for one in self._suppositions if one.account_id == account_id))
