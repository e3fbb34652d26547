"""A rate is the whole deployment's: the workers of ``up`` share it, and clients are told when to come back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest
from alibabacloud_kms20160120 import models
from alibabacloud_tea_openapi.exceptions import ThrottlingException

from tests.fixtures.sdks import TeaSdk
from tests.fixtures.service import Service, running

BURST = 8


@pytest.fixture(scope="module")
def slow_service() -> Iterator[Service]:
    """Two workers, eight calls at once, and a further one in a quarter of an hour."""
    with running(workers=2, account_calls_per_second="0.001", account_calls_burst=str(BURST)) as started:
        yield started


def test_workers_share_a_rate_and_whoever_exceeds_it_is_told_when_to_come_back(slow_service: Service) -> None:
    assert json.loads((slow_service.folder / "settings.json").read_text())["api_processes"] == 2
    before = slow_service.head()
    codes: Counter[int] = Counter()
    for worker in slow_service.workers():
        with slow_service.only(worker):
            answers = [slow_service.rpc("DescribeRegions") for _ in range(BURST)]
        codes.update(answer.status_code for answer in answers)
        last = answers[-1]
        assert last.json()["Code"] == "Rejected.Throttling"
        assert 0 < int(last.headers["retry-after"]) <= 2_000
        assert int(last.headers["x-acs-retry-after"]) <= 1_000 * int(last.headers["retry-after"])
    assert codes == {200: BURST, 429: BURST}
    assert len(slow_service.events(before)) == BURST
    with slow_service.http() as client:
        assert f'key_ledger_throttled_total{{limit="account"}} {BURST}.0' in client.get("/metrics").text


def test_the_official_sdk_knows_that_it_is_throttled(slow_service: Service) -> None:
    sdk = TeaSdk(slow_service.root, slow_service.address, slow_service.ca_file)
    with pytest.raises(ThrottlingException) as throttled:
        sdk.client.list_keys(models.ListKeysRequest())
    sdk.close()
    assert throttled.value.code == "Rejected.Throttling"
    assert throttled.value.retry_after > 1_000
