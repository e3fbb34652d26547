"""``/healthz``, ``/readyz`` and ``/metrics``: no signature needed, so no name of a caller or a key is told."""

from __future__ import annotations

import re
import time

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures import signed
from tests.fixtures.service import Service, eventually

METRICS = (
    "key_ledger_requests",
    "key_ledger_request_seconds",
    "key_ledger_batch_submissions",
    "key_ledger_commit_seconds",
    "key_ledger_queue_submissions",
    "key_ledger_hsm_seconds",
    "key_ledger_hsm_handles",
)


def _metrics(service: Service) -> str:
    with service.http() as client:
        answer = client.get("/metrics")
    assert answer.status_code == 200
    return answer.text


def _sum(service: Service, name: str, labels: dict[str, str]) -> float:
    """Over all workers."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(_metrics(service))
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    )


def _count(family: Metric) -> float:
    return sum(sample.value for sample in family.samples if sample.name.endswith(("_count", "_total")))


def _requests(service: Service, operation: str, code: str) -> float:
    return _sum(service, "key_ledger_requests_total", {"operation": operation, "code": code})


def test_a_process_that_answers_is_healthy(service: Service) -> None:
    with service.http() as client:
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_each_worker_is_ready_by_itself(service: Service) -> None:
    for worker in service.workers():
        with service.only(worker), service.http() as client:
            answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.json() == {"status": "ready", "checks": {"ledger": "ok", "hsm": "ok", "projections": "ok"}}


def test_requests_are_counted_by_operation_and_code_over_all_workers(service: Service) -> None:
    before = {code: _requests(service, "DescribeRegions", code) for code in ("OK", "SignatureNonceUsed")}
    for worker in service.workers():
        with service.only(worker):
            asked = signed.rpc(service.root, "DescribeRegions")
            service.send(asked)
            service.send(asked)
    for code, count in before.items():
        assert _requests(service, "DescribeRegions", code) == count + len(service.workers())


def test_what_operators_watch_is_measured(service: Service) -> None:
    key_id = service.create_key()
    for _ in range(4):
        service.encrypt(key_id)

    def all_measured() -> bool:
        families = {family.name: family for family in text_string_to_metric_families(_metrics(service))}
        return all(name in families and _count(families[name]) > 0 for name in METRICS)

    eventually(all_measured, 5, "a value of every metric")


def test_hits_of_the_handle_cache_are_counted(service: Service) -> None:
    key_id = service.create_key()
    before = _sum(service, "key_ledger_hsm_handles_total", {"result": "hit"})
    for _ in range(10):
        service.encrypt(key_id)
    # Each worker unwraps the key once at most.
    eventually(lambda: _sum(service, "key_ledger_hsm_handles_total", {"result": "hit"}) >= before + 8, 5)


def test_no_label_names_a_caller_or_a_key(service: Service) -> None:
    key_id = service.create_key()
    service.encrypt(key_id)
    service.rpc("a-name-that-a-stranger-chose")
    text = _metrics(service)
    for name in (key_id, service.account_id, service.root.access_key_id, "a-name-that-a-stranger-chose"):
        assert name not in text
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", text)


def test_the_log_has_a_line_a_record_and_no_noise(service: Service) -> None:
    """A healthy service that answers says nothing: what stands in the log deserves to be read."""
    log = service.folder / "log" / "api-1.log"
    before = log.stat().st_size
    for _ in range(20):
        service.rpc("DescribeRegions")
    time.sleep(0.2)
    assert log.stat().st_size == before
