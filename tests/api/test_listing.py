"""ListKeys: a key is listed as soon as CreateKey has answered, pages are stable, filters filter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fixtures.service import LISTED_REGIONS, Service

REGION, TEN = LISTED_REGIONS


def _listed(service: Service, region_id: str = REGION, **given: str) -> dict[str, Any]:
    answer = service.rpc("ListKeys", {"RegionId": region_id, **given})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _ids(listed: dict[str, Any]) -> list[str]:
    return [key["KeyId"] for key in listed["Keys"]["Key"]]


def _all(service: Service, size: int) -> list[str]:
    total = _listed(service, PageSize=str(size))["TotalCount"]
    pages = range(1, total // size + 2)
    return [found for page in pages for found in _ids(_listed(service, PageSize=str(size), PageNumber=str(page)))]


def _filtered(service: Service, *filters: dict[str, Any]) -> list[str]:
    return _ids(_listed(service, PageSize="100", Filters=json.dumps(filters)))


@pytest.fixture(scope="module")
def made(service: Service) -> list[str]:
    """Seven keys of a region of this module's own: one disabled, one pending deletion, one of ProtectionLevel HSM."""
    where = {"RegionId": REGION}
    wanted: list[dict[str, str]] = [{}] * 6 + [{"ProtectionLevel": "HSM"}]
    keys = [service.rpc("CreateKey", {**where, **more}).json()["KeyMetadata"]["KeyId"] for more in wanted]
    service.rpc("DisableKey", {**where, "KeyId": keys[1]})
    service.rpc("ScheduleKeyDeletion", {**where, "KeyId": keys[2], "PendingWindowInDays": "7"})
    return keys


def test_a_key_is_listed_by_every_worker_as_soon_as_it_is_made(service: Service) -> None:
    where = {"RegionId": "me-east-1"}
    for maker, lister in (service.workers(), service.workers()[::-1]):
        for _ in range(3):
            with service.only(maker):
                key_id = service.rpc("CreateKey", where).json()["KeyMetadata"]["KeyId"]
            with service.only(lister):
                assert key_id in _ids(_listed(service, "me-east-1", PageSize="100"))


def test_a_key_is_listed_in_the_order_of_creation(service: Service, made: list[str]) -> None:
    assert _ids(_listed(service, PageSize="100")) == made


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_pages_put_together_are_the_list(service: Service, made: list[str], size: int) -> None:
    assert _all(service, size) == made


def test_ten_are_listed_where_nobody_says_how_many(service: Service) -> None:
    for _ in range(11):
        assert service.rpc("CreateKey", {"RegionId": TEN}).status_code == 200
    page = _listed(service, TEN)
    assert (page["PageSize"], page["PageNumber"], len(page["Keys"]["Key"])) == (10, 1, 10)
    assert page["TotalCount"] == 11


def test_a_page_behind_the_last_one_is_empty(service: Service, made: list[str]) -> None:
    page = _listed(service, PageNumber="2147483647", PageSize="100")
    assert (page["Keys"], page["TotalCount"]) == ({"Key": []}, len(made))


@pytest.mark.parametrize(
    "given",
    [
        {"PageSize": "0"},
        {"PageSize": "101"},
        {"PageNumber": "0"},
        {"PageNumber": "-1"},
        {"PageNumber": "9" * 30},
        {"PageNumber": "１"},
        {"Filters": "x"},
        {"Filters": "{}"},
        {"Filters": '[{"Key":"Owner","Values":["x"]}]'},
        {"Filters": '[{"Key":"KeyState"}]'},
        {"Filters": '[{"Key":"KeyState","Values":"Enabled"}]'},
        {"Filters": json.dumps([{"Key": "KeyState", "Values": ["Enabled"] * 11}])},
    ],
)
def test_a_page_or_filter_that_makes_no_sense_is_refused(service: Service, given: dict[str, str]) -> None:
    assert service.rpc("ListKeys", given).json()["Code"] == "InvalidParameter"


def test_filters_of_state_and_protection_narrow_the_list(service: Service, made: list[str]) -> None:
    assert _filtered(service, {"Key": "KeyState", "Values": ["Disabled"]}) == [made[1]]
    assert _filtered(service, {"Key": "KeyState", "Values": ["Disabled", "PendingDeletion"]}) == made[1:3]
    assert _filtered(service, {"Key": "ProtectionLevel", "Values": ["HSM"]}) == [made[6]]
    assert _filtered(service, {"Key": "KeySpec", "Values": ["RSA_2048"]}) == []
    assert _filtered(service, {"Key": "KeyUsage", "Values": ["ENCRYPT/DECRYPT"]}) == made
    assert _filtered(service, {"Key": "KeyState", "Values": []}) == made
    both = ({"Key": "KeyState", "Values": ["Enabled"]}, {"Key": "ProtectionLevel", "Values": ["SOFTWARE"]})
    assert _filtered(service, *both) == [made[0], *made[3:6]]


def test_the_total_counts_what_the_filters_leave(service: Service, made: list[str]) -> None:
    filters = json.dumps([{"Key": "KeyState", "Values": ["Enabled"]}])
    page = _listed(service, PageSize="2", Filters=filters)
    assert (page["TotalCount"], len(page["Keys"]["Key"])) == (5, 2)
    assert set(_ids(page)) <= set(made)
