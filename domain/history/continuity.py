"""Whether each event follows what stands before it in its stream: no version is missing, and every fold takes it.

Here: accounts and keys as they become, event by event, for whoever reads a ledger from its beginning; from elsewhere,
versions alone, since a fold needs its beginning. Not here: positions, times and bytes
(:mod:`adapters.ledger.pages`), and whether what was decided was right (:mod:`domain.history.judge`).
"""

from __future__ import annotations

from typing import Final
from uuid import UUID

from domain import events
from domain.history.world import World

_OF_ONE_CALL: Final = frozenset(events.OF_ONE_CALL)


class Continuity:
    """Grows with accounts, regions and keys; not with what they are used for, and not with sessions.

    :ivar world: of accounts and keys, sessions left out; nothing where the beginning is not known.
    """

    def __init__(self, *, from_beginning: bool) -> None:
        self.world = World()
        self._from_beginning = from_beginning
        self._versions: dict[UUID, int] = {}

    def follow(self, event: events.Event) -> None:
        """The next event.

        :raises ValueError: it does not follow: the ledger is damaged.
        """
        stream, version = event.originator_id, event.originator_version
        before = self._versions.get(stream)
        if type(event) in _OF_ONE_CALL:
            if version != 1 or before is not None:
                raise ValueError(f"{event.TOPIC} at version {version} of stream {stream} does not stand alone in it")
            return
        if version != (0 if before is None else before) + 1 and (before is not None or self._from_beginning):
            raise ValueError(
                f"{event.TOPIC} at version {version} of stream {stream} does not follow version {before or 0}"
            )
        self._versions[stream] = version
        if self._from_beginning:
            self.world.apply(event)
