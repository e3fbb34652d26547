"""A signal ends an event loop from within, whenever it comes: nothing half made, nothing lost, no traceback."""

from __future__ import annotations

import asyncio
import asyncio.events
import gc
import os
import signal
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from scripts.envelope.interruption import Interrupted, interruptible

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
each_signal = pytest.mark.parametrize("number", SIGNALS)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture(autouse=True)
def _hung_up() -> Iterator[None]:
    """Whoever is run by nohup ignores SIGHUP, and so do we then."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


async def _nothing() -> str:
    return "done"


def test_without_a_signal_there_is_an_answer() -> None:
    with interruptible() as interruption:
        assert interruption.run(_nothing) == "done"


@each_signal
def test_work_is_cancelled_and_tidies_up(number: int) -> None:
    tidied = []

    async def work() -> None:
        try:
            send(number)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            tidied.append(True)

    with interruptible() as interruption, pytest.raises(Interrupted):
        interruption.run(work)
    assert (tidied, interruption.signal_number) == ([True], number)


@each_signal
def test_a_callback_of_the_loop_loses_nothing(number: int) -> None:
    """What a callback raises is logged by the loop, which goes on."""

    async def work() -> None:
        asyncio.get_running_loop().call_soon(send, number)
        await asyncio.sleep(60)

    with interruptible() as interruption, pytest.raises(Interrupted):
        interruption.run(work)


def test_a_loop_that_is_being_made_is_made_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = []
    made = asyncio.SelectorEventLoop.__init__

    class Interrupting(asyncio.SelectorEventLoop):
        def __init__(self) -> None:
            send(signal.SIGINT)
            made(self)

    async def work() -> None:
        begun.append(True)

    monkeypatch.setattr(asyncio.events, "new_event_loop", Interrupting)
    with interruptible() as interruption, pytest.raises(Interrupted):
        interruption.run(work)
    assert begun == []
    gc.collect()  # what a half-made loop raises then, pytest tells


def test_a_loop_that_is_being_closed_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "close", closing(asyncio.get_running_loop().close))

    def closing(close: Callable[[], None]) -> Callable[[], None]:
        def interrupted() -> None:
            send(signal.SIGTERM)
            close()

        return interrupted

    with interruptible() as interruption, pytest.raises(Interrupted):
        interruption.run(work)
    assert interruption.signal_number == signal.SIGTERM


def test_a_second_signal_does_not_wait_for_the_first() -> None:
    async def work() -> None:
        try:
            send(signal.SIGINT)
            await asyncio.sleep(60)
        finally:
            send(signal.SIGTERM)
            await asyncio.sleep(60)

    with interruptible() as interruption, pytest.raises(Interrupted):
        interruption.run(work)


def test_afterwards_signals_raise_again() -> None:
    with interruptible() as interruption:
        interruption.run(_nothing)
        with pytest.raises(Interrupted):
            send(signal.SIGHUP)


def test_a_failure_is_told_where_no_signal_came() -> None:
    async def work() -> None:
        raise ValueError("wrong")

    with interruptible() as interruption, pytest.raises(ValueError, match="wrong"):
        interruption.run(work)
