"""Calls like one that was decided are decided alike, and not read, for as long as nothing that decides them changes."""

from __future__ import annotations

import json
from typing import Final

import pytest

from domain.audit import recurring as module
from domain.audit.recurring import Recurring
from domain.audit.suppositions import Supposition
from domain.audit.what_if import NEEDED_BEFORE
from domain.events import Event
from tests.fixtures.ram import allowing
from tests.fixtures.supposed import LOOK, USE, Scene, attached, facts_of

DENY: Final = allowing("kms:Encrypt", effect="Deny")


def read_of(scene: Scene, *suppositions: Supposition) -> list[str]:
    """Operations of the events that were read, in the ledger's order."""
    found, read = Recurring(suppositions), []

    def reading(event: Event) -> Event:
        read.append(event.call.operation.value)
        return event

    for position, event in enumerate(scene.world.ledger.history, 1):
        if position > scene.opens_at:
            found.within(position, facts_of(event), lambda event=event: reading(event))  # type: ignore[misc]
        elif event.TOPIC in NEEDED_BEFORE:
            found.before(event)
    return read


async def used(times: int = 3, scene: Scene | None = None) -> Scene:
    scene = scene or await Scene().begin()
    for _ in range(times):
        await scene.encrypt(scene.alice)
        await scene.describe(scene.alice)
    return scene


async def test_what_was_decided_is_not_read_again() -> None:
    assert read_of(await used()) == ["Encrypt", "DescribeKey"]


async def test_what_would_have_been_different_is_read_each_time() -> None:
    """It is told with its own time."""
    assert read_of(await used(), attached(DENY)) == ["Encrypt", "DescribeKey", "Encrypt", "Encrypt"]


async def test_a_change_of_the_account_forgets_all() -> None:
    scene = await used()
    scene.ram.policy("other", LOOK)
    assert read_of(await used(1, scene)) == ["Encrypt", "DescribeKey", "SetUp", "Encrypt", "DescribeKey"]


async def test_a_change_of_a_key_forgets_what_was_asked_of_that_key() -> None:
    scene = await used()
    other = await scene.worker.create_key(scene.root)
    await scene.worker.encrypt(scene.alice, other)
    await scene.worker.ask(scene.root, "EnableKey", {"KeyId": str(scene.key_id)})
    await scene.worker.encrypt(scene.alice, other)
    after = ["CreateKey", "Encrypt", "EnableKey", "Encrypt", "DescribeKey"]
    assert read_of(await used(1, scene)) == ["Encrypt", "DescribeKey", *after]


@pytest.mark.parametrize("spelled", ["acs:SourceIp", "ACS:sourceip", "acs:\\u0053ourceIp"])
@pytest.mark.parametrize("is_supposed", [True, False])
async def test_where_a_policy_asks_for_a_call_s_own_facts_each_is_read(spelled: str, is_supposed: bool) -> None:
    document = json.loads(USE)
    document["Statement"][0]["Condition"] = {"IpAddress": {"acs:SourceIp": "203.0.113.0/24"}}
    text = json.dumps(document).replace("acs:SourceIp", spelled)
    scene = await used(1)
    if not is_supposed:
        scene.ram.policy("conditional", text)
    read = read_of(await used(2, scene), *([attached(text)] if is_supposed else []))
    assert read[-4:] == ["Encrypt", "DescribeKey"] * 2


async def test_calls_of_sessions_are_read_each_time() -> None:
    scene = await Scene().begin()
    session = await scene.assume()
    for _ in range(3):
        await scene.encrypt(session)
    assert read_of(scene).count("Encrypt") == 3


async def test_what_is_remembered_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED_MAX", 1)
    assert read_of(await used()) == ["Encrypt", "DescribeKey"] * 3
