"""Calls that are decided as another one was: a ledger's uses are few different ones, many times each.

Who asked, with which access key, for what and on what decides a call, as long as the account does not change and the
key is there; so a change of the account forgets everything here, and the end of a key what was asked of it. The state
of a key decides nothing, but is remarked on where a call would have been allowed: that is not remembered. Sessions end
with time, and conditions may ask for a call's own time or address: such calls are decided one by one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from domain import events
from domain.audit.suppositions import Supposition
from domain.audit.what_if import Supposed, Verdict, WhatIf
from domain.circumstances import OF_ONE_CALL
from domain.events import CHANGES, Event
from domain.history.asked import key_of
from domain.vocabulary import Operation

REMEMBERED_MAX: Final = 100_000
"""Verdicts: some 50 MB."""

_TOPICS: Final = frozenset(event.TOPIC for event in events.CALLS)
_KINDS: Final = frozenset(("ram-user", "root-account"))


class Facts(NamedTuple):
    """What decides a recorded call besides the account and the key, as the audit trail's columns say it.

    :param key_id: as text; None where the call was about no key.
    """

    topic: str
    operation: str
    error_code: str | None
    principal_kind: str
    principal: str
    principal_id: str
    access_key_id: str
    region_id: str
    resource: str | None
    key_id: str | None


class Recurring:
    """:class:`~domain.audit.what_if.WhatIf` for events that are costly to read.

    :raises MalformedPolicyDocument: nobody could evaluate one of the documents.
    """

    def __init__(self, suppositions: Iterable[Supposition]) -> None:
        supposed = tuple(suppositions)
        self.what_if = WhatIf(supposed)
        self._known: dict[str | None, dict[Facts, Verdict]] = {}
        self._remembered = 0
        documents = [getattr(supposition, "document", None) for supposition in supposed]
        self._one_by_one = any(document is not None and _asks_for_a_call(document) for document in documents)

    def before(self, event: Event) -> None:
        """See :meth:`WhatIf.before`."""
        self._heed(event)
        self.what_if.before(event)

    def within(self, position: int, facts: Facts, event: Callable[[], Event]) -> Verdict:
        """See :meth:`WhatIf.within`. :param event: reads it; called only where it has to be known."""
        of_key = self._known.get(facts.key_id)
        remembered = of_key.get(facts) if of_key is not None else None
        if remembered is None:
            return self._decided(position, facts, event())
        self.what_if.totals.add(remembered)
        if remembered.finding is None:
            return remembered
        return remembered._replace(finding=replace(remembered.finding, position=position, at=event().timestamp))

    def _decided(self, position: int, facts: Facts, event: Event) -> Verdict:
        self._heed(event)
        verdict = self.what_if.within(position, event)
        if not self._one_by_one and _may_recur(facts) and not _is_allowed_now(verdict):
            self._remember(facts, verdict)
        return verdict

    def _remember(self, facts: Facts, verdict: Verdict) -> None:
        if self._remembered >= REMEMBERED_MAX:
            self._forget_all()
        self._known.setdefault(facts.key_id, {})[facts] = verdict
        self._remembered += 1

    def _heed(self, event: Event) -> None:
        """What ``event`` changes is not remembered any more."""
        if event.TOPIC not in CHANGES or isinstance(event, _DECIDING_NOTHING):
            return
        key_id = key_of(event)
        if key_id is not None:
            self._remembered -= len(self._known.pop(str(key_id), ()))
            return
        self._forget_all()
        if isinstance(event, events.PolicyCreated | events.PolicyVersionCreated):
            self._one_by_one |= _asks_for_a_call(event.document)

    def _forget_all(self) -> None:
        self._known.clear()
        self._remembered = 0


_DECIDING_NOTHING: Final = (
    events.KeyEnabled,
    events.KeyDisabled,
    events.KeyDescriptionUpdated,
    events.KeyDeletionScheduled,
    events.KeyDeletionCancelled,
)
"""Changes after which every remembered call is decided as before."""


def _is_allowed_now(verdict: Verdict) -> bool:
    return verdict.finding is not None and verdict.finding.supposed is Supposed.ALLOWED


def _may_recur(facts: Facts) -> bool:
    return facts.topic in _TOPICS and facts.principal_kind in _KINDS and facts.operation != Operation.ASSUME_ROLE.value


def _asks_for_a_call(document: str) -> bool:
    """Whether a policy names a fact that may differ from one call to the next, however it spells it."""
    text = json.dumps(json.loads(document), ensure_ascii=False).lower()
    return any(name.lower() in text for name in OF_ONE_CALL)
