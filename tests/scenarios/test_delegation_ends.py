"""A session of a role ends in time, with its role and its trust; false tokens are nobody's, and failures begin none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from domain.errors import ServiceUnavailable
from domain.events import KeyUsed, RoleAssumed
from tests.fixtures import signed
from tests.fixtures.delegation import CUSTOMER, ROLE, Delegation
from tests.fixtures.in_process import STS, Who
from tests.fixtures.ledger import NOON
from tests.fixtures.ports import Meanwhile
from tests.fixtures.ram import trusting
from tests.fixtures.signed import Credentials

# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "answered"), [(899.999, True), (900, False), (86_400, False)])
async def test_a_session_ends_when_it_was_said_to(granted: Delegation, seconds: float, answered: bool) -> None:
    session = await granted.session(DurationSeconds="900")
    assert (await granted.encrypt(session)).status == 200
    granted.world.now = NOON + timedelta(seconds=seconds)
    for worker in (granted.worker, granted.world.worker()):
        told = await granted.encrypt(session, worker)
        assert told.code == ("" if answered else "InvalidSecurityToken.Expired")
        assert len(granted.world.events_of(told)) == answered


async def test_no_event_of_a_session_stands_after_its_end(granted: Delegation) -> None:
    """Its time runs out while it is decided again, because something else changed in the account."""
    session = await granted.session(DurationSeconds="900")
    granted.world.now = NOON + timedelta(seconds=899)

    async def meanwhile() -> None:
        granted.customer.user("bystander")
        granted.world.now = NOON + timedelta(seconds=900)

    granted.world.ledger.meanwhile.append(meanwhile)
    assert (await granted.encrypt(session)).code == "InvalidSecurityToken.Expired"
    assert not granted.world.ledger.of(KeyUsed)


async def test_a_clock_with_microseconds_ends_no_session_early(granted: Delegation) -> None:
    granted.world.now = datetime.fromisoformat("2026-06-01T12:00:00.999999+00:00")
    told = await granted.assume(DurationSeconds="900")
    assert told.body["Credentials"]["Expiration"] == "2026-06-01T12:15:00Z"


async def test_revoking_ends_the_session_at_that_position(granted: Delegation) -> None:
    """Each worker remembers the session, and none is told."""
    session, elsewhere = await granted.session(), granted.world.worker()
    for worker in (granted.worker, elsewhere):
        assert (await granted.encrypt(session, worker)).status == 200
    granted.customer.role_updated("shop", trusting(f"acs:ram::{CUSTOMER}:root"))
    for worker in (granted.worker, elsewhere):
        assert (await granted.encrypt(session, worker)).code == "InvalidSecurityToken.Expired"


async def test_detaching_the_roles_policy_stops_uses_at_that_position(granted: Delegation) -> None:
    session = await granted.session()
    assert (await granted.encrypt(session)).status == 200
    granted.world.ledger.meanwhile.append(_later(lambda: granted.customer.detached("use", "role", "shop")))
    assert (await granted.encrypt(session)).code == "Forbidden.NoPermission"
    assert len(granted.world.ledger.of(KeyUsed)) == 1


async def test_a_role_that_stops_trusting_while_it_is_assumed_is_not_assumed(granted: Delegation) -> None:
    granted.world.ledger.meanwhile.append(
        _later(lambda: granted.customer.role_updated("shop", trusting(f"acs:ram::{CUSTOMER}:root")))
    )
    assert (await granted.assume()).code == "NoPermission"
    assert not granted.world.ledger.of(RoleAssumed)


async def test_a_developer_who_loses_the_permission_while_it_is_used_does_not_get_the_role(granted: Delegation) -> None:
    granted.world.ledger.meanwhile.append(_later(lambda: granted.developer.detached("assume", "user", "dev")))
    assert (await granted.assume()).code == "NoPermission"
    assert not granted.world.ledger.of(RoleAssumed)


# --- false tokens ----------------------------------------------------------------------------------------------------


async def test_a_session_without_its_token_is_nobody(granted: Delegation) -> None:
    session = await granted.session()
    told = await granted.encrypt(Who(session.credentials))
    assert (told.status, told.code) == (404, "InvalidAccessKeyId.NotFound")


async def test_a_token_without_an_access_key_is_no_signature(granted: Delegation) -> None:
    session = await granted.session()
    raw = signed.rpc(
        session.credentials, "Encrypt", {"SecurityToken": session.token}, at=NOON, without=("AccessKeyId",)
    )
    assert (await granted.worker.send(raw)).code == "MissingParameter"


async def test_the_right_token_with_another_access_key_is_refused(granted: Delegation) -> None:
    session = await granted.session()
    another = await granted.session()
    for credentials in (granted.dev.credentials, granted.owner.credentials, another.credentials):
        told = await granted.encrypt(Who(credentials, session.token))
        assert (told.status, told.code) == (400, "InvalidSecurityToken.MismatchWithAccessKey")


async def test_a_token_does_not_vouch_for_a_wrong_secret(granted: Delegation) -> None:
    session = await granted.session()
    forged = Who(Credentials(session.credentials.access_key_id, "forged"), session.token)
    assert (await granted.encrypt(forged)).code == "SignatureDoesNotMatch"
    assert (await granted.encrypt(session)).status == 200
    assert (await granted.encrypt(forged)).code == "SignatureDoesNotMatch"


async def test_a_token_of_nobodys_is_malformed_and_nothing_is_recorded(granted: Delegation) -> None:
    before = len(granted.history())
    for token in ("nonsense", "A" * 9_000, "é", "e30"):
        told = await granted.encrypt(Who(granted.dev.credentials, token))
        assert (told.status, told.code) == (400, "InvalidSecurityToken.Malformed")
    assert len(granted.history()) == before


async def test_a_token_that_is_not_signed_with_the_request_is_no_part_of_it(granted: Delegation) -> None:
    session = await granted.session()
    raw = signed.rpc(session.credentials, "Encrypt", {"KeyId": str(granted.key_id), "Plaintext": "x"}, at=NOON)
    smuggled = raw.but(target=f"{raw.target}&SecurityToken={session.token}")
    assert (await granted.worker.send(smuggled)).code == "SignatureDoesNotMatch"


# --- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("afterwards", [False, True])
async def test_where_the_hsm_fails_no_session_begins(granted: Delegation, afterwards: bool) -> None:
    await granted.assume()
    before = len(granted.history())
    if afterwards:
        granted.world.hsm.failing_afterwards = ServiceUnavailable()
    else:
        granted.world.hsm.failing = ServiceUnavailable()
    told = await granted.assume()
    assert (told.status, told.code) == (503, "ServiceUnavailableTemporary")
    assert len(granted.history()) == before


async def test_where_the_ledger_is_away_no_token_is_told(granted: Delegation) -> None:
    await granted.assume()
    granted.world.ledger.unreachable = 1
    told = await granted.assume()
    assert told.code == "ServiceUnavailableTemporary"
    assert "Credentials" not in told.body


async def test_where_the_acknowledgement_is_lost_the_session_stands_and_nobody_has_it(granted: Delegation) -> None:
    granted.world.ledger.unacknowledged = 1
    told = await granted.assume()
    assert told.code == "ServiceUnavailableTemporary"
    assert "Credentials" not in told.body
    assert len(granted.world.ledger.of(RoleAssumed)) == 1


async def test_a_replayed_assume_role_begins_one_session(granted: Delegation) -> None:
    raw = signed.rpc(
        granted.dev.credentials,
        "AssumeRole",
        {"Version": STS, "RoleArn": ROLE, "RoleSessionName": "order-7"},
        at=NOON,
    )
    codes = [(await granted.worker.send(raw)).code for _ in range(2)]
    assert codes == ["", "SignatureNonceUsed"]
    assert len(granted.world.ledger.of(RoleAssumed)) == 1


def _later(change: Callable[[], object]) -> Meanwhile:
    async def happen() -> None:
        change()

    return happen
