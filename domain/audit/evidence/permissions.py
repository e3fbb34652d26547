"""Permissions that were used in the period, and by whom: what unused ones are found by (:mod:`domain.audit.unused`)."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import Final

from domain import events
from domain.audit.evidence.listing import Span
from domain.audit.unused import Recorded
from domain.audit.uses import Use, whose
from domain.events import Event
from domain.history.asked import asked_of

_REFUSED: Final = (events.CallRefused, events.AuthenticationFailed)


class Permissions:
    """Grows with who used what on which resource; sessions of a role are the role."""

    def __init__(self) -> None:
        self._uses: dict[str, dict[tuple[str, str], Span]] = {}
        self._of_keys: dict[Hashable, list[Span]] = {}
        self._access_keys: set[str] = set()
        self._callers: set[str] = set()
        self._assumed: set[str] = set()

    def add(self, event: Event) -> None:
        by = event.call.by
        if by.kind == "system":
            return
        who = whose(by)
        self._callers.add(who)
        if by.kind != "assumed-role":
            self._access_keys.add(by.access_key_id)
        if isinstance(event, events.KeyUsed):
            # Most of what a ledger holds: who, what and on which key say all that the question was.
            asked = (who, event.call.operation, event.key_id)
            spans = self._of_keys.get(asked)
            if spans is None:
                spans = self._of_keys[asked] = self._spans(who, event)
        elif isinstance(event, _REFUSED):
            return
        else:
            spans = self._spans(who, event)
        for span in spans:
            span.add(event.timestamp)
        if isinstance(event, events.RoleAssumed):
            self._assumed.add(event.role_id)

    def _spans(self, who: str, event: Event) -> list[Span]:
        asked = asked_of(event)
        if asked is None:
            return []
        mine = self._uses.setdefault(who, {})
        return [mine.setdefault((asked.action, resource), Span()) for resource in asked.resources]

    def recorded(self, since: datetime) -> Recorded:
        return Recorded(
            since=since,
            uses={
                who: [Use(*what, span.count, span.first_at, span.last_at) for what, span in made.items()]
                for who, made in self._uses.items()
            },
            access_keys=frozenset(self._access_keys),
            callers=frozenset(self._callers),
            assumed=frozenset(self._assumed),
        )
