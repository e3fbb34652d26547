"""Changes of one account take turns; those of another one do not wait for them."""

from __future__ import annotations

import asyncio
import gc
from uuid import UUID, uuid4

from api.turns import Turns


async def test_who_waits_longest_is_next_and_other_accounts_do_not_wait() -> None:
    turns, one, other = Turns(), frozenset({uuid4()}), frozenset({uuid4()})
    done: list[str] = []

    async def change(account: frozenset[UUID], name: str) -> None:
        async with turns.of(account):
            done.append(f"{name} begins")
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            done.append(f"{name} ends")

    async with turns.of(one):
        waiting = [asyncio.create_task(change(one, name)) for name in ("first", "second")]
        await change(other, "another account's")
    await asyncio.gather(*waiting)
    assert done == [
        "another account's begins",
        "another account's ends",
        "first begins",
        "first ends",
        "second begins",
        "second ends",
    ]


async def test_a_turn_that_fails_is_over() -> None:
    turns, account = Turns(), frozenset({uuid4()})
    for _ in range(2):
        try:
            async with turns.of(account):
                raise KeyError
        except KeyError:
            pass
    async with asyncio.timeout(1), turns.of(account):
        pass


async def test_an_account_that_nobody_changes_is_not_remembered() -> None:
    turns = Turns()
    async with turns.of(frozenset({uuid4()})):
        assert len(turns._locks) == 1
    gc.collect()
    assert len(turns._locks) == 0
