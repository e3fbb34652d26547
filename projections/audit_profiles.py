"""What many events have in common: who asked, with what, for which operation, and how it ended.

A caller that works does the same thing again and again, so such combinations are few beside the events. Each is a row
of ``audit_profiles``, and a row of the trail names its own by one short id. A question about any of these columns,
alone or together, is put to the few first: that nothing is both of two things is known at once then, and what rarely
happened is found behind one index, which costs a use less than an entry for each column would.

Here: the fold, and where its rows go. Not here: conditions in SQL (:mod:`projections.audit_where`). The table is in
``projections/sql/audit_trail.sql``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import UUID

import orjson

from projections.copying import storable
from projections.pages import Connection

COLUMNS: Final = (
    "account_id", "other_account_id", "topic", "operation", "outcome", "error_code", "principal", "principal_kind",
    "principal_id", "user_name", "access_key_id", "assumed_by", "region_id", "user_agent", "secure_transport",
)  # fmt: skip
"""Of the trail, in the order of a :data:`Profile`."""

Profile = tuple[str | bool | None, ...]
"""The values of :data:`COLUMNS`."""

KNOWN_MAX: Final = 65_536
"""Profiles that are remembered; some megabytes."""


@lru_cache(maxsize=KNOWN_MAX)
def profile_id(profile: Profile) -> str:
    """The first half of the SHA-256 of its JSON, as a UUID: of nothing but the profile, so that a rebuild makes the
    same one. Callers choose parts of it, and whoever made two that are alike would hide one behind the other: with 128
    bits that takes 2^64 attempts.
    """
    return str(UUID(bytes=sha256(orjson.dumps(profile)).digest()[:16]))


class Profiles:
    """Puts profiles into their table, those that it is known to have not again.

    What a transaction wrote is there when it was committed, and that is known when the next page follows it on the
    same connection: its position was committed with it. After anything else nothing is known.
    """

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._stored: set[str] = set()
        self._connection: Connection | None = None
        self._next = 0

    async def store(self, connection: Connection, first: int, last: int, found: Mapping[str, Profile]) -> None:
        """Inside the caller's transaction.

        :param first: position with which the page begins. :param last: with which it ends. :param found: by id.
        """
        self._settle(follows=connection is self._connection and first == self._next)
        new = [(name, profile) for name, profile in found.items() if name not in self._known]
        if new:
            columns = zip(*((name, *map(_storable, profile)) for name, profile in new), strict=True)
            await connection.execute(_INSERT, [list(column) for column in columns])
        self._stored = {name for name, _ in new}
        self._connection, self._next = connection, last + 1

    def _settle(self, *, follows: bool) -> None:
        if follows and len(self._known) + len(self._stored) <= KNOWN_MAX:
            self._known |= self._stored
        else:
            self._known.clear()
        self._stored = set()


def _storable(value: str | bool | None) -> str | bool | None:
    return storable(value) if isinstance(value, str) else value


_TYPES: Final = ("uuid", *("boolean" if column == "secure_transport" else "text" for column in COLUMNS))
_INSERT: Final = (
    f"insert into audit_profiles (profile, {', '.join(COLUMNS)})"  # noqa: S608  # our own columns
    f" select * from unnest({', '.join(f'%s::{kind}[]' for kind in _TYPES)}) on conflict do nothing"
).encode()
