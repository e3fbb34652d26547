"""The operator's lists: accounts, their users and their quotas, the same rows however they came to be."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from adapters.ledger.mapper import decode
from adapters.ledger.reader import LedgerReader
from adapters.ledger.writer import LedgerWriter
from adapters.operator import Operator
from domain import events
from domain.account import account_stream
from domain.events import Event
from domain.ports import Submission
from projections.accounts import AccountRows, Accounts, Grant, ListedAccount
from projections.projector import catch_up
from tests.fixtures.ledger import ACCOUNT, NOON, a_call, a_caller, a_destruction, a_new_key, a_scheduling, after
from tests.fixtures.operators import some_credentials
from tests.fixtures.ports import InMemoryHsm
from tests.fixtures.postgres import LedgerDatabase

Connection = psycopg.AsyncConnection[Any]
ROWS = AccountRows()
HERE, THERE = ACCOUNT, "2000000000000002"


@pytest.fixture
async def reader(ledger_database: LedgerDatabase) -> AsyncIterator[LedgerReader]:
    made = LedgerReader(ledger_database.service_url)
    await made.start()
    yield made
    await made.close()


@pytest.fixture
def operator(writer: LedgerWriter, reader: LedgerReader) -> Operator:
    return Operator(writer, reader, "anne", lambda: NOON)


def a_user(account_id: str, version: int, name: str, *, deleted: bool = False) -> Submission:
    call = a_call(by=a_caller(account_id))
    place = {"originator_id": account_stream(account_id), "originator_version": version, "timestamp": NOON}
    who: dict[str, Any] = {**place, "call": call, "account_id": account_id, "user_name": name, "user_id": f"id-{name}"}
    about: dict[str, Any] = dict.fromkeys(("display_name", "comments", "email", "mobile_phone"), "")
    event: Event = events.UserDeleted(**who) if deleted else events.UserCreated(**who, **about)
    return Submission(events=(event,), claim=call.stream)


async def test_accounts_are_listed_with_who_made_them_and_how_many_users_they_have(
    writer: LedgerWriter, reader: LedgerReader, operator: Operator
) -> None:
    for account_id in (HERE, THERE):
        await operator.create_account(some_credentials(account_id), InMemoryHsm([]))
    for submission in (
        a_user(HERE, 3, "one"),
        a_user(HERE, 4, "two"),
        a_user(HERE, 5, "one", deleted=True),
    ):
        await writer.append(submission)
    listed = await Accounts(reader.connection, decode).listed()
    assert listed == [ListedAccount(HERE, NOON, "anne", 1), ListedAccount(THERE, NOON, "anne", 0)]


async def test_grants_tell_the_last_one_of_each_region(
    reader: LedgerReader, operator: Operator, connection: Connection
) -> None:
    await operator.create_account(some_credentials(HERE), InMemoryHsm([]))
    accounts = Accounts(reader.connection, decode)
    assert await accounts.grants() == {}
    for region_id, quota in (("cn-hangzhou", 300), ("", 250), ("cn-hangzhou", 500)):
        await operator.raise_quota(HERE, region_id, quota, f"T-{quota}", ordinary=200, lower=False)
    expected = {HERE: [Grant("", 250, "T-250", NOON, "anne"), Grant("cn-hangzhou", 500, "T-500", NOON, "anne")]}
    assert await accounts.grants() == expected
    await connection.execute("truncate projections.accounts, projections.quotas")
    await connection.execute("delete from projections.tracking where application_name = %s", (ROWS.name,))
    await catch_up(connection, ROWS, decode)
    assert await accounts.grants() == expected


async def test_keys_are_those_that_the_quota_is_held_against(writer: LedgerWriter, reader: LedgerReader) -> None:
    kept, gone = a_new_key(account_id=HERE), a_new_key(account_id=HERE)
    elsewhere = a_new_key(account_id=HERE, region_id="eu-central-1")
    scheduling = a_scheduling(gone.key)
    destruction = a_destruction(after(gone.key, scheduling))
    for submission in (kept.submission, gone.submission, elsewhere.submission, scheduling, destruction):
        await writer.append(submission)
    accounts = Accounts(reader.connection, decode)
    found = await accounts.keys((HERE, THERE), ("cn-hangzhou", "eu-central-1", "me-east-1"))
    assert found == {(HERE, "cn-hangzhou"): 1, (HERE, "eu-central-1"): 1}
