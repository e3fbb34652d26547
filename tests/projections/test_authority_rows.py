"""The table of who was granted what: the rows of the fold, in any pages, whatever dies in between."""

from __future__ import annotations

from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from adapters.ledger.mapper import decode
from adapters.ledger.writer import LedgerWriter
from domain import events
from domain.events import Event
from domain.ram import users
from projections.authority import COLUMNS, AuthorityRows
from projections.authority_facts import Facts
from projections.authority_fold import apply
from projections.projector import PoisonEvent, catch_up
from tests.fixtures.dying import DiesOnPage
from tests.fixtures.ledger import a_call
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import facts as submissions
from tests.fixtures.ram_account import ENCRYPTS, Account
from tests.fixtures.ram_histories import RamLives, standing

Connection = psycopg.AsyncConnection[Any]
ROWS: Final = AuthorityRows()


async def rows(connection: Connection) -> list[Any]:
    cursor = connection.cursor(row_factory=namedtuple_row)
    names = ", ".join(COLUMNS)
    await cursor.execute(
        f"select {names} from projections.authority order by since_position, kind, subject, object".encode()
    )
    return await cursor.fetchall()


async def rebuild(connection: Connection, size: int) -> None:
    await connection.execute("truncate projections.authority")
    await connection.execute("delete from projections.tracking where application_name = %s", (ROWS.name,))
    await catch_up(connection, ROWS, decode, size)


async def recorded(writer: LedgerWriter, history: list[Event]) -> None:
    for submission in submissions(history):
        await writer.append(submission)


@pytest.mark.parametrize("seed", range(3))
async def test_rows_are_those_of_the_fold_in_any_pages(writer: LedgerWriter, connection: Connection, seed: int) -> None:
    history = RamLives(seed).go_on(200)
    await recorded(writer, history)
    await catch_up(connection, ROWS, decode, 7)
    followed = await rows(connection)
    told = Facts()
    apply(standing(history), told)
    plain = [(*row[:6], *row[7:10], row[11], *row[13:]) for row in told.begun]
    assert [(*row[:6], *row[7:10], row[11], *row[13:]) for row in followed] == plain
    for size in (1, 50, 1_000):
        await rebuild(connection, size)
        assert await rows(connection) == followed


async def test_a_crash_between_pages_leaves_no_fact_out_and_makes_none_twice(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await recorded(writer, RamLives(5).go_on(150))
    for page in (1, 2, 3):
        dying = await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True)
        with pytest.raises(psycopg.OperationalError):
            await catch_up(dying, DiesOnPage(ROWS, page), decode, size=5)
        await dying.close()
    await catch_up(connection, ROWS, decode)
    followed = await rows(connection)
    await rebuild(connection, 1_000)
    assert await rows(connection) == followed


async def test_an_event_that_contradicts_what_stands_stops_the_projection_there(
    writer: LedgerWriter, connection: Connection
) -> None:
    account = Account()
    account.has_user("alice")
    stray = events.GroupDeleted(**account.authority.next(a_call()), group_name="x", group_id="x")
    await recorded(writer, [*account.history, stray])
    with pytest.raises(PoisonEvent) as poison:
        await catch_up(connection, ROWS, decode)
    assert poison.value.position == 4


async def test_texts_that_people_choose_stop_nothing(writer: LedgerWriter, connection: Connection) -> None:
    account = Account()
    account.does(users.create_user, "alice", comments="a\tb\nc\\N\x01\u202e")
    account.has_policy("Encrypts", ENCRYPTS)
    await recorded(writer, account.history)
    await catch_up(connection, ROWS, decode)
    (user,) = [row for row in await rows(connection) if row.kind == "user"]
    assert user.details["comments"] == "a\tb\nc\\N\x01\u202e"
