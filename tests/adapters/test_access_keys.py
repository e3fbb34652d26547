"""Who is behind an access key: secrets are unsealed once, permissions follow their account and no other."""

from __future__ import annotations

import asyncio

import pytest

from adapters.access_keys import AccessKey, AccessKeys, sealing_place
from adapters.authorities import AuthorityCache
from domain.errors import (
    AccessKeyInactive,
    AccessKeyNotFound,
    InternalFailure,
    ServiceUnavailable,
)
from domain.ports import SealedSecret
from tests.fixtures.ledger import ACCOUNT, InMemoryLedger
from tests.fixtures.ports import InMemoryHsm
from tests.fixtures.ram import OTHER_ACCOUNT, LedgerInMemoryReader, Ram, allowing

ALICE = "LTAIalice"
KEY = f"acs:kms:cn-hangzhou:{ACCOUNT}:key/1"


class World:
    """An account with the user alice, her access key, and one process that knows nobody yet."""

    def __init__(self) -> None:
        self.ledger = InMemoryLedger()
        self.journal: list[str] = []
        self.hsm = InMemoryHsm(self.journal)
        self.ram = Ram(self.ledger)
        self.reader = LedgerInMemoryReader(self.ledger)
        self.authorities = AuthorityCache(self.reader)
        self.keys = AccessKeys(self.reader, self.hsm, self.authorities)

    async def given(self) -> World:
        self.ram.user("alice", "id-alice")
        self.ram.policy("use", allowing("kms:Encrypt"))
        await self.user_key(self.ram, "alice", ALICE)
        return self

    async def user_key(self, ram: Ram, name: str, access_key_id: str) -> None:
        sealed = await self.hsm.seal(f"secret of {access_key_id}".encode(), sealing_place(access_key_id))
        ram.access_key(name, access_key_id, (SealedSecret(access_key_id, ram.account_id, sealed),))
        self.changed(ram)

    async def root_key(self, ram: Ram) -> str:
        access_key_id = f"LTAI{ram.account_id}"
        sealed = await self.hsm.seal(b"root", sealing_place(access_key_id))
        self.ledger.secrets[access_key_id] = SealedSecret(access_key_id, ram.account_id, sealed)
        return access_key_id

    def changed(self, ram: Ram) -> None:
        """As the follower tells it."""
        self.authorities.forget(frozenset((ram.stream,)))

    async def found(self, access_key_id: str = ALICE) -> AccessKey:
        return self.keys.peek(access_key_id) or await self.keys.get(access_key_id)


@pytest.fixture
async def world() -> World:
    return await World().given()


async def test_a_user_is_known_by_its_access_key(world: World) -> None:
    found = await world.found()
    caller = found.caller
    assert (caller.kind, caller.account_id, caller.user_name) == ("ram-user", ACCOUNT, "alice")
    assert (caller.principal, caller.principal_id) == (f"acs:ram::{ACCOUNT}:user/alice", "id-alice")
    assert (caller.access_key_id, caller.authority) == (ALICE, world.ram.authority.guard)
    assert found.secret == b"secret of LTAIalice"
    assert found.expires_at is None
    assert not found.access.permits("kms:Encrypt", KEY)


async def test_root_is_known_by_its_access_key(world: World) -> None:
    found = await world.found(await world.root_key(world.ram))
    assert (found.caller.kind, found.caller.principal_id) == ("root-account", ACCOUNT)
    assert found.access.permits("kms:Encrypt", KEY)


async def test_a_callers_secret_is_never_shown(world: World) -> None:
    assert "secret of" not in repr(await world.found())


async def test_who_is_remembered_is_found_without_waiting(world: World) -> None:
    assert world.keys.peek(ALICE) is None
    found = await world.keys.get(ALICE)
    assert world.keys.peek(ALICE) is found


async def test_a_change_of_permissions_is_seen_and_no_secret_read_again(world: World) -> None:
    await world.found()
    world.journal.clear()
    world.reader.reads.clear()
    world.ram.attached("use", "user", "alice")
    world.changed(world.ram)
    assert world.keys.peek(ALICE) is None
    assert (await world.found()).access.permits("kms:Encrypt", KEY)
    assert world.journal == []
    assert [read for read in world.reader.reads if len(read) == 1] == []
    assert len(world.reader.reads) == 1


async def test_a_change_in_one_account_costs_callers_of_another_nothing(world: World) -> None:
    other = Ram(world.ledger, OTHER_ACCOUNT)
    other.user("bob")
    await world.user_key(other, "bob", "LTAIbob")
    bob = await world.found("LTAIbob")
    await world.found()
    world.ram.attached("use", "user", "alice")
    world.changed(world.ram)
    assert world.keys.peek(ALICE) is None
    assert world.keys.peek("LTAIbob") is bob


async def test_a_change_that_is_not_about_a_caller_keeps_what_was_decided_for_it(world: World) -> None:
    """The guard moves with the account; the compiled policies need not be made again."""
    world.ram.attached("use", "user", "alice")
    world.changed(world.ram)
    before = await world.found()
    world.ram.user("bob")
    world.changed(world.ram)
    after = await world.found()
    assert after.access is before.access
    assert after.caller.authority == world.ram.authority.guard != before.caller.authority


async def test_a_hundred_callers_of_a_changed_account_cost_one_read(world: World) -> None:
    for number in range(100):
        world.ram.user(f"user-{number}")
        await world.user_key(world.ram, f"user-{number}", f"LTAI{number}")
    for number in range(100):
        await world.found(f"LTAI{number}")
    world.ram.attached("use", "user", "alice")
    world.changed(world.ram)
    world.reader.reads.clear()
    await asyncio.gather(*(world.found(f"LTAI{number}") for number in range(100)))
    assert len(world.reader.reads) == 1


# --- who is not known, or not any more -------------------------------------------------------------------------------


@pytest.mark.parametrize("access_key_id", ["LTAIunknown", "", "x" * 129, "LTAI\0alice", "中"])
async def test_an_unknown_access_key_is_refused(world: World, access_key_id: str) -> None:
    with pytest.raises(AccessKeyNotFound):
        await world.keys.get(access_key_id)


async def test_an_inactive_access_key_is_refused_until_it_is_active_again(world: World) -> None:
    await world.found()
    world.ram.access_key_is("Inactive", "alice", ALICE)
    world.changed(world.ram)
    for _ in range(2):
        with pytest.raises(AccessKeyInactive):
            await world.found()
        assert world.keys.peek(ALICE) is None
    world.ram.access_key_is("Active", "alice", ALICE)
    world.changed(world.ram)
    assert (await world.found()).caller.user_name == "alice"


async def test_a_refusal_is_never_told_from_a_stale_memory(world: World) -> None:
    """Nobody told this process that the key is active again: no event would guard the answer, so it looks."""
    world.ram.access_key_is("Inactive", "alice", ALICE)
    world.changed(world.ram)
    with pytest.raises(AccessKeyInactive):
        await world.found()
    world.ram.access_key_is("Active", "alice", ALICE)
    assert (await world.found()).caller.user_name == "alice"


async def test_a_deleted_access_key_is_unknown_and_its_secret_not_kept(world: World) -> None:
    await world.found()
    world.ram.access_key_deleted("alice", ALICE)
    world.changed(world.ram)
    world.journal.clear()
    for _ in range(2):
        with pytest.raises(AccessKeyNotFound):
            await world.found()
    assert world.journal == ["hsm unseal"], "only the second one had to read it again"


async def test_an_access_key_whose_secret_was_forgotten_is_unknown_without_asking_the_hsm(world: World) -> None:
    world.ledger.secrets[ALICE] = SealedSecret(ALICE, ACCOUNT, b"")
    world.journal.clear()
    with pytest.raises(AccessKeyNotFound):
        await world.found()
    assert world.journal == []


async def test_a_deleted_users_access_key_is_unknown(world: World) -> None:
    await world.found()
    world.ram.user_deleted("alice")
    world.changed(world.ram)
    with pytest.raises(AccessKeyNotFound):
        await world.found()


async def test_a_user_of_the_same_name_is_somebody_else(world: World) -> None:
    await world.found()
    world.ram.user_deleted("alice")
    world.ram.user("alice", "id-another")
    world.changed(world.ram)
    with pytest.raises(AccessKeyNotFound):
        await world.found()


async def test_a_renamed_user_is_the_same_under_its_new_name(world: World) -> None:
    from domain import events
    from tests.fixtures.ram import TEXTS

    world.ram.attached("use", "user", "alice")
    world.ram.record(events.UserUpdated, user_name="alice", new_user_name="anna", **TEXTS)
    world.changed(world.ram)
    found = await world.found()
    assert (found.caller.user_name, found.caller.principal_id) == ("anna", "id-alice")
    assert found.access.permits("kms:Encrypt", KEY)


# --- failures --------------------------------------------------------------------------------------------------------


async def test_a_secret_of_another_place_does_not_open(world: World) -> None:
    stolen = world.ledger.secrets[ALICE]
    world.ledger.secrets["LTAIcopy"] = SealedSecret("LTAIcopy", ACCOUNT, stolen.sealed)
    with pytest.raises(InternalFailure):
        await world.keys.get("LTAIcopy")


async def test_a_secret_without_an_account_is_an_internal_failure(world: World) -> None:
    sealed = await world.hsm.seal(b"x", sealing_place("LTAIlost"))
    world.ledger.secrets["LTAIlost"] = SealedSecret("LTAIlost", "9999999999999999", sealed)
    with pytest.raises(InternalFailure):
        await world.keys.get("LTAIlost")


async def test_a_secret_that_the_account_does_not_know_is_no_access_key(world: World) -> None:
    sealed = await world.hsm.seal(b"x", sealing_place("LTAIforeign"))
    world.ledger.secrets["LTAIforeign"] = SealedSecret("LTAIforeign", ACCOUNT, sealed)
    with pytest.raises(AccessKeyNotFound):
        await world.keys.get("LTAIforeign")


async def test_a_database_that_is_away_is_told_and_asked_again(world: World) -> None:
    world.reader.failing = ServiceUnavailable()
    with pytest.raises(ServiceUnavailable):
        await world.found()
    world.reader.failing = None
    found = await world.found()
    world.reader.failing = ServiceUnavailable()
    assert await world.found() is found, "what is remembered needs no database"
    world.changed(world.ram)
    with pytest.raises(ServiceUnavailable):
        await world.found()


@pytest.mark.parametrize("afterwards", [False, True])
async def test_an_hsm_that_fails_is_told_and_asked_again(world: World, afterwards: bool) -> None:
    if afterwards:
        world.hsm.failing_afterwards = ServiceUnavailable()
    else:
        world.hsm.failing = ServiceUnavailable()
    with pytest.raises(ServiceUnavailable):
        await world.found()
    world.hsm.failing = world.hsm.failing_afterwards = None
    assert (await world.found()).caller.user_name == "alice"
