"""What operators change counts at once on every worker of a whole service, and what it served is what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures import signed
from tests.fixtures.future import from_the_future
from tests.fixtures.operators import an_account, operate, told
from tests.fixtures.sdks import Refused
from tests.fixtures.service import Service, eventually, running
from tests.fixtures.signed import Credentials

TEA = "Tea, ACS3"


def test_an_account_that_was_just_made_uses_the_service_by_an_official_sdk(service: Service) -> None:
    uid, root = an_account(service)
    sdk = service.sdk(TEA, root)
    made = sdk("CreateKey")["KeyMetadata"]
    assert made["Arn"] == f"acs:kms:cn-hangzhou:{uid}:key/{made['KeyId']}"
    blob = sdk("Encrypt", KeyId=made["KeyId"], Plaintext="x")["CiphertextBlob"]
    assert sdk("Decrypt", CiphertextBlob=blob)["Plaintext"] == "x"


def test_nothing_crosses_accounts(service: Service) -> None:
    _, root = an_account(service)
    key_id = service.create_key()
    blob = service.encrypt(key_id)
    sdk = service.sdk(TEA, root)
    for action, given in (("DescribeKey", {"KeyId": key_id}), ("Decrypt", {"CiphertextBlob": blob})):
        with pytest.raises(Refused) as refused:
            sdk(action, **given)
        assert refused.value.status in {403, 404}
    assert sdk("ListKeys")["TotalCount"] == 0


def test_a_deactivated_root_key_is_refused_on_every_worker_at_once(service: Service) -> None:
    uid, root = an_account(service)
    for worker in service.workers():
        with service.only(worker):
            assert service.send(signed.rpc(root, "ListKeys")).status_code == 200
    second = told(service, "account", "add-root-key", uid)
    operate(service, "account", "update-root-key", uid, root.access_key_id, "--status", "Inactive")
    other = Credentials(second["access_key_id"], second["access_key_secret"])
    for worker in service.workers():
        with service.only(worker):
            assert service.send(signed.rpc(root, "ListKeys")).status_code >= 400
            assert service.send(signed.rpc(other, "ListKeys")).status_code == 200


def test_a_quota_that_was_raised_lets_the_next_key_be_made(tight_service: Service) -> None:
    """Three keys are what this service lets every account have."""
    uid, root = an_account(tight_service)

    def create(region_id: str = "cn-hangzhou") -> str:
        answer = tight_service.send(signed.rpc(root, "CreateKey", {"RegionId": region_id})).json()
        return str(answer.get("Code", "OK"))

    assert [create() for _ in range(4)] == ["OK", "OK", "OK", "Rejected.LimitExceeded"]
    operate(tight_service, "quota", "raise", "--account", uid, "--region", "cn-hangzhou", "--to", 5, "--ticket", "T-1")
    assert [create() for _ in range(3)] == ["OK", "OK", "Rejected.LimitExceeded"]
    assert [create("cn-shanghai") for _ in range(4)][-2:] == ["OK", "Rejected.LimitExceeded"]
    rows = told(tight_service, "quota", "list", "--account", uid)["rows"]
    used = {row["region"]: (row["keys"], row["quota"]) for row in rows}
    assert (used["cn-hangzhou"], used["cn-shanghai"]) == ((5, 5), (3, 3))


def test_usage_is_what_was_asked_each_call_once(service: Service) -> None:
    uid, root = an_account(service)

    def ask(action: str, **given: str) -> Any:
        return service.send(signed.rpc(root, action, given)).json()

    key_id = ask("CreateKey")["KeyMetadata"]["KeyId"]
    for _ in range(7):
        ask("Encrypt", KeyId=key_id, Plaintext="x")
    ask("DisableKey", KeyId=key_id)
    for _ in range(3):
        assert ask("Encrypt", KeyId=key_id, Plaintext="x")["Code"] == "Rejected.Disabled"
    ask("ListKeys", RegionId="=mars!A1")
    rows = told(service, "usage", "--account", uid, "--by", "region,key,operation")["rows"]
    counted = {(row["region"], row["key"], row["operation"]): (row["calls"], row["refused"]) for row in rows}
    assert counted == {
        ("cn-hangzhou", key_id, "CreateKey"): (1, 0),
        ("cn-hangzhou", key_id, "Encrypt"): (7, 3),
        ("cn-hangzhou", key_id, "DisableKey"): (1, 0),
        ("?", "", "ListKeys"): (0, 1),
    }


# --- a projection that was stopped -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hurt() -> Iterator[Service]:
    with running(workers=1) as started:
        yield started


def ready(service: Service) -> tuple[int, str]:
    with service.http() as client:
        answer = client.get("/readyz")
    return answer.status_code, answer.json()["checks"]["projections"]


def test_an_event_that_stops_metering_and_the_trail_stops_nothing_else_and_is_told_everywhere(hurt: Service) -> None:
    key_id = hurt.create_key()
    position = from_the_future(hurt.superuser_url, change=False)
    stopped = ("audit_trail", "usage")
    said = "; ".join(f"projection {name} cannot take the event at position {position}" for name in stopped)
    eventually(lambda: ready(hurt) == (200, said), what="the stop in /readyz")
    hurt.encrypt(key_id)
    other = hurt.create_key()
    keys = hurt.rpc("ListKeys").json()["Keys"]["Key"]
    assert {key_id, other} <= {key["KeyId"] for key in keys}
    with hurt.http() as client:
        metrics = client.get("/metrics").text
    assert all(f'key_ledger_projection_stopped{{projection="{name}"}} 1.0' in metrics for name in stopped)
    assert 'key_ledger_projection_stopped{projection="key_directory"} 0.0' in metrics
    assert f'"position":{position}' in (hurt.folder / "log" / "projector.log").read_text()
    assert "STOPPED" in operate(hurt, "usage").stderr


def test_an_event_that_stops_what_requests_need_makes_the_service_not_ready(hurt: Service) -> None:
    position = from_the_future(hurt.superuser_url)
    status, said = ready(hurt)
    assert (status, said) == (503, f"projection key_directory cannot take the event at position {position}")
