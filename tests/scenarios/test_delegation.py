"""A service developer works with a customer's key, under a role that the customer granted and as long as it is granted.

Two accounts, a user in one and a role in the other; through the whole of a worker, with the clock in the test's hand.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from domain import events
from domain.events import CallRefused, KeyUsed, RoleAssumed
from domain.guard import Guard
from tests.fixtures import signed
from tests.fixtures.delegation import CUSTOMER, DEV, DEVELOPER, ROLE, Delegation
from tests.fixtures.ledger import NOON
from tests.fixtures.ram import allowing, trusting

# --- what is granted -------------------------------------------------------------------------------------------------


async def test_the_developer_uses_the_customers_key_and_the_event_names_everybody(granted: Delegation) -> None:
    told = await granted.encrypt(await granted.session())
    assert told.status == 200
    (use,) = granted.world.events_of(told)
    assert isinstance(use, KeyUsed)
    by = use.call.by
    assert use.key_id == granted.key_id
    assert (by.account_id, by.kind) == (CUSTOMER, "assumed-role")
    assert by.principal == f"{ROLE}/order-7"
    assert by.principal_id == "id-shop:order-7"
    assert by.user_name == "shop:order-7"
    assert by.assumed_by == DEV
    assert by.access_key_id.startswith("STS.")


async def test_a_session_begins_with_an_event_that_both_accounts_guard(granted: Delegation) -> None:
    told = await granted.assume()
    (begun,) = granted.world.events_of(told)
    assert isinstance(begun, RoleAssumed)
    assert begun.call.by.principal == DEV
    assert (begun.account_id, begun.role_arn, begun.role_id) == (CUSTOMER, ROLE, "id-shop")
    assert (begun.session_name, begun.duration_seconds) == ("order-7", 3_600)
    assert begun.expires_at == NOON + timedelta(hours=1)
    assert begun.access_key_id == told.body["Credentials"]["AccessKeyId"]
    assert told.body["Credentials"]["Expiration"] == "2026-06-01T13:00:00Z"
    assert told.body["AssumedRoleUser"] == {"Arn": f"{ROLE}/order-7", "AssumedRoleId": "id-shop:order-7"}
    guards = granted.world.ledger.tried[-1].guards
    assert guards == (Guard(granted.developer.stream, 6), Guard(granted.customer.stream, 5))


async def test_a_sessions_uses_are_guarded_by_the_roles_account_alone(granted: Delegation) -> None:
    await granted.encrypt(await granted.session())
    assert granted.world.ledger.tried[-1].guards == (Guard(granted.customer.stream, 5), Guard(granted.key_id, 1))


async def test_secret_and_token_stand_in_no_event(granted: Delegation) -> None:
    session = await granted.session()
    await granted.encrypt(session)
    written = repr(granted.history())
    assert session.token not in written
    assert session.credentials.access_key_secret not in written


async def test_every_worker_knows_the_session(granted: Delegation) -> None:
    session = await granted.session()
    assert (await granted.encrypt(session, granted.world.worker())).status == 200


async def test_a_session_may_no_more_than_its_policy_says(granted: Delegation) -> None:
    session = await granted.session(Policy=allowing("kms:Decrypt"))
    refused = await granted.encrypt(session)
    assert (refused.status, refused.code) == (403, "Forbidden.NoPermission")
    (event,) = granted.world.events_of(refused)
    assert isinstance(event, CallRefused)
    assert event.call.by.assumed_by == DEV


async def test_a_session_may_no_more_than_its_role(granted: Delegation) -> None:
    session = await granted.session(Policy=allowing("*"))
    told = await granted.worker.ask(session, "DisableKey", {"KeyId": str(granted.key_id)})
    assert told.code == "Forbidden.NoPermission"
    assert "kms:DisableKey" in told.body["Message"]
    assert str(granted.key_id) in told.body["Message"]


@pytest.mark.parametrize("form", ["RPC", "STSToken", "ACS3", "ACS4"])
async def test_a_token_travels_with_every_signature(granted: Delegation, form: str) -> None:
    session, given = await granted.session(), {"KeyId": str(granted.key_id), "Plaintext": "x"}
    if form in {"RPC", "STSToken"}:
        name = "SecurityToken" if form == "RPC" else "STSToken"
        raw = signed.rpc(session.credentials, "Encrypt", {**given, name: session.token}, at=NOON)
    else:
        more = {"x-acs-accesskey-id": session.credentials.access_key_id, "x-acs-security-token": session.token}
        raw = signed.acs(
            session.credentials, "Encrypt", given, host="kms", at=NOON, scheme=f"{form}-HMAC-SHA256", more=more
        )
    assert (await granted.worker.send(raw)).status == 200


# --- who asks --------------------------------------------------------------------------------------------------------


async def test_everybody_may_ask_who_they_are(granted: Delegation) -> None:
    nobody = await granted.world.user(granted.developer, "nobody")
    session = await granted.session(Policy=allowing("*", effect="Deny"))
    for who, expected in (
        (granted.owner, ("Account", f"acs:ram::{CUSTOMER}:root", CUSTOMER, CUSTOMER)),
        (nobody, ("RAMUser", f"acs:ram::{DEVELOPER}:user/nobody", DEVELOPER, None)),
        (session, ("AssumedRoleUser", f"{ROLE}/order-7", CUSTOMER, "id-shop:order-7")),
    ):
        told = await granted.worker.ask(who, "GetCallerIdentity")
        kind, arn, account_id, principal_id = expected
        assert (told.body["IdentityType"], told.body["Arn"], told.body["AccountId"]) == (kind, arn, account_id)
        assert principal_id in {None, told.body["PrincipalId"]}
        assert ("RoleId" in told.body, "UserId" in told.body) == (who is session, who is not session)
        (event,) = granted.world.events_of(told)
        assert isinstance(event, events.CallAnswered)
        assert event.resource == arn


# --- what is not granted ---------------------------------------------------------------------------------------------


async def test_the_developers_own_account_must_allow_it(granted: Delegation) -> None:
    granted.developer.detached("assume", "user", "dev")
    told = await granted.assume()
    assert (told.status, told.code) == (403, "NoPermission")
    assert "sts:AssumeRole" in told.body["Message"]
    assert ROLE in told.body["Message"]
    (event,) = granted.world.events_of(told)
    assert isinstance(event, CallRefused)
    assert (event.code, event.resource) == ("NoPermission", ROLE)


async def test_the_role_must_trust_the_developer(granted: Delegation) -> None:
    granted.developer.user("other")
    granted.developer.attached("assume", "user", "other")
    other = await granted.world.access_key(granted.developer, "other")
    assert (await granted.assume(other)).code == "NoPermission"


async def test_a_role_that_trusts_an_account_leaves_it_to_the_account(granted: Delegation) -> None:
    granted.customer.role_updated("shop", trusting(f"acs:ram::{DEVELOPER}:root"))
    other = await granted.world.user(granted.developer, "other")
    assert (await granted.assume(other)).code == "NoPermission"
    granted.developer.attached("assume", "user", "other")
    assert (await granted.assume(other)).status == 200
    assert (await granted.assume(await granted.world.root(granted.developer))).status == 200


async def test_root_of_another_account_needs_to_be_trusted_as_well(granted: Delegation) -> None:
    assert (await granted.assume(await granted.world.root(granted.developer))).code == "NoPermission"


async def test_whether_another_account_has_a_role_is_not_told(granted: Delegation) -> None:
    """Neither by code, nor by message, nor of an account that does not exist."""
    granted.developer.policy("all", allowing("*"))
    granted.developer.attached("all", "user", "dev")
    granted.customer.role("secret", trusting(f"acs:ram::{CUSTOMER}:root"))
    told = []
    for role in (f"acs:ram::{CUSTOMER}:role/secret", f"acs:ram::{CUSTOMER}:role/absent",
                 "acs:ram::3333333333333333:role/absent"):  # fmt: skip
        refused = await granted.assume(role=role)
        told.append((refused.status, refused.code, refused.body["Message"].replace(role, "<role>")))
    assert len(set(told)) == 1
    assert told[0][:2] == (403, "NoPermission")


async def test_in_ones_own_account_a_missing_role_is_told_to_who_may_assume_it(granted: Delegation) -> None:
    absent = f"acs:ram::{CUSTOMER}:role/absent"
    assert (await granted.assume(granted.owner, absent)).code == "EntityNotExist.Role"
    nobody = await granted.world.user(granted.customer, "nobody")
    assert (await granted.assume(nobody, absent)).code == "NoPermission"


async def test_a_role_that_is_made_later_is_found(granted: Delegation) -> None:
    """The refusal was guarded by the customer's account as it was, and nothing of it is remembered."""
    role = f"acs:ram::{CUSTOMER}:role/later"
    granted.developer.policy("later", allowing("sts:AssumeRole", resource=role))
    granted.developer.attached("later", "user", "dev")
    assert (await granted.assume(role=role)).code == "NoPermission"
    granted.customer.role("later", trusting(DEV))
    assert (await granted.assume(role=role)).status == 200


async def test_an_external_id_is_a_condition_of_trust(granted: Delegation) -> None:
    trust = json.loads(trusting(DEV))
    trust["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "order-7"}}
    granted.customer.role_updated("shop", json.dumps(trust))
    assert (await granted.assume()).code == "NoPermission"
    assert (await granted.assume(ExternalId="order-8")).code == "NoPermission"
    assert (await granted.assume(ExternalId="order-7")).status == 200


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"RoleArn": "acs:ram::1:role/shop"}, "InvalidParameter.RoleArn"),
        ({"RoleArn": f"acs:ram::{CUSTOMER}:user/shop"}, "InvalidParameter.RoleArn"),
        ({"RoleArn": f"{ROLE}/x"}, "InvalidParameter.RoleArn"),
        ({"RoleArn": f"{ROLE}\n"}, "InvalidParameter.RoleArn"),
        ({"RoleArn": "acs:ram::１２３４５６７８９０１２３４５６:role/shop"}, "InvalidParameter.RoleArn"),
        ({"RoleArn": ""}, "MissingParameter"),
        ({"RoleSessionName": "x"}, "InvalidParameter.RoleSessionName"),
        ({"RoleSessionName": "x" * 65}, "InvalidParameter.RoleSessionName"),
        ({"RoleSessionName": "a/b"}, "InvalidParameter.RoleSessionName"),
        ({"RoleSessionName": "中文"}, "InvalidParameter.RoleSessionName"),
        ({"RoleSessionName": ""}, "MissingParameter"),
        ({"DurationSeconds": "899"}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": "7201"}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": "1e3"}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": "-900"}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": "９００"}, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": "9" * 40}, "InvalidParameter.DurationSeconds"),
        ({"Policy": "{"}, "InvalidParameter.PolicyGrammar"),
        ({"Policy": trusting(DEV)}, "InvalidParameter.PolicyGrammar"),
        ({"Policy": allowing("kms:*", resource="acs:" + "x" * 1_024)}, "InvalidParameter.PolicySize"),
        ({"SourceIdentity": "dev"}, "UnsupportedOperation"),
        ({"ExternalId": "x" * 1_225}, "InvalidParameter"),
    ],
)
async def test_what_assume_role_cannot_take_is_refused_by_name_and_recorded(
    granted: Delegation, given: dict[str, str], code: str
) -> None:
    told = await granted.worker.ask(granted.dev, "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "order-7", **given})
    assert (told.status, told.code) == (400, code)
    (event,) = granted.world.events_of(told)
    assert isinstance(event, CallRefused)
    assert event.code == code


@pytest.mark.parametrize("given", [{"RoleSessionName": "ab"}, {"RoleSessionName": "A.b@c-d_" * 8},
                                   {"DurationSeconds": "900"}, {"DurationSeconds": "7200"},
                                   {"Policy": allowing("kms:*")}])  # fmt: skip
async def test_what_assume_role_can_just_take_is_taken(granted: Delegation, given: dict[str, str]) -> None:
    told = await granted.worker.ask(granted.dev, "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "order-7", **given})
    assert told.status == 200, told.body


# --- roles one after the other ---------------------------------------------------------------------------------------


async def test_a_session_may_assume_a_further_role_for_an_hour_at_most(granted: Delegation) -> None:
    further = f"acs:ram::{CUSTOMER}:role/further"
    granted.customer.role("further", trusting(ROLE), max_session_duration=7_200)
    granted.customer.policy("assume", allowing("sts:AssumeRole", resource=further))
    granted.customer.attached("assume", "role", "shop")
    session = await granted.session()
    assert (await granted.assume(session, further, DurationSeconds="3601")).code == "InvalidParameter.DurationSeconds"
    told = await granted.assume(session, further, DurationSeconds="3600")
    assert told.status == 200, told.body
    (event,) = granted.world.events_of(told)
    assert event.call.by.principal == f"{ROLE}/order-7"
    second = await granted.worker.session(session, further)
    answered = await granted.worker.ask(second, "GetCallerIdentity")
    assert answered.body["Arn"] == f"{further}/order-7"
    (event,) = granted.world.events_of(answered)
    assert event.call.by.assumed_by == f"{ROLE}/order-7"


async def test_a_session_cannot_prolong_itself_without_its_roles_trust(granted: Delegation) -> None:
    granted.customer.policy("all", allowing("*"))
    granted.customer.attached("all", "role", "shop")
    assert (await granted.assume(await granted.session())).code == "NoPermission"
