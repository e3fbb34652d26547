"""Who read the audit trail in the period: by which operation, how often, and who was not allowed to."""

from __future__ import annotations

from typing import Final

from domain import events
from domain.audit.evidence.listing import Span, acting

_TRAILS: Final = ("acs:audit:", "acs:actiontrail:")
"""How the ARN of whatever these operations need permission on begins."""


class Readings(Span):
    """Of one principal by one operation. :ivar refused: how many of them."""

    __slots__ = ("refused",)

    def __init__(self) -> None:
        super().__init__()
        self.refused = 0


class Readers:
    """:ivar readings: ARN of the principal and name of the operation -> what was asked."""

    def __init__(self) -> None:
        self.readings: dict[tuple[str, str], Readings] = {}

    def asked(self, event: events.CallAnswered | events.CallRefused) -> None:
        """Any call; those about something else are none of this."""
        if not event.resource.startswith(_TRAILS):
            return
        who = (acting(event), event.call.operation.value)
        readings = self.readings.get(who)
        if readings is None:
            readings = self.readings[who] = Readings()
        readings.add(event.timestamp)
        readings.refused += isinstance(event, events.CallRefused)
