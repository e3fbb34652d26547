"""Which accounts there are, and which quotas they were granted: lists for operators. What an account may do is decided
on its stream, never on these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain import events
from domain.account import cmk_tally
from projections.pages import Entry
from projections.projector import Connection, Decode, catch_up


class AccountRows:
    """The projection: a row per account, and one per quota that is in force."""

    name = "accounts"
    tables: tuple[str, ...] = ("accounts", "quotas")
    changes_only = True

    async def store(self, connection: Connection, page: Sequence[Entry]) -> None:
        for entry in page:
            match event := entry.event:
                case events.AccountCreated():
                    await connection.execute(
                        "insert into accounts (account_id, created_at, created_by) values (%s, %s, %s)",
                        (event.account_id, event.timestamp, event.call.by.user_name),
                    )
                case events.UserCreated():
                    await connection.execute(_COUNT_USERS, (1, event.account_id))
                case events.UserDeleted():
                    await connection.execute(_COUNT_USERS, (-1, event.account_id))
                case events.QuotaRaised():
                    await connection.execute(_GRANT, (*_granted(event), event.call.by.user_name))
                case _:
                    pass  # everything else that stands in an account's stream, or in a key's


_COUNT_USERS: Final = "update accounts set users = users + %s where account_id = %s"
_GRANT: Final = """
    insert into quotas (account_id, region_id, quota, ticket, raised_at, raised_by)
    values (%s, %s, %s, %s, %s, %s)
    on conflict (account_id, region_id) do update set
        quota = excluded.quota, ticket = excluded.ticket, raised_at = excluded.raised_at, raised_by = excluded.raised_by
"""


def _granted(event: events.QuotaRaised) -> tuple[str, str, int, str, datetime]:
    return event.account_id, event.region_id, event.quota, event.ticket, event.timestamp


@dataclass(frozen=True, slots=True)
class ListedAccount:
    account_id: str
    created_at: datetime
    created_by: str
    users: int


@dataclass(frozen=True, slots=True)
class Grant:
    """:param region_id: empty for every region."""

    region_id: str
    quota: int
    ticket: str
    raised_at: datetime
    raised_by: str


class Accounts:
    """Reads the rows, after bringing them up to date with every change that was recorded before the question."""

    def __init__(self, connection: Callable[[], AbstractAsyncContextManager[Connection]], decode: Decode) -> None:
        self._connection = connection
        self._decode = decode

    async def listed(self) -> list[ListedAccount]:
        """The oldest first."""
        rows = await self._rows(
            "select account_id, created_at, created_by, users from projections.accounts order by created_at, account_id"
        )
        return [ListedAccount(*row) for row in rows]

    async def grants(self) -> Mapping[str, Sequence[Grant]]:
        """By account; those for every region come first."""
        found: dict[str, list[Grant]] = {}
        for account_id, *grant in await self._rows(
            "select account_id, region_id, quota, ticket, raised_at, raised_by from projections.quotas order by 1, 2"
        ):
            found.setdefault(account_id, []).append(Grant(*grant))
        return found

    async def keys(self, account_ids: Sequence[str], regions: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """CMKs by account and region, destroyed ones not: the ledger's own tallies, which the quota is held against."""
        counters = {cmk_tally(account, region): (account, region) for account in account_ids for region in regions}
        async with self._connection() as connection:
            cursor = await connection.execute(
                "select counter, count from ledger.tallies where counter = any(%s) and count > 0", (list(counters),)
            )
            return {counters[counter]: count for counter, count in await cursor.fetchall()}

    async def _rows(self, question: str) -> list[tuple[Any, ...]]:
        async with self._connection() as connection:
            await catch_up(connection, AccountRows(), self._decode)
            cursor = await connection.execute(question.encode())
            return await cursor.fetchall()
