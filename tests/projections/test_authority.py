"""Who was granted what, when and by whom: what stands at a position is what a replay up to it says, in any pages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import psycopg
import pytest
from psycopg.rows import namedtuple_row

from adapters.ledger.mapper import decode
from adapters.ledger.writer import LedgerWriter
from domain import events
from domain.events import CHANGES, EVENTS, Event
from domain.ram import attachments, groups, policies, roles, users
from domain.ram import authority as authorities
from domain.ram.authority import Authority
from domain.ram.entities import PolicyType, TargetKind
from domain.standing import Standing
from projections.authority import COLUMNS, AuthorityRows
from projections.authority_facts import Facts, Row, objects, subjects
from projections.authority_fold import HANDLERS, apply
from projections.pages import Entry
from projections.projector import PoisonEvent, catch_up
from tests.fixtures.authority_told import Said, told
from tests.fixtures.ledger import ACCOUNT, NOON, a_call
from tests.fixtures.postgres import LedgerDatabase
from tests.fixtures.ram import facts as submissions
from tests.fixtures.ram_account import DECRYPTS, ENCRYPTS, MINUTE, TRUSTS_ITSELF, Account
from tests.fixtures.ram_histories import RamLives, standing

Connection = psycopg.AsyncConnection[Any]
ROWS: Final = AuthorityRows()
ROOT: Final = f"acs:ram::{ACCOUNT}:root"


def in_order(said: Iterator[Said]) -> list[tuple[str, str, str, str]]:
    """A quota's ticket is no part of the account's state."""
    plain = []
    for kind, subject, what, details in said:
        kept = None if details is None else {name: value for name, value in details.items() if name != "ticket"}
        plain.append((kind, subject, what, json.dumps(kept, sort_keys=True)))
    return sorted(plain)


def at(rows: Sequence[Row], position: int) -> Iterator[Said]:
    for row in rows:
        if row.since_position <= position and (row.until_position is None or row.until_position > position):
            yield row.kind, row.subject, row.object, None if row.details is None else dict(row.details)


def folded(history: Sequence[Standing]) -> list[Row]:
    """All at once, of an account that nobody knew."""
    facts = Facts()
    apply(history, facts)
    assert facts.ended == []
    return facts.begun


# --- the fold --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_what_stands_at_any_position_is_what_a_replay_up_to_it_says(seed: int) -> None:
    history = RamLives(seed).go_on(250)
    rows = folded(standing(history))
    authority = Authority(ACCOUNT)
    for position, event in enumerate(history, 1):
        authority.apply(event)
        assert in_order(at(rows, position)) == in_order(told(authority)), event.TOPIC
    anew = authorities.replay(history)
    assert anew is not None
    assert in_order(at(rows, len(history))) == in_order(told(anew))


def test_random_lives_have_every_event_of_ram() -> None:
    seen = {type(event) for seed in range(20) for event in RamLives(seed).go_on(250)}
    assert seen == HANDLERS.keys()


def test_every_change_that_is_not_of_a_key_or_a_region_has_its_place_in_the_fold() -> None:
    elsewhere = ("kms.key.", "kms.region.")
    assert HANDLERS.keys() == {
        kind for kind in EVENTS if kind.TOPIC in CHANGES and not kind.TOPIC.startswith(elsewhere)
    }


@pytest.mark.parametrize("seed", range(5))
def test_what_is_read_for_an_event_is_all_that_it_moves(seed: int) -> None:
    """One event at a time, with nothing in memory but what the projection would read for it."""
    stored: dict[tuple[Any, ...], Row] = {}
    history = standing(RamLives(seed).go_on(250))
    for one in history:
        of, about = set(subjects(one.event)), set(objects(one.event))
        read = [row for row in stored.values() if row.until is None and (row.subject in of or row.object in about)]
        facts = Facts(read)
        apply([one], facts)
        stored |= {(row.since_position, *row.fact): row for row in (*facts.ended, *facts.begun)}
    assert sorted(stored) == sorted((row.since_position, *row.fact) for row in folded(history))
    assert sorted(map(repr, stored.values())) == sorted(map(repr, folded(history)))


@pytest.mark.parametrize("seed", range(5))
def test_validity_has_no_gap_and_no_overlap_and_names_who_did_it(seed: int) -> None:
    history = RamLives(seed).go_on(250)
    for row in folded(standing(history)):
        assert row.granted_position <= row.since_position
        assert row.began_with == history[row.since_position - 1].call.operation
        assert row.granted_by == history[row.granted_position - 1].call.by.principal
        if row.until_position is not None:
            assert row.since_position < row.until_position
            assert row.ended_by == history[row.until_position - 1].call.by.principal
            assert row.until == NOON + row.until_position * MINUTE


# --- what people ask -------------------------------------------------------------------------------------------------


class Asked(Account):
    """An account, and its rows."""

    def rows(self, kind: str) -> list[Row]:
        return [row for row in folded(standing(self.history)) if row.kind == kind]


def test_a_renamed_user_keeps_what_it_was_granted_and_who_granted_it() -> None:
    account = Asked()
    account.has_user("alice", access_keys=["LTAI1"])
    account.has_policy("Encrypts")
    account.attaches("Encrypts", "user", "alice")
    granted = len(account.history)
    account.does(users.update_user, "alice", new_user_name="anna")
    old, new = account.rows("attachment")
    assert (old.subject, old.until_position, old.ended_by) == ("user/alice", granted + 1, ROOT)
    assert (new.subject, new.since_position, new.granted_position) == ("user/anna", granted + 1, granted)
    assert (new.object, new.until) == ("Custom/Encrypts", None)
    assert [row.subject for row in account.rows("access-key") if row.until is None] == ["root", "user/anna"]


def test_a_renamed_group_keeps_its_members() -> None:
    account = Asked()
    account.has_user("alice")
    account.has_group("dev", "alice")
    joined = len(account.history)
    account.does(groups.update_group, "dev", new_group_name="ops")
    assert [(row.object, row.granted_position, row.until is None) for row in account.rows("membership")] == [
        ("group/dev", joined, False),
        ("group/ops", joined, True),
    ]


def test_another_status_of_an_access_key_is_another_fact_and_the_same_one_is_none() -> None:
    account = Asked()
    account.has_user("alice", access_keys=["LTAI1"])
    for status in ("Inactive", "Inactive", "Active"):
        account.does(users.update_access_key, "alice", "LTAI1", status)
    account.does(users.delete_access_key, "alice", "LTAI1")
    assert [
        (row.details and row.details["status"], row.since_position, row.until_position)
        for row in account.rows("access-key")
        if row.object == "LTAI1"
    ] == [("Active", 4, 5), ("Inactive", 5, 7), ("Active", 7, 8)]


def test_one_version_of_a_policy_is_in_force_and_who_put_it_there_is_told() -> None:
    account = Asked()
    account.has_policy("Encrypts")
    account.does(policies.create_policy_version, "Encrypts", DECRYPTS)
    account.does(policies.set_default_policy_version, "Encrypts", "v2")
    account.does(policies.delete_policy, "Encrypts", cascading_delete=True)
    rows = [
        (row.object, row.details and row.details["in_force"], row.began_with, row.until_position)
        for row in account.rows("policy-version")
    ]
    assert rows == [
        ("Custom/Encrypts/v1", True, account.history[2].call.operation, 5),
        ("Custom/Encrypts/v2", False, account.history[3].call.operation, 5),
        ("Custom/Encrypts/v1", False, account.history[4].call.operation, 6),
        ("Custom/Encrypts/v2", True, account.history[4].call.operation, 6),
    ]
    (policy,) = account.rows("policy")
    assert policy.until_position == 6


def test_a_trust_policy_of_the_same_text_is_the_same_trust() -> None:
    account = Asked()
    account.has_role("signer")
    account.does(roles.update_role, "signer", new_trust_policy=TRUSTS_ITSELF, new_description="signs")
    (trust,) = account.rows("trust")
    assert (trust.since_position, trust.until) == (3, None)
    assert [row.details and row.details["description"] for row in account.rows("role")] == ["", "signs"]


def test_what_hangs_on_what_is_deleted_ends_with_it() -> None:
    """RAM's commands leave nothing; a ledger that did would leave no row of nobody."""
    account = Asked()
    account.has_user("alice", access_keys=["LTAI1"])
    account.has_group("dev", "alice")
    history = standing(account.history)
    gone = events.UserDeleted(**account.authority.next(a_call()), user_name="alice", user_id="x")
    rows = folded([*history, Standing(len(history) + 1, NOON, gone)])
    assert [row.subject for row in rows if row.until is None and row.subject.startswith("user/")] == []


@pytest.mark.parametrize(
    "command",
    [
        (users.delete_user, "alice"),
        (groups.remove_user_from_group, "alice", "dev"),
        (attachments.detach_policy, PolicyType.CUSTOM, "Encrypts", TargetKind.USER, "alice"),
        (policies.set_default_policy_version, "Encrypts", "v1"),
        (roles.update_role, "signer"),
    ],
    ids=lambda command: command[0].__name__,
)
def test_an_event_about_what_does_not_stand_says_that_the_ledger_is_corrupt(command: tuple[Any, ...]) -> None:
    account = Account()
    account.has_user("alice")
    if command[0] is not users.delete_user:
        account.has_group("dev", "alice")
        account.has_policy("Encrypts")
        account.attaches("Encrypts", "user", "alice")
    account.has_role("signer")
    event = account.does(*command)
    with pytest.raises(KeyError):
        apply([Standing(9, NOON, event)], Facts())


# --- the table -------------------------------------------------------------------------------------------------------


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
    plain = [(*row[:6], *row[7:10], row[11], *row[13:]) for row in folded(standing(history))]
    assert [(*row[:6], *row[7:10], row[11], *row[13:]) for row in followed] == plain
    for size in (1, 50, 1_000):
        await rebuild(connection, size)
        assert await rows(connection) == followed


class DiesOnPage(AuthorityRows):
    """The process dies after it has stored a page's rows, before the position is committed with them."""

    def __init__(self, page: int) -> None:
        self._left = page

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        await super().store(connection, page)
        self._left -= 1
        if not self._left:
            connection.pgconn.finish()


async def test_a_crash_between_pages_leaves_no_fact_out_and_makes_none_twice(
    writer: LedgerWriter, connection: Connection, ledger_database: LedgerDatabase
) -> None:
    await recorded(writer, RamLives(5).go_on(150))
    for page in (1, 2, 3):
        dying = await psycopg.AsyncConnection.connect(ledger_database.service_url, autocommit=True)
        with pytest.raises(psycopg.OperationalError):
            await catch_up(dying, DiesOnPage(page), decode, size=5)
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
