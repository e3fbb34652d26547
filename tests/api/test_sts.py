"""A service developer's account uses a customer's key under a role, with the official SDKs over TLS, until it may not.

What takes an hour, and what must be met between a decision and its record: ``tests/scenarios/test_delegation.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient

from tests.fixtures import signed
from tests.fixtures.accounts import Account, another_account
from tests.fixtures.cast import STS, allowing, ask, fresh, trusting, user_with
from tests.fixtures.sdks import CLASSIC, SDKS, ClassicSdk, Refused, Sdk
from tests.fixtures.service import Service
from tests.fixtures.signed import Credentials

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the SDKs themselves

TEXT: Final = "their data"


@dataclass(frozen=True, slots=True)
class Session:
    """What AssumeRole answered."""

    credentials: Credentials
    token: str
    role_arn: str
    role: str

    def signed(self, action: str, given: dict[str, str]) -> signed.Raw:
        return signed.rpc(self.credentials, action, {**given, "SecurityToken": self.token})


@pytest.fixture(scope="module")
def developer(service: Service) -> Account:
    """The customer is the service's first account."""
    return another_account(service)


@pytest.fixture(scope="module")
def key_id(service: Service) -> str:
    return service.create_key()


def grant(service: Service, developer: Account, key_id: str) -> str:
    """A new role of the customer's, which the developer's account may assume, to encrypt and decrypt with the key."""
    role, policy = fresh("role"), fresh("policy")
    ask(service, "CreateRole", RoleName=role, AssumeRolePolicyDocument=trusting(developer.account_id))
    arn = f"acs:kms:*:{service.account_id}:key/{key_id}"
    ask(service, "CreatePolicy", PolicyName=policy, PolicyDocument=allowing("kms:Encrypt", "kms:Decrypt", resource=arn))
    ask(service, "AttachPolicyToRole", PolicyType="Custom", PolicyName=policy, RoleName=role)
    return role


def assume(service: Service, who: Credentials, role: str, kind: str = "Tea, ACS3", **more: Any) -> Session:
    arn = f"acs:ram::{service.account_id}:role/{role}"
    sts = service.sdk(kind, who, product="Sts")
    given = sts("AssumeRole", RoleArn=arn, RoleSessionName="nightly", **more)["Credentials"]
    return Session(Credentials(given["AccessKeyId"], given["AccessKeySecret"]), given["SecurityToken"], arn, role)


def kms(service: Service, session: Session, kind: str) -> Sdk:
    """The official SDK of KMS with the session's credentials."""
    if kind == CLASSIC:
        made = service.sdk(kind, session.credentials)
        assert isinstance(made, ClassicSdk)
        credential = StsTokenCredential(
            session.credentials.access_key_id, session.credentials.access_key_secret, session.token
        )
        made.client.session.close()
        made.client = AcsClient(region_id="cn-hangzhou", credential=credential, timeout=30)
        made.client.add_endpoint("cn-hangzhou", "Kms", service.address)
        return made
    return service.sdk(kind, session.credentials, security_token=session.token)


@pytest.mark.parametrize("kind", SDKS)
def test_the_developer_uses_the_customers_key_and_the_event_names_everybody(
    service: Service, developer: Account, key_id: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.trusted(monkeypatch)
    role = grant(service, developer, key_id)
    session = assume(service, developer.root, role, kind if kind in {"Tea, ACS3", "Tea, RPC"} else "Tea, ACS3")
    sdk, before = kms(service, session, kind), service.head()
    sealed = sdk("Encrypt", KeyId=key_id, Plaintext=TEXT)
    assert sdk("Decrypt", CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"] == TEXT
    uses = service.events(before)
    assert [use.topic for use in uses] == ["kms.key.used"] * 2
    for use in uses:
        assert use.call["account_id"] == service.account_id
        assert use.call["principal"] == f"{session.role_arn}/nightly"
        assert use.call["assumed_by"] == f"acs:ram::{developer.account_id}:root"
        assert use.call["kind"] == "assumed-role"
        assert use.call["user_name"] == f"{role}:nightly"
        assert use.call["access_key_id"] == session.credentials.access_key_id
    with pytest.raises(Refused) as refused:
        sdk("DisableKey", KeyId=key_id)
    assert (refused.value.code, refused.value.status) == ("Forbidden.NoPermission", 403)
    (event,) = service.events_of(refused.value.request_id)
    assert event.state["code"] == "Forbidden.NoPermission"


@pytest.mark.parametrize("kind", ["Tea, ACS3", "Tea, RPC"])
def test_everybody_may_ask_who_they_are(service: Service, developer: Account, key_id: str, kind: str) -> None:
    _, user = user_with(service)
    session = assume(service, developer.root, grant(service, developer, key_id))
    for who, more, expected in (
        (service.root, {}, ("Account", f"acs:ram::{service.account_id}:root")),
        (user, {}, ("RAMUser", None)),
        (session.credentials, {"security_token": session.token}, ("AssumedRoleUser", f"{session.role_arn}/nightly")),
    ):
        told = service.sdk(kind, who, product="Sts", **more)("GetCallerIdentity")
        assert told["IdentityType"] == expected[0]
        assert expected[1] in {None, told["Arn"]}
        assert told["AccountId"] == service.account_id


def test_who_is_not_trusted_gets_no_session(service: Service, developer: Account, key_id: str) -> None:
    role = grant(service, developer, key_id)
    _, user = user_with(service)
    with pytest.raises(Refused) as refused:
        assume(service, user, role)
    assert (refused.value.code, refused.value.status) == ("NoPermission", 403)
    assert "sts:AssumeRole" in refused.value.message
    (event,) = service.events_of(refused.value.request_id)
    assert event.state["resource"] == f"acs:ram::{service.account_id}:role/{role}"


def test_a_session_is_known_to_every_worker(service: Service, developer: Account, key_id: str) -> None:
    session = assume(service, developer.root, grant(service, developer, key_id))
    for worker in service.workers():
        answer = service.replies(worker, lambda: service.send(_use(session, key_id)))
        assert answer.status_code == 200, answer.text


def _no_role(service: Service, session: Session) -> None:
    for policy in ask(service, "ListPoliciesForRole", RoleName=session.role)["Policies"]["Policy"]:
        _no_policy(service, session, policy["PolicyName"])
    ask(service, "DeleteRole", RoleName=session.role)


def _no_policy(service: Service, session: Session, name: str = "") -> None:
    name = name or ask(service, "ListPoliciesForRole", RoleName=session.role)["Policies"]["Policy"][0]["PolicyName"]
    ask(service, "DetachPolicyFromRole", PolicyType="Custom", PolicyName=name, RoleName=session.role)


def _no_trust(service: Service, session: Session) -> None:
    ask(service, "UpdateRole", RoleName=session.role, NewAssumeRolePolicyDocument=trusting(service.account_id))


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (_no_role, "InvalidSecurityToken.Expired"),
        (_no_trust, "InvalidSecurityToken.Expired"),
        (_no_policy, "Forbidden.NoPermission"),
    ],
)
def test_what_the_customer_takes_back_is_gone_on_every_worker_at_once(
    service: Service, developer: Account, key_id: str, ending: Callable[[Service, Session], None], code: str
) -> None:
    session = assume(service, developer.root, grant(service, developer, key_id))
    workers = service.workers()
    for worker in workers:
        assert service.replies(worker, lambda: service.send(_use(session, key_id))).status_code == 200
    # The change goes to one worker, and the question to the other before anybody told it.
    service.replies(workers[0], lambda: ending(service, session))
    for worker in reversed(workers):
        answer = service.replies(worker, lambda: service.send(_use(session, key_id)))
        assert answer.json()["Code"] == code


@pytest.mark.parametrize("place", ["SecurityToken", "STSToken", "header"])
def test_a_forged_token_is_refused_wherever_it_stands(
    service: Service, developer: Account, key_id: str, place: str
) -> None:
    session = assume(service, developer.root, grant(service, developer, key_id))
    given, at = {"KeyId": key_id, "Plaintext": TEXT}, len(session.token) // 2
    edited = session.token[:at] + ("A" if session.token[at] != "A" else "B") + session.token[at + 1 :]
    for token, code in (
        (session.token, None),
        (edited, "InvalidSecurityToken.Malformed"),
        ("nonsense", "InvalidSecurityToken.Malformed"),
    ):
        if place == "header":
            more = {"x-acs-security-token": token, "x-acs-accesskey-id": session.credentials.access_key_id}
            raw = signed.acs(session.credentials, "Encrypt", given, host=service.address, more=more)
        else:
            raw = signed.rpc(session.credentials, "Encrypt", {**given, place: token})
        answer = service.send(raw)
        assert answer.json().get("Code") == code, answer.text
        assert len(service.events_of(answer.json()["RequestId"])) == (code is None)


def test_a_token_belongs_to_its_access_key(service: Service, developer: Account, key_id: str) -> None:
    session = assume(service, developer.root, grant(service, developer, key_id))
    given = {"KeyId": key_id, "Plaintext": TEXT}
    mixed = signed.rpc(service.root, "Encrypt", {**given, "SecurityToken": session.token})
    assert service.send(mixed).json()["Code"] == "InvalidSecurityToken.MismatchWithAccessKey"
    bare = signed.rpc(session.credentials, "Encrypt", given)
    assert service.send(bare).json()["Code"] == "InvalidAccessKeyId.NotFound"


def test_a_session_asks_with_curl_as_well(service: Service, developer: Account, key_id: str) -> None:
    session = assume(service, developer.root, grant(service, developer, key_id))
    headers = {**signed.basic(session.credentials), "x-acs-security-token": session.token}
    with service.http() as client:
        answer = client.post(f"/v1/keys/{key_id}:encrypt", json={"Plaintext": TEXT}, headers=headers)
        assert answer.status_code == 200, answer.text
        (use,) = service.events_of(answer.json()["RequestId"])
        assert use.call["user_name"] == f"{session.role}:nightly"
        del headers["x-acs-security-token"]
        without = client.post(f"/v1/keys/{key_id}:encrypt", json={"Plaintext": TEXT}, headers=headers)
        assert without.json()["Code"] == "InvalidAccessKeyId.NotFound"


def test_sts_answers_xml_as_well(service: Service, developer: Account, key_id: str) -> None:
    role = grant(service, developer, key_id)
    arn = f"acs:ram::{service.account_id}:role/{role}"
    given = {"RoleArn": arn, "RoleSessionName": "nightly", "Format": "XML"}
    answer = service.send(signed.rpc(developer.root, "AssumeRole", given, version=STS))
    assert answer.text.startswith("<?xml version='1.0' encoding='UTF-8'?><AssumeRoleResponse><RequestId>")
    assert "<SecurityToken>" in answer.text


def _use(session: Session, key_id: str) -> signed.Raw:
    return session.signed("Encrypt", {"KeyId": key_id, "Plaintext": TEXT})
