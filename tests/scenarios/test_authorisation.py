"""Every operation asks for permission, on the right resource, before it tells or does anything."""

from __future__ import annotations

import json
from typing import Final
from uuid import UUID, uuid4

import pytest

from api import dispatch
from api.action import Action, Product
from api.operations import OPERATIONS
from domain import events
from domain import key as keys_of
from domain.events import CallAnswered, CallRefused, KeyUsed
from domain.guard import Guard
from domain.vocabulary import Operation
from tests.fixtures import signed
from tests.fixtures.in_process import Told, Who, Worker, World
from tests.fixtures.ledger import ACCOUNT, a_destruction
from tests.fixtures.ram import OTHER_ACCOUNT, Ram, allowing, trusting

FREE: Final = {"DescribeRegions", "GetCallerIdentity"}
"""For everybody who is known. This list only shrinks."""

KEYS: Final = f"acs:kms:cn-hangzhou:{ACCOUNT}:key"
UNKNOWN: Final = "00000000-0000-4000-8000-000000000000"


class Office:
    """An account with a key, its root, and the user alice, who may nothing until she is given something."""

    def __init__(self) -> None:
        self.world = World()
        self.ram = Ram(self.world.ledger)
        self.worker = self.world.worker()

    async def opened(self) -> Office:
        self.root = await self.world.root(self.ram)
        self.alice = await self.world.user(self.ram, "alice")
        self.key_id = str(await self.worker.create_key(self.root))
        blob = await self.worker.ask(self.root, "Encrypt", {"KeyId": self.key_id, "Plaintext": "hello"})
        self.blob: str = blob.body["CiphertextBlob"]
        return self

    def gives(self, name: str, document: str) -> None:
        self.ram.policy(name, document)
        self.ram.attached(name, "user", "alice")

    async def asks(self, action: str, **given: str) -> Told:
        return await self.worker.ask(self.alice, action, given)


@pytest.fixture
async def office() -> Office:
    return await Office().opened()


def parameters(action: Action, office: Office) -> dict[str, str]:
    """What every required parameter of ``action`` could be."""
    values = {
        "KeyId": office.key_id,
        "CiphertextBlob": office.blob,
        "PendingWindowInDays": "7",
        "RoleArn": f"acs:ram::{ACCOUNT}:role/shop",
        "PolicyType": "Custom",
        "PolicyDocument": allowing("*"),
        "AssumeRolePolicyDocument": trusting(f"acs:ram::{ACCOUNT}:root"),
        "Status": "Inactive",
        "VersionId": "v1",
    }
    return {
        parameter.name: values.get(parameter.name, "something") for parameter in action.parameters if parameter.required
    }


@pytest.mark.parametrize("action", OPERATIONS.values(), ids=lambda action: str(action.name))
async def test_who_has_no_permission_gets_nothing_done(office: Office, action: Action) -> None:
    told = await office.worker.ask(
        office.alice, action.name, {"Version": action.product.version, **parameters(action, office)}
    )
    if action.name in FREE:
        assert told.status == 200
        return
    assert (told.status, told.code) == (
        403,
        "Forbidden.NoPermission" if action.product is Product.KMS else "NoPermission",
    )
    assert action.ram_action in told.body["Message"]
    (event,) = office.world.events_of(told)
    assert isinstance(event, CallRefused)
    assert event.code == told.code
    # Roles are RAM's, whoever is asked for a session of one.
    owner = Product.RAM if action.product is Product.STS else action.product
    assert event.resource.startswith(f"acs:{owner.prefix}:")
    assert event.resource in told.body["Message"]


def test_what_needs_no_permission_is_in_the_table() -> None:
    assert {action.name for action in OPERATIONS.values()} >= FREE


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "resource", "given"),
    [
        ("CreateKey", KEYS, {}),
        ("ListKeys", KEYS, {}),
        ("Encrypt", f"{KEYS}/<id>", {"KeyId": "<id>", "Plaintext": "x"}),
        ("Decrypt", f"{KEYS}/<id>", {"CiphertextBlob": "<blob>"}),
        ("GenerateDataKey", f"{KEYS}/<id>", {"KeyId": "<id>"}),
        ("DescribeKey", f"{KEYS}/<id>", {"KeyId": f"{KEYS}/<id>"}),
        ("DisableKey", f"{KEYS}/<id>", {"KeyId": "<id>"}),
    ],
)
async def test_one_action_on_one_resource_suffices_and_nothing_less_does(
    office: Office, action: str, resource: str, given: dict[str, str]
) -> None:
    def filled(text: str) -> str:
        return text.replace("<id>", office.key_id).replace("<blob>", office.blob)

    asked = {name: filled(value) for name, value in given.items()}
    office.gives("beside", allowing("kms:*", resource=f"{filled(resource)}x"))
    office.gives("other", allowing("kms:Other", resource="*"))
    assert (await office.asks(action, **asked)).code == "Forbidden.NoPermission"
    office.gives("exact", allowing(f"kms:{action}", resource=filled(resource)))
    assert (await office.asks(action, **asked)).status == 200


async def test_an_explicit_deny_wins_over_everything(office: Office) -> None:
    office.gives("all", allowing("*"))
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).status == 200
    office.gives("never", allowing("kms:Encrypt", effect="Deny"))
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).code == "Forbidden.NoPermission"


async def test_who_may_do_nothing_with_a_key_does_not_learn_whether_it_exists(office: Office) -> None:
    other = Ram(office.world.ledger, OTHER_ACCOUNT)
    foreign = str(await office.worker.create_key(await office.world.root(other)))
    destroyed, disabled = [str(await office.worker.create_key(office.root)) for _ in range(2)]
    await _destroy(office, destroyed)
    await office.worker.ask(office.root, "DisableKey", {"KeyId": disabled})
    told = set()
    for key_id in (office.key_id, foreign, destroyed, disabled, UNKNOWN, str(uuid4())):
        refused = await office.asks("Encrypt", KeyId=key_id, Plaintext="x")
        told.add((refused.status, refused.code, refused.body["Message"].replace(key_id, "<id>")))
    assert len(told) == 1


async def test_a_key_of_another_account_does_not_exist_for_who_may_do_everything(office: Office) -> None:
    """Neither for root nor for a user: without a policy of the key's own, nothing crosses accounts."""
    other = Ram(office.world.ledger, OTHER_ACCOUNT)
    foreign = str(await office.worker.create_key(await office.world.root(other)))
    office.gives("all", allowing("*"))
    told = set()
    for who in (office.alice, office.root):
        for key_id in (foreign, UNKNOWN):
            refused = await office.worker.ask(who, "Encrypt", {"KeyId": key_id, "Plaintext": "x"})
            told.add((refused.status, refused.code, refused.body["Message"]))
            (event,) = office.world.events_of(refused)
            assert isinstance(event, CallRefused)
            assert OTHER_ACCOUNT not in event.resource
    assert {(status, code) for status, code, _ in told} == {(404, "Forbidden.KeyNotFound")}
    assert len(told) == 1


async def test_permission_is_asked_before_the_keys_state(office: Office) -> None:
    await office.worker.ask(office.root, "DisableKey", {"KeyId": office.key_id})
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).code == "Forbidden.NoPermission"
    office.gives("use", allowing("kms:Encrypt"))
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).code == "Rejected.Disabled"


async def test_who_has_no_permission_does_not_reach_the_hsm(office: Office) -> None:
    office.world.journal.clear()
    for action in ("Encrypt", "Decrypt", "GenerateDataKey", "CreateKey"):
        told = await office.asks(action, KeyId=office.key_id, Plaintext="x", CiphertextBlob=office.blob)
        assert told.code == "Forbidden.NoPermission"
    assert not [step for step in office.world.journal if step.startswith("hsm ") and step != "hsm unseal"]


async def test_a_dry_run_tells_of_a_missing_permission(office: Office) -> None:
    asked = {"KeyId": office.key_id, "Plaintext": "x", "DryRun": "true"}
    assert (await office.asks("Encrypt", **asked)).code == "Forbidden.NoPermission"
    office.gives("use", allowing("kms:Encrypt"))
    assert (await office.asks("Encrypt", **asked)).code == "DryRunOperationError"


async def test_a_keys_tags_decide_where_a_policy_asks_for_them(office: Office) -> None:
    tagged = await office.worker.ask(
        office.root, "CreateKey", {"Tags": json.dumps([{"TagKey": "team", "TagValue": "shop"}])}
    )
    document = json.loads(allowing("kms:Encrypt"))
    document["Statement"][0]["Condition"] = {"StringEquals": {"kms:tag/team": "shop"}}
    office.gives("of-the-shop", json.dumps(document))
    answered = await office.asks("Encrypt", KeyId=tagged.body["KeyMetadata"]["KeyId"], Plaintext="x")
    assert answered.status == 200
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).code == "Forbidden.NoPermission"
    assert (await office.asks("Encrypt", KeyId=UNKNOWN, Plaintext="x")).code == "Forbidden.NoPermission"


async def test_the_address_that_asks_decides_where_a_policy_asks_for_it(office: Office) -> None:
    document = json.loads(allowing("kms:Encrypt"))
    document["Statement"][0]["Condition"] = {"IpAddress": {"acs:SourceIp": "192.0.2.0/24"}}
    office.gives("from-here", json.dumps(document))
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).status == 200
    document["Statement"][0]["Condition"] = {"IpAddress": {"acs:SourceIp": "198.51.100.0/24"}}
    office.ram.policy_version("from-here", "v2", json.dumps(document))
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).code == "Forbidden.NoPermission"


# --- what is recorded ------------------------------------------------------------------------------------------------


async def test_a_refusal_is_guarded_by_what_it_was_decided_on(office: Office) -> None:
    await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")
    expected = (Guard(office.ram.stream, office.ram.version), Guard(office.world.ledger.history[-1].key_id, 1))  # type: ignore[attr-defined]
    assert office.world.ledger.tried[-1].guards == expected


async def test_a_use_names_the_user(office: Office) -> None:
    office.gives("use", allowing("kms:Encrypt"))
    (use,) = office.world.events_of(await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x"))
    assert isinstance(use, KeyUsed)
    by = use.call.by
    assert (by.kind, by.user_name, by.account_id) == ("ram-user", "alice", ACCOUNT)
    assert by.principal == f"acs:ram::{ACCOUNT}:user/alice"
    assert by.principal_id.startswith("id-alice")


async def test_a_list_names_its_container(office: Office) -> None:
    office.gives("list", allowing("kms:ListKeys", resource=KEYS))
    (event,) = office.world.events_of(await office.asks("ListKeys"))
    assert isinstance(event, CallAnswered)
    assert (event.key_id, event.resource) == (None, KEYS)


async def test_a_permission_that_is_given_in_time_is_seen_without_being_told(office: Office) -> None:
    """The refusal does not stand: its guard moved, so it is decided again."""
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).code == "Forbidden.NoPermission"

    async def meanwhile() -> None:
        office.gives("use", allowing("kms:Encrypt"))

    office.world.ledger.meanwhile.append(meanwhile)
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).status == 200


async def test_an_account_that_changes_all_the_time_is_told_so_in_the_end(office: Office) -> None:
    office.gives("use", allowing("kms:Encrypt"))

    async def meanwhile() -> None:
        office.ram.user(f"user-{office.ram.version}")

    office.world.ledger.meanwhile.extend([meanwhile] * 7)
    assert (await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")).status == 200
    office.world.ledger.meanwhile.extend([meanwhile] * 8)
    told = await office.asks("Encrypt", KeyId=office.key_id, Plaintext="x")
    assert (told.status, told.code) == (409, "Rejected.StateModifiedFailed")
    assert len(office.world.ledger.of(KeyUsed)) == 2
    (refused,) = office.world.events_of(told)
    assert isinstance(refused, CallRefused)
    assert (refused.code, refused.message) == (told.code, told.body["Message"])
    assert (refused.call.by.principal, str(refused.key_id)) == (f"acs:ram::{ACCOUNT}:user/alice", office.key_id)


async def test_a_change_that_is_always_overtaken_leaves_its_refusal(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatch, "AUTHENTICATIONS_IN_TURN", 3)

    async def meanwhile() -> None:
        office.ram.user(f"user-{office.ram.version}")

    office.world.ledger.meanwhile.extend([meanwhile] * 5)
    told = await office.worker.ask(office.root, "CreateUser", {"Version": "2015-05-01", "UserName": "late"})
    assert (told.status, told.code) == (409, "Rejected.StateModifiedFailed")
    (refused,) = office.world.events_of(told)
    assert isinstance(refused, CallRefused)
    assert (refused.code, refused.call.operation) == (told.code, Operation.CREATE_USER)
    assert "late" not in office.ram.authority.users


async def test_a_request_that_was_always_overtaken_is_used_all_the_same(office: Office) -> None:
    """Its refusal stands in its own stream, so a replay is one."""

    async def meanwhile() -> None:
        office.ram.user(f"user-{office.ram.version}")

    raw = signed.rpc(office.root.credentials, "ListKeys", at=office.world.now)
    office.world.ledger.meanwhile.extend([meanwhile] * 9)
    assert (await office.worker.send(raw)).code == "Rejected.StateModifiedFailed"
    office.world.ledger.meanwhile.clear()
    assert (await office.worker.send(raw)).code == "SignatureNonceUsed"


# --- quotas ----------------------------------------------------------------------------------------------------------


async def test_the_quota_of_keys_is_the_settings_until_an_operator_raises_it() -> None:
    office = await Office().opened()
    worker = Worker(office.world, cmks_max=2)
    assert await _created(worker, office.root) == 1
    office.ram.record(events.QuotaRaised, region_id="cn-hangzhou", quota=4, ticket="T-1")
    assert await _created(worker, office.root) == 2
    assert await _created(worker, office.root, "cn-shanghai") == 2
    office.ram.record(events.QuotaRaised, region_id="", quota=5, ticket="T-2")
    assert await _created(worker, office.root) == 1
    assert await _created(worker, office.root, "cn-shanghai") == 3


async def _created(worker: Worker, who: Who, region_id: str = "cn-hangzhou") -> int:
    """How many more keys there may be."""
    for number in range(10):
        told = await worker.ask(who, "CreateKey", {"RegionId": region_id})
        if told.status != 200:
            assert told.code == "Rejected.LimitExceeded"
            return number
    raise AssertionError("there is no limit")


async def _destroy(office: Office, key_id: str) -> None:
    await office.worker.ask(office.root, "ScheduleKeyDeletion", {"KeyId": key_id, "PendingWindowInDays": "7"})
    key = keys_of.replay(office.world.ledger.stream(UUID(key_id)))
    assert key is not None
    office.world.ledger.record(a_destruction(key))


@pytest.mark.parametrize(
    ("seen", "recorded"),
    [("::ffff:192.0.2.7", "192.0.2.7"), ("192.0.2.7", "192.0.2.7"), ("2001:db8::7", "2001:db8::7")],
)
async def test_an_ipv4_caller_of_a_socket_for_both_is_recorded_as_one(office: Office, seen: str, recorded: str) -> None:
    """Or a filter of the audit trail by its network would miss it."""
    raw = signed.rpc(office.root.credentials, "DescribeRegions", at=office.world.now)
    assert (await office.worker.send(raw, source_ip=seen)).status == 200
    assert office.world.ledger.history[-1].call.source_ip == recorded
