"""In the ledger's order, no use stands where its account's authority forbids it: any worker, any memory, any moment.

Several workers, none of which is ever told what another one recorded, and changes of RAM in the middle of what they
decide. Then the ledger is read from its beginning, and every use and refusal is decided again at its position.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.events import Event, KeyUsed
from tests.fixtures.in_process import Told, Who, Worker, World
from tests.fixtures.judge import Judge
from tests.fixtures.ledger import ACCOUNT
from tests.fixtures.ram import Ram, allowing, trusting

WORKERS: Final = 3
ROLE: Final = f"acs:ram::{ACCOUNT}:role/shop"
ALICE: Final = f"acs:ram::{ACCOUNT}:user/alice"

workers = st.integers(0, WORKERS - 1)
askers = st.sampled_from(["alice", "second key", "session"])
changes = st.sampled_from(
    ["attach", "detach", "deny", "allow", "deactivate", "activate", "distrust", "trust", "role goes", "role comes",
     "user goes", "user comes", "bystander"]
)  # fmt: skip


class Changes(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = World()
        self.ram = Ram(self.world.ledger)
        self.workers = [self.world.worker() for _ in range(WORKERS)]
        self.judge, self.read = Judge(), 0
        self.answered = 0
        self.loop.run_until_complete(self._begin())

    async def _begin(self) -> None:
        self.key_id = await self.workers[0].create_key(await self.world.root(self.ram))
        self.ram.policy("use", allowing("kms:Encrypt", "sts:AssumeRole"))
        self.ram.policy("never", allowing("kms:*", effect="Deny"))
        self.ram.role("shop", trusting(ALICE))
        self.ram.attached("use", "role", "shop")
        self.who: dict[str, Who] = {}
        await self._user_comes()
        self.who["session"] = await self.workers[0].session(self.who["alice"], ROLE)

    async def _user_comes(self) -> None:
        self.who["alice"] = await self.world.user(self.ram, "alice")
        self.who["second key"] = await self.world.access_key(self.ram, "alice")
        self.ram.attached("use", "user", "alice")

    @rule(worker=workers, asker=askers)
    def one_asks(self, worker: int, asker: str) -> None:
        self.run(self.use(self.workers[worker], asker))

    @rule(worker=workers, asker=askers, meanwhile=st.lists(changes, min_size=1, max_size=3))
    def one_asks_while_authority_changes(self, worker: int, asker: str, meanwhile: list[str]) -> None:
        self.world.ledger.meanwhile.extend(lambda name=name: self.change(name) for name in meanwhile)  # type: ignore[misc]
        self.run(self.use(self.workers[worker], asker))
        self.world.ledger.meanwhile.clear()

    @rule(worker=workers, meanwhile=st.lists(changes, max_size=2))
    def a_session_begins(self, worker: int, meanwhile: list[str]) -> None:
        self.world.ledger.meanwhile.extend(lambda name=name: self.change(name) for name in meanwhile)  # type: ignore[misc]
        self.run(self.assume(self.workers[worker]))
        self.world.ledger.meanwhile.clear()

    @rule(name=changes)
    def authority_changes(self, name: str) -> None:
        self.run(self.change(name))

    @rule(worker=workers, asker=askers)
    def an_acknowledgement_is_lost(self, worker: int, asker: str) -> None:
        self.world.ledger.unacknowledged = 1
        self.run(self.use(self.workers[worker], asker))
        self.world.ledger.unacknowledged = 0

    @rule(worker=workers)
    def a_worker_is_told(self, worker: int) -> None:
        self.workers[worker].services.forget(frozenset((self.ram.stream,)))

    @invariant()
    def nothing_stands_where_the_authority_forbade_it(self) -> None:
        history = self.world.ledger.history
        assert self.judge.follow(history[self.read :]) == []
        self.read = len(history)

    @invariant()
    def every_answer_has_its_use(self) -> None:
        assert len(self.world.ledger.of(KeyUsed)) >= self.answered

    def teardown(self) -> None:
        self.loop.close()

    def run(self, asking: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asking)

    async def use(self, worker: Worker, asker: str) -> Told:
        told = await worker.encrypt(self.who[asker], self.key_id)
        assert told.code in {
            "", "Forbidden.NoPermission", "InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive",
            "InvalidSecurityToken.Expired", "ServiceUnavailableTemporary",
        }, told.body  # fmt: skip
        self.answered += told.status == 200
        return told

    async def assume(self, worker: Worker) -> None:
        told = await worker.assume(self.who["alice"], ROLE)
        if told.status == 200:
            given = told.body["Credentials"]
            credentials = type(self.who["alice"].credentials)(given["AccessKeyId"], given["AccessKeySecret"])
            self.who["session"] = Who(credentials, given["SecurityToken"])

    async def change(self, name: str) -> None:
        """One change, if it makes sense now."""
        ram, authority = self.ram, self.ram.authority
        user, role = "alice" in authority.users, "shop" in authority.roles
        policies = {policy.name for policy in authority.policies_of_user("alice")} if user else set()
        key = self.who["alice"].credentials.access_key_id
        makes: dict[str, tuple[bool, Callable[[], object]]] = {
            "attach": (user and "Custom/use" not in policies, lambda: ram.attached("use", "user", "alice")),
            "detach": ("Custom/use" in policies, lambda: ram.detached("use", "user", "alice")),
            "deny": (user and "Custom/never" not in policies, lambda: ram.attached("never", "user", "alice")),
            "allow": ("Custom/never" in policies, lambda: ram.detached("never", "user", "alice")),
            "deactivate": (user, lambda: ram.access_key_is("Inactive", "alice", key)),
            "activate": (user, lambda: ram.access_key_is("Active", "alice", key)),
            "distrust": (role, lambda: ram.role_updated("shop", trusting(f"acs:ram::{ACCOUNT}:user/bob"))),
            "trust": (role, lambda: ram.role_updated("shop", trusting(ALICE))),
            "role goes": (role, lambda: ram.role_deleted("shop")),
            "role comes": (not role, lambda: ram.role("shop", trusting(ALICE))),
            "user goes": (user, lambda: ram.user_deleted("alice")),
            "bystander": (True, lambda: ram.user(f"bystander-{ram.version}")),
        }
        if name == "user comes":
            if not user:
                await self._user_comes()
        elif makes[name][0]:
            makes[name][1]()
            if name == "role comes":
                ram.attached("use", "role", "shop")


TestChanges = Changes.TestCase
TestChanges.settings = settings(max_examples=60, stateful_step_count=25)


def test_the_judge_finds_a_use_that_authority_forbids() -> None:
    """Else the machine above would prove nothing."""

    async def misuse() -> list[Event]:
        world = World()
        ram, worker = Ram(world.ledger), world.worker()
        key_id = await worker.create_key(await world.root(ram))
        alice = await world.user(ram, "alice")
        ram.policy("use", allowing("kms:Encrypt"))
        ram.attached("use", "user", "alice")
        assert (await worker.encrypt(alice, key_id)).status == 200
        use = world.ledger.history.pop()
        ram.detached("use", "user", "alice")
        world.ledger.history.append(use)
        return Judge().follow(world.ledger.history)

    assert [type(event) for event in asyncio.run(misuse())] == [KeyUsed]
