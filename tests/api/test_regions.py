"""Keys belong to one region: Host names it, else RegionId, else it is the default. Nothing crosses."""

from __future__ import annotations

import pytest

from domain.vocabulary import DEFAULT_REGIONS
from tests.fixtures import signed
from tests.fixtures.sdks import SDKS
from tests.fixtures.service import LISTED_REGIONS, Service


def _arn(service: Service, host: str = "", **given: str) -> str:
    asked = signed.rpc(service.root, "CreateKey", given)
    made = service.send(asked.with_header("host", host) if host else asked)
    arn: str = made.json()["KeyMetadata"]["Arn"]
    return arn


@pytest.mark.parametrize("region_id", sorted(set(DEFAULT_REGIONS) - set(LISTED_REGIONS)))
def test_the_region_is_named_by_host_or_parameter(service: Service, region_id: str) -> None:
    for arn in (
        _arn(service, f"kms.{region_id}.aliyuncs.com"),
        _arn(service, f"kms.{region_id}.localhost:8443"),
        _arn(service, RegionId=region_id),
        _arn(service, f"kms.{region_id}.aliyuncs.com", RegionId="cn-hangzhou"),
    ):
        assert arn.startswith(f"acs:kms:{region_id}:{service.account_id}:key/")


def test_without_a_name_it_is_the_default_region(service: Service) -> None:
    assert _arn(service).startswith("acs:kms:cn-hangzhou:")
    assert _arn(service, "kms.aliyuncs.com").startswith("acs:kms:cn-hangzhou:")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", SDKS)
def test_an_sdks_region_is_the_requests(service: Service, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The classic SDK sends RegionId always; Tea puts the region only into the endpoint."""
    service.trusted(monkeypatch)
    sdk = service.sdk(kind, region_id="eu-central-1")
    asked = sdk("CreateKey")["KeyMetadata"]["Arn"]
    assert asked.startswith("acs:kms:eu-central-1:" if kind == "classic" else "acs:kms:cn-hangzhou:")


def test_a_region_that_this_deployment_does_not_have_is_refused_and_recorded(service: Service) -> None:
    answer = service.rpc("ListKeys", {"RegionId": "mars-1"})
    assert (answer.status_code, answer.json()["Code"]) == (400, "InvalidParameter")
    (event,) = service.events_of(answer.json()["RequestId"])
    assert event.call["region_id"] == "mars-1"


def test_nothing_crosses_regions(service: Service) -> None:
    here, there = {"RegionId": "cn-beijing"}, {"RegionId": "cn-shenzhen"}
    key_id = service.rpc("CreateKey", here).json()["KeyMetadata"]["KeyId"]
    blob = service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "x", **here}).json()["CiphertextBlob"]
    arn = f"acs:kms:cn-beijing:{service.account_id}:key/{key_id}"
    asked = {
        "DescribeKey": {"KeyId": key_id},
        "EnableKey": {"KeyId": key_id},
        "DisableKey": {"KeyId": arn},
        "ScheduleKeyDeletion": {"KeyId": key_id, "PendingWindowInDays": "7"},
        "CancelKeyDeletion": {"KeyId": key_id},
        "UpdateKeyDescription": {"KeyId": key_id, "Description": "x"},
        "Encrypt": {"KeyId": key_id, "Plaintext": "x"},
        "GenerateDataKey": {"KeyId": arn},
        "GenerateDataKeyWithoutPlaintext": {"KeyId": key_id},
        "Decrypt": {"CiphertextBlob": blob},
    }
    for action, given in asked.items():
        answer = service.rpc(action, {**given, **there})
        assert (answer.status_code, answer.json()["Code"]) == (404, "Forbidden.KeyNotFound"), action
    listed = service.rpc("ListKeys", {"PageSize": "100", **there}).json()["Keys"]["Key"]
    assert key_id not in [key["KeyId"] for key in listed]
    opened = service.rpc("Decrypt", {"CiphertextBlob": blob, **here})
    assert opened.json()["Plaintext"] == "x"


def test_an_arn_of_another_account_names_no_key(service: Service) -> None:
    key_id = service.create_key()
    answer = service.rpc("DescribeKey", {"KeyId": f"acs:kms:cn-hangzhou:1111111111111111:key/{key_id}"})
    assert answer.json()["Code"] == "Forbidden.KeyNotFound"
    own = service.rpc("DescribeKey", {"KeyId": f"acs:kms:cn-hangzhou:{service.account_id}:key/{key_id}"})
    assert own.json()["KeyMetadata"]["KeyId"] == key_id
