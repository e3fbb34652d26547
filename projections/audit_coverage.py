"""How far each projection has come, and which of them an event has stopped."""

from __future__ import annotations

from dataclasses import dataclass

from projections.audit_questions import Place
from projections.pages import Connection


@dataclass(frozen=True, slots=True)
class Covered:
    """:param place: the last event that it has taken. :param stopped_at: the position that it cannot take."""

    name: str
    place: Place
    stopped_at: int | None


async def coverage(connection: Connection) -> list[Covered]:
    """Every projection that has taken or refused an event, by name. In a :func:`~projections.audit_questions.snapshot`.

    One that follows changes alone stands at the last change: there is nothing for it beyond.
    """
    cursor = await connection.execute(_COVERAGE)
    return [
        Covered(name, Place(position, recorded_at), stopped_at)
        for name, position, recorded_at, stopped_at in await cursor.fetchall()
    ]


_COVERAGE = """
select application_name, coalesce(t.notification_id, 0), e.recorded_at, s.position
from projections.tracking t full join projections.stopped s using (application_name)
left join ledger.events e on e.position = t.notification_id
order by application_name
"""
