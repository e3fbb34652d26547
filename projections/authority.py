"""Who was granted what, when, by whom and until when: the projection of RAM for people.

Here: where the rows live, a page of events at a time. The fold is :mod:`projections.authority_fold`, the table
``sql/authority.sql``. Decisions are never made on these rows but on the account's stream
(:mod:`domain.ram.authority`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from domain.events import Event
from domain.standing import Standing
from projections.authority_facts import Facts, Row, objects, subjects
from projections.authority_fold import HANDLERS, apply
from projections.copying import copy_lines, json_text, line
from projections.pages import Connection, Entry

COLUMNS: Final = Row._fields


class AuthorityRows:
    """The projection: a row for each fact, for as long as it says the same."""

    name = "authority"
    tables: tuple[str, ...] = ("authority",)
    changes_only = True

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        """Three statements, however many events: read what they are about, end what ended, copy what began."""
        # Every event is read, also what is none of ours: one that this version does not know may be about RAM.
        standing = [Standing(entry.position, entry.recorded_at, entry.event) for entry in page]
        ours = [one for one in standing if type(one.event) in HANDLERS]
        if not ours:
            return
        facts = Facts(await _standing(connection, ours))
        apply(ours, facts)
        if facts.ended:
            await connection.execute(_END, [list(column) for column in zip(*map(_ending, facts.ended), strict=True)])
        if facts.begun:
            await copy_lines(connection, "authority", COLUMNS, map(line, map(_cells, facts.begun)))


async def _standing(connection: Connection, page: Sequence[Standing]) -> list[Row]:
    cursor = await connection.execute(_STANDING, [*_named(page, subjects), *_named(page, objects)])
    return [Row(*row) for row in await cursor.fetchall()]


def _named(page: Sequence[Standing], of: Callable[[Event], Iterable[str]]) -> tuple[list[str], list[str]]:
    """Accounts and names, side by side."""
    found = {
        (event.account_id, name)  # type: ignore[attr-defined]  # every event that has a handler has it
        for _, _, event in page
        for name in of(event)
    }
    return [account_id for account_id, _ in found], [name for _, name in found]


def _ending(row: Row) -> tuple[object, ...]:
    return (
        row.since_position,
        row.kind,
        row.subject,
        row.object,
        row.until_position,
        row.until,
        row.ended_by,
        row.ended_with,
    )


def _cells(row: Row) -> Row:
    return row if row.details is None else row._replace(details=json_text(row.details))  # type: ignore[arg-type]  # COPY takes text


_STANDING: Final = f"""
    select {", ".join(f"a.{column}" for column in COLUMNS)}
    from unnest(%s::text[], %s::text[]) as w (account_id, name)
    join authority a on a.account_id = w.account_id and a.subject = w.name and a.until_position is null
    union
    select {", ".join(f"a.{column}" for column in COLUMNS)}
    from unnest(%s::text[], %s::text[]) as w (account_id, name)
    join authority a on a.account_id = w.account_id and a.object = w.name and a.until_position is null
"""  # noqa: S608  # our own columns
_END: Final = """
    update authority as a
    set until_position = e.until_position, until = e.until, ended_by = e.ended_by, ended_with = e.ended_with
    from unnest(
        %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[]
    ) as e (since_position, kind, subject, object, until_position, until, ended_by, ended_with)
    where a.since_position = e.since_position and a.kind = e.kind and a.subject = e.subject and a.object = e.object
"""
