"""Processes of one machine that share a SoftHSM token do not disturb each other by starting."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from unittest import mock
from uuid import uuid4

from adapters.hsm import TokenPlace
from adapters.hsm.turns import Turns
from tests.fixtures.hsm import REGION, make_hsm, start_other


async def test_processes_that_start_do_not_disturb_one_that_serves(token_place: TokenPlace) -> None:
    """Every C_Login rewrites the token's file. Without turns, one look of three at the token failed."""
    hsm = make_hsm("inline", uri=token_place.uri, probe_seconds=0.0)
    await hsm.health()
    others = [
        start_other("log-in", {"kind": "inline", "uri": token_place.uri, "seconds": 2.0}, token_place) for _ in range(2)
    ]
    looks = 0
    while any(other.poll() is None for other in others):
        await hsm.generate_key(REGION, uuid4())
        assert await hsm.key_check_value(REGION) is not None
        looks += 1
    hsm.close()
    answers = [other.communicate(timeout=30) for other in others]
    assert [other.returncode for other in others] == [0, 0], answers
    assert looks > 10
    assert all(int(answer) > 3 for answer, _ in answers)


def test_who_logs_in_is_alone_and_lookers_are_not(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    with turns.beside_others(), turns.beside_others():
        assert _waits(Turns(tmp_path, 0.05), login=True)
    with turns.alone():
        assert _waits(Turns(tmp_path, 0.05), login=True)
        assert _waits(Turns(tmp_path, 0.05), login=False)
    assert not _waits(Turns(tmp_path, 30.0), login=True)


def test_who_waited_long_enough_goes_on_without_a_turn(tmp_path: Path) -> None:
    with Turns(tmp_path).alone():
        went = []
        with Turns(tmp_path, 0.02).alone():
            went.append(1)
    assert went == [1]


def test_a_turn_comes_as_soon_as_the_other_ends(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with Turns(tmp_path, 30.0).alone():
            order.append("second")

    with Turns(tmp_path).alone():
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.05)
        order.append("first")
    waiting.join(timeout=30)
    assert order == ["first", "second"]


def test_without_a_folder_to_share_nobody_waits(tmp_path: Path) -> None:
    for shared in (None, tmp_path / "gone"):
        with Turns(shared).alone():
            assert not _waits(Turns(shared, 30.0), login=True)


def _waits(turns: Turns, *, login: bool) -> bool:
    """Whether a turn was not to be had at once."""
    pauses: list[float] = []
    with mock.patch("time.sleep", pauses.append), turns.alone() if login else turns.beside_others():
        return bool(pauses)
