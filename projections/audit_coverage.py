"""How far each projection has come, whether anything is left for it, and which of them an event has stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from projections.accounts import AccountRows
from projections.audit_questions import Place
from projections.audit_trail import AuditTrailRows
from projections.authority import AuthorityRows
from projections.key_directory import KeyDirectoryRows
from projections.pages import CHANGES, Connection
from projections.usage import UsageRows

_ALL: Final = (AccountRows, AuditTrailRows, AuthorityRows, KeyDirectoryRows, UsageRows)


@dataclass(frozen=True, slots=True)
class Covered:
    """:param place: the last event that it has taken. :param complete: it lacks none that concerns it: one that follows
    changes has nothing to take from uses, reads and refusals. :param stopped_at: the position that it cannot take.
    """

    name: str
    place: Place
    complete: bool
    stopped_at: int | None


async def coverage(connection: Connection) -> list[Covered]:
    """Every projection, by name. In a :func:`~projections.audit_questions.snapshot`."""
    names, changes_only = [one.name for one in _ALL], [one.changes_only for one in _ALL]
    cursor = await connection.execute(_COVERAGE.encode(), (names, changes_only))
    return [
        Covered(name, Place(position, recorded_at), complete, stopped_at)
        for name, position, recorded_at, complete, stopped_at in await cursor.fetchall()
    ]


_COVERAGE: Final = f"""
select name, coalesce(t.notification_id, 0), e.recorded_at,
    coalesce(t.notification_id, 0) >= h.next_position - 1 or changes_only and not exists (
        select from ledger.events where {CHANGES}position > coalesce(t.notification_id, 0)),
    s.position
from unnest(%s::text[], %s::boolean[]) p (name, changes_only)
cross join ledger.ledger_head h
left join projections.tracking t on t.application_name = name
left join projections.stopped s on s.application_name = name
left join ledger.events e on e.position = t.notification_id
order by name
"""  # noqa: S608  # our own condition
