"""Security tokens: one edit, one other access key, one change of the role, and they are worth nothing."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.access_keys import AccessKey
from adapters.authorities import AuthorityCache
from adapters.sessions import Sessions
from domain.errors import (
    InvalidSecurityToken,
    SecurityTokenExpired,
    SecurityTokenMismatch,
    ServiceUnavailable,
)
from domain.sessions import Session
from tests.fixtures.ledger import ACCOUNT, NOON, InMemoryLedger
from tests.fixtures.ports import InMemoryHsm
from tests.fixtures.ram import OTHER_ACCOUNT, LedgerInMemoryReader, Ram, allowing, trusting

KEY_ID = "STS.key"
KEY = f"acs:kms:cn-hangzhou:{ACCOUNT}:key/1"
ASSUMED_BY = f"acs:ram::{OTHER_ACCOUNT}:user/dev"


class World:
    def __init__(self) -> None:
        self.ledger = InMemoryLedger()
        self.journal: list[str] = []
        self.hsm = InMemoryHsm(self.journal)
        self.ram = Ram(self.ledger)
        self.ram.role("shop", trusting(ASSUMED_BY), "id-shop")
        self.ram.policy("use", allowing("kms:*"))
        self.ram.attached("use", "role", "shop")
        self.reader = LedgerInMemoryReader(self.ledger)
        self.authorities = AuthorityCache(self.reader)
        self.sessions = Sessions(self.hsm, self.authorities)

    def session(self, session_policy: str = "") -> Session:
        role = self.ram.authority.roles["shop"]
        return Session(
            access_key_id=KEY_ID,
            secret="a secret",
            account_id=ACCOUNT,
            role_name="shop",
            role_id=role.id,
            trust_number=role.trust_number,
            session_name="order-7",
            assumed_by=ASSUMED_BY,
            session_policy=session_policy,
            expires_at=NOON + timedelta(hours=1),
        )

    async def token(self, session_policy: str = "") -> str:
        return await self.sessions.seal(self.session(session_policy))

    def elsewhere(self) -> Sessions:
        """Another process with the same HSM."""
        return Sessions(self.hsm, AuthorityCache(LedgerInMemoryReader(self.ledger)))

    def changed(self) -> None:
        self.authorities.forget(frozenset((self.ram.stream,)))

    async def found(self, token: str, key_id: str = KEY_ID) -> AccessKey:
        return self.sessions.peek(token, key_id) or await self.sessions.get(token, key_id)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_session_is_known_by_its_token_in_every_process(world: World) -> None:
    token = await world.token()
    for sessions in (world.sessions, world.elsewhere()):
        found = await sessions.get(token, KEY_ID)
        caller = found.caller
        assert (caller.kind, caller.account_id, caller.access_key_id) == ("assumed-role", ACCOUNT, KEY_ID)
        assert caller.principal == f"acs:ram::{ACCOUNT}:role/shop/order-7"
        assert (caller.principal_id, caller.user_name) == ("id-shop:order-7", "shop:order-7")
        assert caller.assumed_by == ASSUMED_BY
        assert caller.authority == world.ram.authority.guard
        assert (found.secret, found.expires_at) == (b"a secret", NOON + timedelta(hours=1))
        assert found.access.permits("kms:Encrypt", KEY)


async def test_a_token_shows_nothing_but_its_access_key(world: World) -> None:
    token = await world.token(allowing("kms:Encrypt"))
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for secret in (b"a secret", b"shop", b"order-7", b"kms:Encrypt", ASSUMED_BY.encode()):
        assert secret not in raw
    assert token.isascii()
    assert not set(token) & set("+/= ")


async def test_what_is_known_of_a_session_does_not_show_its_secret(world: World) -> None:
    assert "a secret" not in repr(await world.found(await world.token()))
    assert "a secret" not in repr(world.session())


async def test_a_session_is_opened_once(world: World) -> None:
    token = await world.token()
    world.journal.clear()
    first = await world.found(token)
    assert world.sessions.peek(token, KEY_ID) is first
    assert world.journal == ["hsm unseal"]


async def test_a_session_policy_narrows_the_role(world: World) -> None:
    found = await world.found(await world.token(allowing("kms:Encrypt")))
    assert found.access.permits("kms:Encrypt", KEY)
    assert not found.access.permits("kms:Decrypt", KEY)


# --- what is not genuine ---------------------------------------------------------------------------------------------


async def test_a_token_with_any_byte_edited_is_malformed(world: World) -> None:
    token = await world.token()
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    for place in range(len(raw)):
        edited = bytes(raw[:place]) + bytes((raw[place] ^ 1,)) + bytes(raw[place + 1 :])
        shown = base64.urlsafe_b64encode(edited).rstrip(b"=").decode()
        for known in (False, True):
            sessions = world.elsewhere()
            if known:
                await sessions.get(token, KEY_ID)
            with pytest.raises(InvalidSecurityToken):
                await sessions.get(shown, KEY_ID)


async def test_a_token_with_any_character_edited_or_left_out_is_malformed(world: World) -> None:
    token = await world.token()
    for place, character in enumerate(token):
        for other in {chr((ord(character) + 1) % 128), "A", "-", "=", "+", " ", "é", ""} - {character}:
            with pytest.raises(InvalidSecurityToken):
                await world.sessions.get(token[:place] + other + token[place + 1 :], KEY_ID)


@pytest.mark.parametrize("spelled", ["{}=", "{}==", " {}", "{}\n", "{}A", "A{}", "{}%3D", "\ufeff{}"])
async def test_a_token_has_one_spelling(world: World, spelled: str) -> None:
    with pytest.raises(InvalidSecurityToken):
        await world.sessions.get(spelled.format(await world.token()), KEY_ID)


@settings(max_examples=300)
@given(
    st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
)
def test_what_was_never_issued_is_malformed(shown: str) -> None:
    async def ask() -> None:
        with pytest.raises(InvalidSecurityToken):
            await World().sessions.get(shown, KEY_ID)

    asyncio.run(ask())


async def test_a_token_too_long_is_not_even_opened(world: World) -> None:
    world.journal.clear()
    with pytest.raises(InvalidSecurityToken):
        await world.sessions.get("A" * 8_193, KEY_ID)
    assert world.journal == []


async def test_the_right_token_with_another_access_key_is_a_mismatch(world: World) -> None:
    token = await world.token()
    for _ in range(2):
        for key_id in (f"LTAI{ACCOUNT}", "STS.other", "", KEY_ID.lower()):
            assert world.sessions.peek(token, key_id) is None
            with pytest.raises(SecurityTokenMismatch):
                await world.found(token, key_id)
        await world.found(token)  # and again, now that it is remembered


async def test_a_token_cannot_be_made_to_name_another_access_key(world: World) -> None:
    token = await world.token()
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    swapped = raw[:2] + b"STS.kez" + raw[2 + len(KEY_ID) :]
    with pytest.raises(InvalidSecurityToken):
        await world.sessions.get(base64.urlsafe_b64encode(swapped).rstrip(b"=").decode(), "STS.kez")


async def test_another_deployments_token_is_malformed(world: World) -> None:
    with pytest.raises(InvalidSecurityToken):
        await World().sessions.get(await world.token(), KEY_ID)


async def test_an_access_keys_secret_does_not_open_as_a_session(world: World) -> None:
    from adapters.access_keys import sealing_place

    sealed = await world.hsm.seal(b"{}", sealing_place(KEY_ID))
    raw = bytes((1, len(KEY_ID))) + KEY_ID.encode() + sealed
    with pytest.raises(InvalidSecurityToken):
        await world.sessions.get(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), KEY_ID)


# --- what was true and is not any more -------------------------------------------------------------------------------


async def _dies(world: World, token: str) -> None:
    """In a process that remembers the session, is told or not, and in one that never saw it."""
    for sessions in (world.sessions, world.elsewhere()):
        with pytest.raises(SecurityTokenExpired):
            await sessions.get(token, KEY_ID)
    assert world.sessions.peek(token, KEY_ID) is None


async def test_a_session_dies_with_its_role(world: World) -> None:
    token = await world.token()
    await world.found(token)
    world.ram.role_deleted("shop")
    world.changed()
    await _dies(world, token)


async def test_a_role_that_is_made_again_is_another_one(world: World) -> None:
    token = await world.token()
    await world.found(token)
    world.ram.role_deleted("shop")
    world.ram.role("shop", trusting(ASSUMED_BY))
    world.ram.attached("use", "role", "shop")
    world.changed()
    await _dies(world, token)


async def test_a_session_dies_when_its_role_trusts_others(world: World) -> None:
    token = await world.token()
    await world.found(token)
    world.ram.role_updated("shop", trusting(f"acs:ram::{OTHER_ACCOUNT}:user/another"))
    world.changed()
    await _dies(world, token)


async def test_trust_that_comes_back_does_not_bring_the_session_back(world: World) -> None:
    token = await world.token()
    world.ram.role_updated("shop", trusting(f"acs:ram::{OTHER_ACCOUNT}:user/another"))
    world.ram.role_updated("shop", trusting(ASSUMED_BY))
    world.changed()
    await _dies(world, token)


async def test_a_session_outlives_a_new_description_of_its_role(world: World) -> None:
    token = await world.token()
    await world.found(token)
    world.ram.role_updated("shop", description="of the shop")
    world.changed()
    assert (await world.found(token)).caller.authority == world.ram.authority.guard


async def test_what_the_role_may_changes_for_sessions_that_have_begun(world: World) -> None:
    token = await world.token()
    await world.found(token)
    world.ram.detached("use", "role", "shop")
    world.changed()
    assert not (await world.found(token)).access.permits("kms:Encrypt", KEY)


async def test_a_session_does_not_decide_by_itself_that_its_time_is_over(world: World) -> None:
    """There is no clock here: who authenticates by it compares ``expires_at`` at each use, remembered or not."""
    late = await world.sessions.seal(replace(world.session(), expires_at=NOON - timedelta(days=1)))
    assert (await world.found(late)).expires_at == NOON - timedelta(days=1)


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("afterwards", [False, True])
async def test_an_hsm_that_fails_is_told_and_asked_again(world: World, afterwards: bool) -> None:
    token = await world.token()
    failure = ServiceUnavailable()
    if afterwards:
        world.hsm.failing_afterwards = failure
    else:
        world.hsm.failing = failure
    with pytest.raises(ServiceUnavailable):
        await world.found(token)
    with pytest.raises(ServiceUnavailable):
        await world.token()
    world.hsm.failing = world.hsm.failing_afterwards = None
    assert (await world.found(token)).caller.user_name == "shop:order-7"


async def test_a_database_that_is_away_is_told(world: World) -> None:
    token = await world.token()
    world.reader.failing = ServiceUnavailable()
    with pytest.raises(ServiceUnavailable):
        await world.found(token)
    world.reader.failing = None
    found = await world.found(token)
    world.reader.failing = ServiceUnavailable()
    assert await world.found(token) is found
