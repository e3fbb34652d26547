"""A signed request is answered once: on every worker, at once or later, for changes, uses and reads (promise 8)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.fixtures import signed
from tests.fixtures.service import Service
from tests.fixtures.signed import Raw

ACTIONS = ("CreateKey", "DescribeKey", "ListKeys", "DisableKey", "EnableKey", "Encrypt", "GenerateDataKey")
SIGNINGS = ("RPC", "RPC SHA-256", "ACS3", "ACS4")


@pytest.fixture(scope="module")
def key_id(service: Service) -> str:
    return service.create_key()


def _asked(service: Service, key_id: str, signing: str, action: str) -> Raw:
    given = {} if action in {"CreateKey", "ListKeys", "DescribeRegions"} else {"KeyId": key_id}
    if action == "Encrypt":
        given["Plaintext"] = "once"
    if signing.startswith("ACS"):
        return signed.acs(service.root, action, given, host=service.address, scheme=f"{signing}-HMAC-SHA256")
    return signed.rpc(service.root, action, given, algorithm="HMAC-SHA256" if "256" in signing else "HMAC-SHA1")


@pytest.mark.parametrize("signing", SIGNINGS)
@pytest.mark.parametrize("action", ACTIONS)
def test_the_same_signed_bytes_are_refused_the_second_time(
    service: Service, key_id: str, signing: str, action: str
) -> None:
    asked = _asked(service, key_id, signing, action)
    first, second = service.send(asked), service.send(asked)
    assert first.status_code == 200, first.text
    assert (second.status_code, second.json()["Code"]) == (400, "SignatureNonceUsed")
    assert len(service.events_of(first.json()["RequestId"])) == 1
    assert not service.events_of(second.json()["RequestId"])
    if action == "DisableKey":
        service.rpc("EnableKey", {"KeyId": key_id})


@pytest.mark.parametrize("action", ["Encrypt", "DescribeKey", "EnableKey"])
def test_a_request_that_one_worker_answered_is_refused_by_the_others(
    service: Service, key_id: str, action: str
) -> None:
    asked = _asked(service, key_id, "RPC", action)
    first, *others = service.workers()
    with service.only(first):
        assert service.send(asked).status_code == 200
    for other in (*others, first):
        with service.only(other):
            assert service.send(asked).json()["Code"] == "SignatureNonceUsed"


@pytest.mark.parametrize("action", ["Encrypt", "GenerateDataKey", "CreateKey", "EnableKey", "ListKeys"])
@pytest.mark.parametrize("signing", ["RPC", "ACS3"])
def test_of_ten_at_once_exactly_one_is_answered(service: Service, key_id: str, signing: str, action: str) -> None:
    before = service.head()
    asked = _asked(service, key_id, signing, action)
    with ThreadPoolExecutor(10) as clients:
        answers = list(clients.map(service.send, [asked] * 10))
    codes = sorted(answer.json().get("Code", "answered") for answer in answers)
    assert codes == ["SignatureNonceUsed"] * 9 + ["answered"]
    assert len(service.events(before)) == 1


def test_a_refusal_is_not_given_twice_either(service: Service) -> None:
    asked = signed.rpc(service.root, "DescribeKey", {"KeyId": "nonsense"})
    codes = [service.send(asked).json()["Code"] for _ in range(2)]
    assert codes == ["InvalidParameter", "SignatureNonceUsed"]


def test_a_nonce_belongs_to_its_time(service: Service) -> None:
    """Another timestamp is another signature, so it is another request: only the very same bytes are a replay."""
    nonce = {"SignatureNonce": "the-same-for-all"}
    at = datetime.now(UTC)
    for seconds in (0, 1):
        asked = signed.rpc(service.root, "DescribeRegions", nonce, at=at - timedelta(seconds=seconds))
        assert service.send(asked).status_code == 200


def test_a_request_without_a_nonce_is_answered_as_often_as_it_is_sent(service: Service) -> None:
    """KMS's own signature page has no SignatureNonce; without one nothing tells a replay from a second request."""
    asked = signed.rpc(service.root, "DescribeRegions", without=("SignatureNonce",))
    answers = [service.send(asked) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert all(len(service.events_of(answer.json()["RequestId"])) == 1 for answer in answers)


@pytest.mark.parametrize("signing", ["RPC", "ACS3"])
@pytest.mark.parametrize(("seconds", "fresh"), [(-905, False), (-890, True), (890, True), (905, False)])
def test_a_signature_is_fresh_for_15_minutes_either_way(
    service: Service, signing: str, seconds: int, fresh: bool
) -> None:
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    ask = service.rpc if signing == "RPC" else service.acs
    answer = ask("DescribeRegions", at=at)
    assert (answer.status_code == 200) is fresh
    assert fresh or answer.json()["Code"] == "InvalidTimeStamp.Expired"
