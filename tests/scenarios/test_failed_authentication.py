"""Whoever fails to prove who they are is counted, and told only then; no event and no limit of the owner is spent.

Through the whole of a worker, with the clock in the test's hand; counting itself is tested with PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest

from adapters.rate_limits import RateLimits
from domain.errors import ServiceUnavailable
from domain.ports import SealedSecret
from domain.rate import rate
from tests.fixtures import signed
from tests.fixtures.in_process import Told, Who, Worker, World
from tests.fixtures.ledger import ACCOUNT
from tests.fixtures.ram import OTHER_ACCOUNT, Ram, allowing, trusting
from tests.fixtures.signed import Credentials, Raw

HERE: Final = "192.0.2.7"
ROLE: Final = f"acs:ram::{ACCOUNT}:role/shop"
HOUR: Final = timedelta(hours=1)


@dataclass
class Scene:
    """An account with a root identity and the user ``ann``, who may use keys and assume the role ``shop``."""

    world: World
    ram: Ram
    worker: Worker
    root: Who
    ann: Who

    def counted(self) -> dict[tuple[str, str], int]:
        """By access key and code. Owner and source are always these."""
        assert {(owner, source) for _, owner, source, _ in self.world.failures.counts} <= {(ACCOUNT, HERE)}
        return {(key_id, code): count for (key_id, _, _, code), count in self.world.failures.counts.items()}

    async def session(self) -> Who:
        return await self.worker.session(self.ann, ROLE)


@pytest.fixture
async def scene() -> Scene:
    world = World()
    ram = Ram(world.ledger)
    root, ann = await world.root(ram), await world.user(ram, "ann")
    ram.policy("work", allowing("kms:*", "sts:AssumeRole"))
    ram.attached("work", "user", "ann")
    ram.role("shop", trusting(f"acs:ram::{ACCOUNT}:user/ann"), "id-shop")
    ram.attached("work", "role", "shop")
    return Scene(world, ram, world.worker(), root, ann)


def _forged(who: Who) -> Who:
    return Who(Credentials(who.credentials.access_key_id, "a guess"), who.token)


# --- what is counted, and against whom --------------------------------------------------------------------------------


async def _wrong_secret(scene: Scene) -> tuple[Told, str]:
    return await scene.worker.ask(_forged(scene.ann), "ListKeys"), scene.ann.credentials.access_key_id


async def _too_old(scene: Scene) -> tuple[Told, str]:
    told = await scene.worker.ask(scene.ann, "ListKeys", at=scene.world.now - HOUR)
    return told, scene.ann.credentials.access_key_id


async def _no_algorithm(scene: Scene) -> tuple[Told, str]:
    told = await scene.worker.ask(scene.root, "ListKeys", {"SignatureMethod": "none"})
    return told, scene.root.credentials.access_key_id


async def _unsigned(scene: Scene) -> tuple[Told, str]:
    key_id = scene.root.credentials.access_key_id
    return await scene.worker.send(Raw("GET", f"/?Action=ListKeys&AccessKeyId={key_id}")), key_id


async def _inactive(scene: Scene) -> tuple[Told, str]:
    key_id = scene.ann.credentials.access_key_id
    scene.ram.access_key_is("Inactive", "ann", key_id)
    return await scene.worker.ask(scene.ann, "ListKeys"), key_id


async def _deleted(scene: Scene) -> tuple[Told, str]:
    """Nobody has it, but somebody had: its secret is still known."""
    key_id = scene.ann.credentials.access_key_id
    scene.ram.access_key_deleted("ann", key_id)
    return await scene.worker.ask(scene.ann, "ListKeys"), key_id


async def _replay(scene: Scene) -> tuple[Told, str]:
    """The signature is the owner's, and whoever sends it again may be anybody."""
    asked = signed.rpc(scene.ann.credentials, "DescribeRegions", at=scene.world.now)
    await scene.worker.send(asked)
    return await scene.worker.send(asked), scene.ann.credentials.access_key_id


async def _false_token(scene: Scene) -> tuple[Told, str]:
    return await scene.worker.ask(Who(scene.ann.credentials, "token"), "ListKeys"), scene.ann.credentials.access_key_id


async def _anothers_token(scene: Scene) -> tuple[Told, str]:
    session = await scene.session()
    told = await scene.worker.ask(Who(scene.ann.credentials, session.token), "ListKeys")
    return told, scene.ann.credentials.access_key_id


async def _sessions_secret(scene: Scene) -> tuple[Told, str]:
    session = await scene.session()
    return await scene.worker.ask(_forged(session), "ListKeys"), session.credentials.access_key_id


async def _session_is_over(scene: Scene) -> tuple[Told, str]:
    session = await scene.session()
    scene.world.now += HOUR
    return await scene.worker.ask(session, "ListKeys"), session.credentials.access_key_id


async def _role_is_gone(scene: Scene) -> tuple[Told, str]:
    session = await scene.session()
    scene.ram.role_deleted("shop")
    return await scene.world.worker().ask(session, "ListKeys"), session.credentials.access_key_id


FAILURES: Final[dict[str, tuple[str, Callable[[Scene], Awaitable[tuple[Told, str]]]]]] = {
    "a wrong secret": ("SignatureDoesNotMatch", _wrong_secret),
    "a timestamp of an hour ago": ("InvalidTimeStamp.Expired", _too_old),
    "no algorithm": ("InvalidSignatureMethod", _no_algorithm),
    "no signature": ("IncompleteSignature", _unsigned),
    "an inactive access key": ("InvalidAccessKeyId.Inactive", _inactive),
    "a deleted access key": ("InvalidAccessKeyId.NotFound", _deleted),
    "a replay": ("SignatureNonceUsed", _replay),
    "a false token": ("InvalidSecurityToken.Malformed", _false_token),
    "the token of another access key": ("InvalidSecurityToken.MismatchWithAccessKey", _anothers_token),
    "a wrong secret of a session": ("SignatureDoesNotMatch", _sessions_secret),
    "a session that is over": ("InvalidSecurityToken.Expired", _session_is_over),
    "a session of a role that is gone": ("InvalidSecurityToken.Expired", _role_is_gone),
}
every_failure = pytest.mark.parametrize("failure", FAILURES)


@every_failure
async def test_a_failure_is_counted_once_against_the_access_key_that_was_named(scene: Scene, failure: str) -> None:
    code, fail = FAILURES[failure]
    told, key_id = await fail(scene)
    assert told.code == code
    assert scene.counted() == {(key_id, code): 1}
    assert scene.world.events_of(told) == []


@every_failure
async def test_who_cannot_be_counted_is_not_told_why_they_failed(scene: Scene, failure: str) -> None:
    scene.world.failures.refusing = ServiceUnavailable()
    told, _ = await FAILURES[failure][1](scene)
    assert (told.status, told.code) == (503, "ServiceUnavailableTemporary")


async def test_an_access_key_that_nobody_ever_had_is_counted_by_nobody(scene: Scene) -> None:
    for key_id in ("LTAIinvented", "STS.invented", "x" * 200, "\0"):
        told = await scene.worker.ask(Who(Credentials(key_id, "a guess")), "ListKeys")
        assert 400 <= told.status < 500
    assert (await scene.worker.send(Raw("GET", "/?Action=ListKeys"))).code == "MissingParameter"
    assert scene.counted() == {}


async def test_a_caller_who_is_known_is_recorded_and_not_counted(scene: Scene) -> None:
    bob = await scene.world.user(scene.ram, "bob")
    assert (await scene.worker.ask(bob, "CreateKey")).code == "Forbidden.NoPermission"
    assert (await scene.worker.ask(scene.ann, "Frobnicate")).code == "InvalidApi.NotFound"
    assert (await scene.worker.ask(scene.ann, "ListKeys")).status == 200
    assert scene.counted() == {}


async def test_a_failure_of_the_service_is_nobodys(scene: Scene) -> None:
    scene.worker.reader.failing = ServiceUnavailable()
    assert (await scene.worker.ask(scene.ann, "ListKeys")).status == 503
    assert scene.counted() == {}


async def test_who_loses_their_access_key_on_the_way_is_counted(scene: Scene) -> None:
    """Authenticated at first; what was decided then may not be recorded any more, and anew they are nobody."""
    key_id = scene.ann.credentials.access_key_id

    async def deactivated() -> None:
        scene.ram.access_key_is("Inactive", "ann", key_id)

    scene.world.ledger.meanwhile.append(deactivated)
    told = await scene.worker.ask(scene.ann, "ListKeys")
    assert told.code == "InvalidAccessKeyId.Inactive"
    assert scene.counted() == {(key_id, told.code): 1}


async def test_whose_permissions_change_too_fast_failed_at_nothing(scene: Scene) -> None:
    async def changed() -> None:
        scene.ram.user(f"user-{scene.ram.version}")

    scene.world.ledger.meanwhile.extend([changed] * 50)
    assert (await scene.worker.ask(scene.ann, "ListKeys")).code == "Rejected.StateModifiedFailed"
    assert scene.counted() == {}


async def test_addresses_of_one_ipv6_network_are_one_source(scene: Scene) -> None:
    for host in ("1", "2", "ffff:1"):
        asked = signed.rpc(_forged(scene.ann).credentials, "ListKeys", at=scene.world.now)
        await scene.worker.send(asked, source_ip=f"2001:db8::{host}")
    ((_, _, source, _), count), *more = scene.world.failures.counts.items()
    assert (source, count, more) == ("2001:db8::/64", 3, [])


# --- rate limits ------------------------------------------------------------------------------------------------------


def _limited(scene: Scene, account: int = 1_000, principal: int = 1_000) -> Worker:
    """Tokens at once; new ones come once in an hour."""
    clock: Callable[[], int] = lambda: 10**15  # noqa: E731
    limits = RateLimits(rate(1 / 3_600, account), rate(1 / 3_600, principal), clock=clock)
    return Worker(scene.world, limits=limits)


async def test_who_calls_too_often_is_turned_away_before_hsm_and_ledger(scene: Scene) -> None:
    worker = _limited(scene, principal=2)
    key_id = await worker.create_key(scene.ann)
    assert (await worker.encrypt(scene.ann, key_id)).status == 200
    journal, history = list(scene.world.journal), len(scene.world.ledger.history)
    for action in ("Encrypt", "CreateKey", "DescribeRegions", "Frobnicate"):
        told = await worker.ask(scene.ann, action, {"KeyId": str(key_id), "Plaintext": "x"})
        assert (told.status, told.code) == (429, "Rejected.Throttling")
        assert "Retry after 3600.000 seconds" in told.body["Message"]
    assert (scene.world.journal, len(scene.world.ledger.history)) == (journal, history)
    assert (await worker.encrypt(scene.root, key_id)).status == 200


async def test_who_is_turned_away_may_send_the_same_request_again_later(scene: Scene) -> None:
    worker = _limited(scene, account=1)
    await worker.ask(scene.ann, "DescribeRegions")
    asked = signed.rpc(scene.ann.credentials, "DescribeRegions", at=scene.world.now)
    assert (await worker.send(asked)).code == "Rejected.Throttling"
    assert (await scene.worker.send(asked)).status == 200


async def test_a_stranger_uses_up_nobodys_limit(scene: Scene) -> None:
    worker = _limited(scene, account=1, principal=1)
    for _ in range(5):
        assert (await worker.ask(_forged(scene.ann), "DescribeRegions")).code == "SignatureDoesNotMatch"
    assert (await worker.ask(scene.ann, "DescribeRegions")).status == 200


async def test_an_accounts_limit_is_no_other_accounts(scene: Scene) -> None:
    worker = _limited(scene, account=1)
    other = await scene.world.root(Ram(scene.world.ledger, OTHER_ACCOUNT))
    codes = [(await worker.ask(who, "DescribeRegions")).code for who in (scene.ann, scene.root, other, other)]
    assert codes == ["", "Rejected.Throttling", "", "Rejected.Throttling"]


async def test_a_call_that_is_decided_again_is_one_call(scene: Scene) -> None:
    worker = _limited(scene, principal=2)

    async def changed() -> None:
        scene.ram.user(f"user-{scene.ram.version}")

    scene.world.ledger.meanwhile.extend([changed] * 3)
    codes = [(await worker.ask(scene.ann, "DescribeRegions")).code for _ in range(3)]
    assert codes == ["", "", "Rejected.Throttling"]


# --- the region of a request that others could have changed -----------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "secure", "region_id"),
    [
        ("RPC", True, "cn-shanghai"),
        ("RPC", False, "cn-beijing"),
        ("ACS3", True, "cn-shanghai"),
        ("ACS3", False, "cn-shanghai"),
        ("ACS4", False, "cn-shanghai"),
    ],
)
async def test_host_names_the_region_where_nobody_else_could_have_written_it(
    scene: Scene, family: str, secure: bool, region_id: str
) -> None:
    """The RPC signature covers no header; over plain HTTP, whoever carries the request could choose the region."""
    host, given, who, at = "kms.cn-shanghai.x", {"RegionId": "cn-beijing"}, scene.ann.credentials, scene.world.now
    if family == "RPC":
        asked = signed.rpc(who, "CreateKey", given, at=at).with_header("host", host)
    else:
        asked = signed.acs(who, "CreateKey", given, host=host, at=at, scheme=f"{family}-HMAC-SHA256")
    told = await scene.worker.send(asked, secure=secure)
    assert told.body["KeyMetadata"]["Arn"].startswith(f"acs:kms:{region_id}:")


async def test_a_deleted_access_key_has_no_secret_any_more_and_who_tries_it_is_counted_against_its_owner(
    scene: Scene,
) -> None:
    key_id = scene.ann.credentials.access_key_id
    given = {"Version": "2015-05-01", "UserName": "ann", "UserAccessKeyId": key_id}
    assert (await scene.worker.ask(scene.root, "DeleteAccessKey", given)).status == 200
    assert scene.world.ledger.secrets[key_id] == SealedSecret(key_id, ACCOUNT, b"")
    for worker in (scene.worker, scene.world.worker()):
        told = await worker.ask(scene.ann, "ListKeys")
        assert told.code == "InvalidAccessKeyId.NotFound"
    assert scene.counted() == {(key_id, told.code): 2}
