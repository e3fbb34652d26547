"""An event where it stands: with its position in the ledger and the time at which it was recorded.

Both are the ledger's, given in commit order: later positions never have earlier times, whatever the clocks of the
machines that decided the events.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from domain.events import Event


class Standing(NamedTuple):
    position: int
    recorded_at: datetime
    event: Event
