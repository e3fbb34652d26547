"""Regions by their endpoints, ``kms.<region>.…``, as SDKs are configured: own root keys, and nothing crosses."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from domain.vocabulary import DEFAULT_REGIONS
from tests.fixtures import signed
from tests.fixtures.operators import an_account, told
from tests.fixtures.sdks import ClassicSdk, Refused, Sdk, TeaSdk
from tests.fixtures.service import Service, a_data_folder, started_on
from tests.fixtures.signed import Credentials

SdkOf = Callable[[Service, Credentials, str], Sdk]


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """``*.localhost`` is this machine (RFC 6761 section 6.3), which not every resolver knows."""
    resolve = socket.getaddrinfo

    def resolved(host: Any, *how: Any, **more: Any) -> Any:
        return resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *how, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


@pytest.fixture
def sdk_of() -> Iterator[SdkOf]:
    made: list[TeaSdk] = []

    def of(service: Service, who: Credentials, region_id: str) -> Sdk:
        made.append(TeaSdk(who, f"kms.{region_id}.localhost:{service.port}", service.ca_file, region_id=region_id))
        return made[-1]

    yield of
    for sdk in made:
        sdk.close()


def refusal(sdk: Sdk, action: str, **given: str) -> str:
    with pytest.raises(Refused) as refused:
        sdk(action, **given)
    return refused.value.code


def test_ten_regions_by_their_endpoints_share_nothing(service: Service, sdk_of: SdkOf) -> None:
    uid, root = an_account(service)
    sdks = {region_id: sdk_of(service, root, region_id) for region_id in DEFAULT_REGIONS}
    keys = {region_id: sdk("CreateKey")["KeyMetadata"] for region_id, sdk in sdks.items()}
    blobs = {
        region_id: sdk("Encrypt", KeyId=keys[region_id]["KeyId"], Plaintext=region_id)["CiphertextBlob"]
        for region_id, sdk in sdks.items()
    }
    assert len(sdks) == 10
    for here, sdk in sdks.items():
        assert keys[here]["Arn"] == f"acs:kms:{here}:{uid}:key/{keys[here]['KeyId']}"
        assert [key["KeyId"] for key in sdk("ListKeys")["Keys"]["Key"]] == [keys[here]["KeyId"]]
        for there in DEFAULT_REGIONS:
            if there == here:
                assert sdk("Decrypt", CiphertextBlob=blobs[there])["Plaintext"] == there
            else:
                assert refusal(sdk, "Decrypt", CiphertextBlob=blobs[there]) == "Forbidden.KeyNotFound"
                assert refusal(sdk, "DescribeKey", KeyId=keys[there]["KeyId"]) == "Forbidden.KeyNotFound"
                assert refusal(sdk, "Encrypt", KeyId=keys[there]["Arn"], Plaintext="x") == "Forbidden.KeyNotFound"
    rows = told(service, "usage", "--account", uid, "--by", "region")["rows"]
    assert {row["region"]: (row["calls"], row["refused"]) for row in rows} == dict.fromkeys(DEFAULT_REGIONS, (4, 27))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_classic_sdks_region_parameter_separates_as_endpoints_do(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.trusted(monkeypatch)
    _, root = an_account(service)
    here, there = (ClassicSdk(root, service.address, region_id=region) for region in ("me-east-1", "ap-northeast-1"))
    key_id = here("CreateKey")["KeyMetadata"]["KeyId"]
    blob = here("Encrypt", KeyId=key_id, Plaintext="x")["CiphertextBlob"]
    assert there("ListKeys")["TotalCount"] == 0
    assert refusal(there, "Decrypt", CiphertextBlob=blob) == "Forbidden.KeyNotFound"
    assert here("Decrypt", CiphertextBlob=blob)["Plaintext"] == "x"
    here.close()
    there.close()


def test_each_region_has_a_root_key_of_its_own(service: Service) -> None:
    opened = [event.state for event in service.events() if event.topic == "kms.region.opened"]
    assert {state["region_id"] for state in opened} == set(DEFAULT_REGIONS)
    assert len({state["key_check_value"] for state in opened}) == len(DEFAULT_REGIONS)


def test_a_region_is_added_by_setting_and_the_others_keep_their_keys(sdk_of: SdkOf) -> None:
    first, added = "cn-hangzhou", "eu-west-1"
    with a_data_folder() as data:
        with started_on(data, workers=1, regions=first) as service:
            sdk = sdk_of(service, service.root, first)
            key_id = sdk("CreateKey")["KeyMetadata"]["KeyId"]
            blob = sdk("Encrypt", KeyId=key_id, Plaintext="x")["CiphertextBlob"]
            refused = service.send(signed.rpc(service.root, "CreateKey", {"RegionId": added}))
            assert refused.json()["Code"] == "InvalidParameter"
        with started_on(data, workers=1, regions=f"{first},{added}") as service:
            here, there = sdk_of(service, service.root, first), sdk_of(service, service.root, added)
            assert here("Decrypt", CiphertextBlob=blob)["Plaintext"] == "x"
            assert refusal(there, "Decrypt", CiphertextBlob=blob) == "Forbidden.KeyNotFound"
            assert there("CreateKey")["KeyMetadata"]["Arn"].startswith(f"acs:kms:{added}:")
            regions = [region["RegionId"] for region in there("DescribeRegions")["Regions"]["Region"]]
            assert regions == [first, added]
            opened = [event.state["region_id"] for event in service.events() if event.topic == "kms.region.opened"]
            assert opened == [first, added]
            shown = told(service, "account", "show", service.account_id)["regions"]
            assert [(row["region"], row["keys"]) for row in shown] == [(first, 1), (added, 1)]
