"""The ledger judged from its beginning: an honest one agrees with itself, and a forged one is found out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import uuid4

import pytest

from domain import events
from domain.events import Event
from domain.history.judge import Outcome, Verdict, judged
from domain.history.world import World as Replayed
from tests.fixtures.in_process import Who, Worker, World
from tests.fixtures.ledger import ACCOUNT
from tests.fixtures.ram import OTHER_ACCOUNT, Ram, allowing, trusting

ROLE: Final = f"acs:ram::{ACCOUNT}:role/shop"


def verdicts(history: list[Event]) -> list[tuple[Event, Verdict]]:
    replayed, found = Replayed(), []
    for event in history:
        found.append((event, judged(replayed, event)))
        replayed.apply(event)
    return found


def contradictions(history: list[Event]) -> list[str]:
    return [
        f"{event.TOPIC}: {verdict.reason}"
        for event, verdict in verdicts(history)
        if verdict.outcome is Outcome.CONTRADICTS
    ]


class Scene:
    """An account with a key, with alice who may use it, and a service account that may act as its role ``shop``."""

    def __init__(self) -> None:
        self.world = World()
        self.ram, self.other = Ram(self.world.ledger), Ram(self.world.ledger, OTHER_ACCOUNT)
        self.worker: Worker = self.world.worker()

    async def begin(self) -> Scene:
        self.root = await self.world.root(self.ram)
        self.key_id = await self.worker.create_key(self.root)
        self.alice = await self.world.user(self.ram, "alice")
        self.ram.policy("use", allowing("kms:Encrypt", "kms:DescribeKey", "kms:ListKeys"))
        self.ram.attached("use", "user", "alice")
        self.ram.role("shop", trusting(f"acs:ram::{OTHER_ACCOUNT}:root"))
        self.ram.attached("use", "role", "shop")
        self.session = await self.worker.session(await self.world.root(self.other), ROLE)
        return self

    async def use(self, who: Who) -> int:
        return (await self.worker.encrypt(who, self.key_id)).status

    def removed(self) -> Event:
        """The last event, taken out: to be put where it could not have been."""
        return self.world.ledger.history.pop()

    def forged(self, event: Event) -> list[Event]:
        return [*self.world.ledger.history, event]


async def test_an_honest_ledger_agrees_with_itself() -> None:
    scene = await Scene().begin()
    key = {"KeyId": str(scene.key_id)}
    assert (await scene.use(scene.alice), await scene.use(scene.session)) == (200, 200)
    for action in ("DescribeKey", "ListKeys", "DescribeRegions", "GetCallerIdentity"):
        assert (await scene.worker.ask(scene.alice, action, {} if action != "DescribeKey" else key)).status == 200
    assert (await scene.worker.ask(scene.alice, "DisableKey", key)).status == 403
    assert (await scene.worker.ask(scene.alice, "CreateKey")).status == 403
    assert (await scene.worker.assume(scene.alice, ROLE)).status == 403
    assert (await scene.worker.ask(scene.root, "DisableKey", key)).status == 200
    assert await scene.use(scene.alice) == 409
    assert (await scene.worker.ask(scene.root, "EnableKey", key)).status == 200
    scene.ram.detached("use", "user", "alice")
    assert await scene.use(scene.alice) == 403
    history = scene.world.ledger.history
    assert contradictions(history) == []
    judged_ones = [event for event, verdict in verdicts(history) if verdict.outcome is Outcome.AGREES]
    assert {type(event) for event in judged_ones} == {
        events.KeyCreated, events.KeyUsed, events.KeyDisabled, events.KeyEnabled,
        events.CallAnswered, events.CallRefused, events.RoleAssumed,
    }  # fmt: skip


async def _detached(scene: Scene) -> list[Event]:
    await scene.use(scene.alice)
    use = scene.removed()
    scene.ram.detached("use", "user", "alice")
    return scene.forged(use)


async def _deleted(scene: Scene) -> list[Event]:
    await scene.use(scene.alice)
    use = scene.removed()
    scene.ram.user_deleted("alice")
    return scene.forged(use)


async def _inactive(scene: Scene) -> list[Event]:
    await scene.use(scene.alice)
    use = scene.removed()
    scene.ram.access_key_is("Inactive", "alice", scene.alice.credentials.access_key_id)
    return scene.forged(use)


async def _distrusted(scene: Scene) -> list[Event]:
    await scene.use(scene.session)
    use = scene.removed()
    scene.ram.role_updated("shop", trusting(f"acs:ram::{ACCOUNT}:user/alice"))
    return scene.forged(use)


async def _expired(scene: Scene) -> list[Event]:
    await scene.use(scene.session)
    use = scene.removed()
    return scene.forged(replace(use, call=replace(use.call, at=use.call.at + timedelta(hours=2))))


async def _disabled(scene: Scene) -> list[Event]:
    await scene.use(scene.alice)
    use = scene.removed()
    await scene.worker.ask(scene.root, "DisableKey", {"KeyId": str(scene.key_id)})
    return scene.forged(use)


async def _wrongly_refused(scene: Scene) -> list[Event]:
    scene.ram.detached("use", "user", "alice")
    await scene.use(scene.alice)
    refusal = scene.removed()
    scene.ram.attached("use", "user", "alice")
    return scene.forged(refusal)


async def _wrong_state(scene: Scene) -> list[Event]:
    await scene.worker.ask(scene.root, "DisableKey", {"KeyId": str(scene.key_id)})
    await scene.use(scene.alice)
    refusal = scene.removed()
    await scene.worker.ask(scene.root, "EnableKey", {"KeyId": str(scene.key_id)})
    return scene.forged(refusal)


async def _not_trusted(scene: Scene) -> list[Event]:
    assumed = scene.removed()
    scene.ram.role_updated("shop", trusting(f"acs:ram::{ACCOUNT}:user/alice"))
    return scene.forged(assumed)


async def _another_name(scene: Scene) -> list[Event]:
    await scene.use(scene.alice)
    use = scene.removed()
    by = replace(use.call.by, principal=f"acs:ram::{ACCOUNT}:user/bob")
    return scene.forged(replace(use, call=replace(use.call, by=by)))


@pytest.mark.parametrize(
    ("forge", "finding"),
    [
        (_detached, "lacked kms:Encrypt"),
        (_deleted, "was not in force"),
        (_inactive, "was not in force"),
        (_distrusted, "was not in force"),
        (_expired, "was not in force"),
        (_disabled, "would have refused it with Rejected.Disabled"),
        (_wrongly_refused, "had the permission"),
        (_wrong_state, "which permits it"),
        (_not_trusted, "lacked sts:AssumeRole"),
        (_another_name, "was not in force"),
    ],
)
async def test_a_forged_ledger_is_found_out(forge: Callable[[Scene], Awaitable[list[Event]]], finding: str) -> None:
    found = contradictions(await forge(await Scene().begin()))
    assert len(found) == 1
    assert finding in found[0]


async def test_a_change_of_ram_by_who_may_not_is_found_out() -> None:
    scene = await Scene().begin()
    by_alice = (await _used_by(scene)).call
    event = scene.ram.policy("more", allowing("*"))
    scene.world.ledger.history.pop()
    assert contradictions(scene.forged(replace(event, call=by_alice))) == [
        f"ram.policy.created: acs:ram::{ACCOUNT}:user/alice lacked ram:Encrypt on acs:ram:*:{ACCOUNT}:policy/*"
    ]


async def _used_by(scene: Scene) -> Event:
    await scene.use(scene.alice)
    return scene.world.ledger.history[-1]


async def test_sessions_that_are_long_over_are_forgotten_and_their_callers_are_nobody() -> None:
    """What a replay holds grows with what there is, not with what was done."""
    scene = await Scene().begin()
    assert await scene.use(scene.session) == 200
    (begun,) = (event for event in scene.world.ledger.history if isinstance(event, events.RoleAssumed))
    (used,) = (event for event in scene.world.ledger.history if isinstance(event, events.KeyUsed))
    replayed = Replayed()
    for event in scene.world.ledger.history:
        replayed.apply(event)
    assert replayed.caller(used.call) is not None
    assert list(replayed.sessions) == [begun.access_key_id]
    later = begun.expires_at + timedelta(hours=2)
    replayed.apply(replace(begun, timestamp=later, access_key_id="STS.later"))
    assert list(replayed.sessions) == ["STS.later"]
    assert replayed.caller(used.call) is None


async def test_who_lost_their_access_key_while_everything_changed_was_rightly_refused() -> None:
    """That refusal alone is not guarded: whoever it is about may be gone when it is recorded."""
    scene = await Scene().begin()
    access_key_id = scene.alice.credentials.access_key_id

    async def changed() -> None:
        scene.ram.user(f"user-{scene.ram.version}")

    async def deactivated() -> None:
        scene.ram.access_key_is("Inactive", "alice", access_key_id)

    scene.world.ledger.meanwhile.extend([*[changed] * 8, deactivated])
    assert await scene.use(scene.alice) == 409
    (last,) = (
        verdict for event, verdict in verdicts(scene.world.ledger.history) if event is scene.world.ledger.history[-1]
    )
    assert last.outcome is Outcome.NOT_JUDGED
    assert contradictions(scene.world.ledger.history) == []


async def test_who_was_overtaken_to_the_end_was_refused_whatever_state_the_key_is_in() -> None:
    scene = await Scene().begin()
    await scene.worker.ask(scene.root, "DisableKey", {"KeyId": str(scene.key_id)})

    async def changed() -> None:
        scene.ram.user(f"user-{scene.ram.version}")

    scene.world.ledger.meanwhile.extend([changed] * 8)
    assert await scene.use(scene.alice) == 409
    last = scene.world.ledger.history[-1]
    assert isinstance(last, events.CallRefused)
    assert (last.code, last.key_id) == ("Rejected.StateModifiedFailed", scene.key_id)
    assert contradictions(scene.world.ledger.history) == []


async def test_a_version_that_has_encrypted_too_often_is_refused_in_every_state_that_permits_it() -> None:
    scene = await Scene().begin()
    assert await scene.use(scene.alice) == 200
    used = scene.world.ledger.history[-1]
    refused = events.CallRefused(
        originator_id=uuid4(), originator_version=1, timestamp=used.timestamp, call=used.call,
        code="Rejected.EncryptionLimitExceeded", message="m", key_id=scene.key_id,
    )  # fmt: skip
    scene.world.ledger.history.append(refused)
    (verdict,) = (verdict for event, verdict in verdicts(scene.world.ledger.history) if event is refused)
    assert verdict.outcome is Outcome.NOT_JUDGED
