"""What would have become of the period's calls, had a policy been another: differences, counted."""

from __future__ import annotations

from typing import Final, NamedTuple

from domain.audit.evidence.listing import COUNTED_MAX, OTHERS, Span
from domain.audit.evidence.period import Period
from domain.audit.scope import Scope
from domain.audit.suppositions import Supposition
from domain.audit.what_if import NEEDED_BEFORE, Finding, WhatIf
from domain.standing import Standing


class Difference(NamedTuple):
    """Of calls that are the same but for when they came."""

    supposed: str
    principal: str
    action: str
    resource: str
    recorded: str
    reason: str


_REST: Final = Difference(OTHERS, "", "", "", "", "")


class SupposedCalls:
    """:param scope: whose calls are decided again; whatever else was recorded is followed, so that everybody is known.

    :ivar differences: how often each. :ivar unmet: whether it was about nothing that was there, once it has ended.
    :raises MalformedPolicyDocument: nobody could evaluate the document.
    """

    def __init__(self, supposition: Supposition, period: Period, scope: Scope) -> None:
        self.supposition = supposition
        self.what_if = WhatIf([supposition])
        self.differences: dict[Difference, Span] = {}
        self._period = period
        self._scope = scope
        self.unmet = False
        self._is_over = False

    def add(self, standing: Standing) -> None:
        """Each event from the ledger's first one on."""
        event = standing.event
        if event.timestamp >= self._period.until:
            self.end()
        if self._period.holds(event.timestamp) and self._scope.touches(event):
            finding = self.what_if.within(standing.position, event).finding
            if finding is not None:
                self._count(finding)
        elif event.TOPIC in NEEDED_BEFORE:
            self.what_if.before(event)

    def end(self) -> None:
        """Of the period, or of the ledger where that comes first: what is made later was not there."""
        if not self._is_over:
            self._is_over = True
            self.what_if.end()
            self.unmet = bool(self.what_if.unmet)

    def _count(self, finding: Finding) -> None:
        found = Difference(
            finding.supposed.value,
            finding.principal,
            finding.action,
            finding.resource,
            finding.recorded,
            finding.reason,
        )
        if found not in self.differences and len(self.differences) >= COUNTED_MAX:
            found = _REST
        self.differences.setdefault(found, Span()).add(finding.at)
