"""Who acted under whose roles in the period: sessions that began, and what was done in them."""

from __future__ import annotations

from domain import events
from domain.audit.evidence.listing import Span
from domain.audit.facts import OUTCOMES, Outcome
from domain.events import Event
from domain.principals import without_session


class Sessions(Span):
    """Of one role, assumed by one principal. :ivar narrowed: how many had a policy of their own.
    :ivar requests: in them, by outcome. :ivar keys: that were used."""

    def __init__(self) -> None:
        super().__init__()
        self.narrowed = 0
        self.requests: dict[Outcome, int] = {}
        self.keys: set[object] = set()


class Delegation:
    """:ivar sessions: the role's ARN and that of who assumed it -> their sessions."""

    def __init__(self) -> None:
        self.sessions: dict[tuple[str, str], Sessions] = {}

    def assumed(self, event: events.RoleAssumed) -> None:
        sessions = self._of(event.role_arn, event.call.by.principal)
        sessions.add(event.timestamp)
        sessions.narrowed += bool(event.session_policy)

    def acted(self, event: Event) -> None:
        """In a session."""
        by = event.call.by
        sessions = self._of(without_session(by.principal), by.assumed_by)
        outcome = OUTCOMES[type(event)]
        sessions.requests[outcome] = sessions.requests.get(outcome, 0) + 1
        if isinstance(event, events.KeyUsed):
            sessions.keys.add(event.key_id)

    def _of(self, role_arn: str, assumed_by: str) -> Sessions:
        who = (role_arn, without_session(assumed_by))
        sessions = self.sessions.get(who)
        if sessions is None:
            sessions = self.sessions[who] = Sessions()
        return sessions
