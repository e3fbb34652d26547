"""In the ledger's order, no use stands after what forbade it: any processes, any memories, any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain import state_matrix
from domain.errors import KeyLedgerError
from domain.events import CallRefused, Event, KeyUsed
from domain.key import Key, evolve
from tests.fixtures.domain import Process, Service
from tests.fixtures.ledger import NOON

PROCESSES: Final = 3
SOON: Final = timedelta(days=8)

Step = Callable[[Process], Awaitable[object]]

steps = st.sampled_from(["encrypt", "decrypt", "data_key", "enable", "disable", "schedule", "cancel", "destroy"])
processes = st.integers(0, PROCESSES - 1)


def misused(history: list[Event], key_id: UUID) -> list[KeyUsed]:
    """Uses that stand where the state of the key forbids them."""
    key: Key | None = None
    wrong = []
    for event in history:
        if event.originator_id == key_id:
            key = evolve(event, key)
        if isinstance(event, KeyUsed) and event.key_id == key_id and not allows(key, event):
            wrong.append(event)
    return wrong


def allows(key: Key | None, use: KeyUsed) -> bool:
    return key is not None and not key.destroyed and (use.call.operation, key.state) not in state_matrix.REFUSALS


class Revocations(RuleBasedStateMachine):
    """Three processes that never hear of each other's changes, and changes in the middle of what others decide."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.service = Service()
        self.processes = [self.service.process() for _ in range(PROCESSES)]
        self.key_id = self.run(self.processes[0].create_key())
        self.blob = self.run(self.processes[0].encrypt(self.key_id, "hello")).ciphertext_blob
        self.answered = 1

    @rule(who=processes, step=steps)
    def one_asks(self, who: int, step: str) -> None:
        self.run(self.told(who, step))

    @rule(who=processes, step=steps, others=st.lists(st.tuples(processes, steps), min_size=1, max_size=6))
    def one_asks_while_others_do(self, who: int, step: str, others: list[tuple[int, str]]) -> None:
        self.service.ledger.meanwhile.extend(partial(self.told, *other) for other in others)
        self.run(self.told(who, step))
        self.service.ledger.meanwhile.clear()

    @rule(who=processes, step=steps)
    def an_acknowledgement_is_lost(self, who: int, step: str) -> None:
        self.service.ledger.unacknowledged = 1
        self.run(self.told(who, step))
        self.service.ledger.unacknowledged = 0

    @invariant()
    def no_use_stands_where_the_key_forbade_it(self) -> None:
        assert misused(self.service.ledger.history, self.key_id) == []

    @invariant()
    def every_answer_has_its_use(self) -> None:
        assert len(self.service.ledger.of(KeyUsed)) >= self.answered

    @invariant()
    def material_is_there_exactly_as_long_as_the_key(self) -> None:
        assert bool(self.service.ledger.material) is not self.service.state_of(self.key_id).destroyed

    @invariant()
    def refusals_tell_what_was_true_when_they_were_recorded(self) -> None:
        key: Key | None = None
        for event in self.service.ledger.history:
            if event.originator_id == self.key_id:
                key = evolve(event, key)
            if isinstance(event, CallRefused) and event.code == "Rejected.Disabled":
                assert key is not None
                assert key.state == "Disabled"

    def teardown(self) -> None:
        self.loop.close()

    def run(self, asking: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asking)

    async def told(self, who: int, step: str) -> None:
        process, used = self.processes[who], step in ("encrypt", "decrypt", "data_key")
        asks: dict[str, Step] = {
            "encrypt": lambda process: process.encrypt(self.key_id, "hello"),
            "decrypt": lambda process: process.decrypt(self.blob),
            "data_key": lambda process: process.data_key(self.key_id),
            "enable": lambda process: process.enable(self.key_id),
            "disable": lambda process: process.disable(self.key_id),
            "schedule": lambda process: process.schedule_deletion(self.key_id, 7),
            "cancel": lambda process: process.cancel_deletion(self.key_id),
            "destroy": lambda process: process.destroy(self.key_id, NOON + SOON),
        }
        try:
            await asks[step](process)
        except KeyLedgerError:
            return
        self.answered += used


TestRevocations = Revocations.TestCase
TestRevocations.settings = settings(max_examples=60, stateful_step_count=20)
