"""Who used which key, from where, with which client and in which encryption context; and with which credentials.

Sources, clients and contexts are chosen by callers: of each pair of key and principal, and of each access key, only the
first few different ones are told apart, and the others are counted together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from domain import events
from domain.audit.evidence.listing import COUNTED_MAX, OTHERS, Span, acting
from domain.audit.evidence.lives import USING
from domain.audit.facts import OUTCOMES, Outcome
from domain.events import Event

DIFFERENT_MAX: Final = 20
"""That are told apart."""

CHARACTERS_MAX: Final = 160
"""Of each of them: more is not shown, and what is cut may be the same as another."""

Context = tuple[tuple[str, str], ...]
"""An encryption context, by name."""


class Several:
    """:ivar counts: of the first :data:`DIFFERENT_MAX` different ones. :ivar others: how often any other came."""

    __slots__ = ("counts", "others")

    def __init__(self) -> None:
        self.counts: dict[str | Context, int] = {}
        self.others = 0

    def add(self, one: str | Context) -> None:
        if one in self.counts or len(self.counts) < DIFFERENT_MAX:
            self.counts[one] = self.counts.get(one, 0) + 1
        else:
            self.others += 1


class Ways(Span):
    """Of one principal with one key: uses that were answered, and that were refused. ``count`` is of both."""

    __slots__ = ("clients", "contexts", "refused", "sources", "used")

    def __init__(self) -> None:
        super().__init__()
        self.used = 0
        self.refused = 0
        self.sources = Several()
        self.clients = Several()
        self.contexts = Several()

    def take(self, event: events.KeyUsed | events.CallRefused) -> None:
        self.add(event.timestamp)
        if isinstance(event, events.KeyUsed):
            self.used += 1
        else:
            self.refused += 1
        self.sources.add(event.call.source_ip)
        self.clients.add(event.call.user_agent[:CHARACTERS_MAX])
        if event.encryption_context:
            self.contexts.add(_context(event.encryption_context))


def _is_use(event: Event) -> bool:
    return event.call.operation in USING


def _context(given: Mapping[str, str]) -> Context:
    pairs = sorted(given.items())
    if sum(len(name) + len(value) for name, value in pairs) <= CHARACTERS_MAX:
        return tuple(pairs)
    kept: list[tuple[str, str]] = []
    left = CHARACTERS_MAX
    for name, value in pairs:
        if left <= 0:
            break
        kept.append((name[:left], value[: max(0, left - len(name))]))
        left -= len(name) + len(value)
    return tuple(kept)


class Credential(Span):
    """Of one access key, or of a session by its name. :ivar outcomes: how often each."""

    __slots__ = ("outcomes", "sources")

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[Outcome, int] = {}
        self.sources = Several()


class WaysOfUse:
    """:ivar of_keys: key and ARN of the principal (of a role, in all its sessions) -> how it used that key.
    :ivar of_credentials: ARN and access-key id -> what was done with it; sessions, whose access keys live for hours,
    are told apart by their names, and have none.
    """

    def __init__(self) -> None:
        self.of_keys: dict[tuple[UUID, str], Ways] = {}
        self.of_credentials: dict[tuple[str, str], Credential] = {}

    def add(self, event: Event, key_id: UUID | None) -> None:
        """Whoever failed to be somebody, and the deployment itself, have no part here.

        :param key_id: of the key that the event is about, where there is one.
        """
        by = event.call.by
        if by.kind == "system" or isinstance(event, events.AuthenticationFailed):
            return
        self._credential(by.principal, "" if by.kind == "assumed-role" else by.access_key_id, event)
        if key_id is not None and isinstance(event, events.KeyUsed | events.CallRefused) and _is_use(event):
            pair = (key_id, acting(event))
            ways = self.of_keys.get(pair)
            if ways is None:
                ways = self.of_keys[pair] = Ways()
            ways.take(event)

    def _credential(self, principal: str, access_key_id: str, event: Event) -> None:
        """Who assumes a role chooses the session's name: beyond so many, further ones are one."""
        whose = (principal, access_key_id)
        found = self.of_credentials.get(whose)
        if found is None:
            name = whose if len(self.of_credentials) < COUNTED_MAX else (OTHERS, "")
            found = self.of_credentials.setdefault(name, Credential())
        outcome = OUTCOMES[type(event)]
        found.add(event.timestamp)
        found.outcomes[outcome] = found.outcomes.get(outcome, 0) + 1
        found.sources.add(event.call.source_ip)
