"""Calls that are gathered: each gets its own answer, whatever becomes of the others and of the loop they came from."""

from __future__ import annotations

import asyncio
import threading

from adapters.hsm.gathering import Gathering


class _Hsm:
    """:ivar done: what was asked of it, in order. :ivar observed: the operations that took time."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.observed: list[str] = []
        self.lock = threading.Lock()
        self.gathering = Gathering(self.lock, lambda operation, seconds: self.observed.append(operation))

    def double(self, number: int) -> int:
        assert self.lock.locked()
        self.done.append(number)
        if number < 0:
            raise ValueError(number)
        return 2 * number

    async def ask(self, number: int) -> int:
        return await self.gathering.ask("double", self.double, number)


async def test_calls_of_one_turn_are_done_together_and_in_order() -> None:
    hsm = _Hsm()
    asked = [hsm.gathering.ask("double", hsm.double, number) for number in range(5)]
    assert hsm.done == []
    assert await asyncio.gather(*asked) == [0, 2, 4, 6, 8]
    assert (hsm.done, hsm.observed) == ([0, 1, 2, 3, 4], ["double"] * 5)
    assert await hsm.ask(7) == 14


async def test_a_call_that_fails_hurts_no_other() -> None:
    hsm = _Hsm()
    first, failed, last = await asyncio.gather(hsm.ask(1), hsm.ask(-1), hsm.ask(3), return_exceptions=True)
    assert (first, last) == (2, 6)
    assert isinstance(failed, ValueError)
    assert hsm.observed == ["double"] * 3


async def test_for_who_has_given_up_nothing_is_done() -> None:
    hsm = _Hsm()
    given_up, other = hsm.gathering.ask("double", hsm.double, 1), hsm.gathering.ask("double", hsm.double, 2)
    given_up.cancel()
    assert await other == 4
    assert hsm.done == [2]


def test_what_a_loop_left_undone_when_it_was_closed_does_not_hold_up_the_next_one() -> None:
    hsm = _Hsm()

    async def leave() -> None:
        hsm.gathering.ask("double", hsm.double, 1)
        asyncio.get_running_loop().stop()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.close()
    assert asyncio.run(hsm.ask(2)) == 4
    assert hsm.done == [2]


def test_loops_of_several_threads_each_get_their_own_answers() -> None:
    hsm = _Hsm()
    answers: dict[int, list[int]] = {}

    async def many(thread: int) -> list[int]:
        return [await hsm.ask(1_000 * thread + number) for number in range(300)]

    def run(thread: int) -> None:
        answers[thread] = asyncio.run(many(thread))

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == {thread: [2 * (1_000 * thread + number) for number in range(300)] for thread in range(4)}
