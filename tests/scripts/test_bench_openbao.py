"""The OpenBao that scripts/bench starts: sealed off, audited, asked the same, and gone afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.load import Load
from scripts.benchmarks.openbao import OpenBao, openbao
from scripts.benchmarks.sides import PLAINTEXT, OpenBaoSide
from scripts.benchmarks.stockpile import Stockpile, stockpile


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    with openbao(tmp_path_factory.mktemp("bench") / "openbao") as server:
        yield server
    assert not Path(f"/proc/{server.process_id}").exists()


@pytest.fixture
def stocks() -> Iterator[Stockpile]:
    with stockpile() as stocks:
        yield stocks


@pytest.mark.parametrize("operation", ["Encrypt", "Decrypt", "GenerateDataKey"])
def test_it_answers_each_operation_with_its_transit_key(server: OpenBao, operation: str) -> None:
    answer = server.site.send(server.request(operation, PLAINTEXT))
    assert answer.status == 200
    data = json.loads(answer.body)["data"]
    assert ("ciphertext" in data) == (operation != "Decrypt")
    assert ("plaintext" in data) == (operation != "Encrypt")


def test_its_token_may_use_the_key_and_nothing_else(server: OpenBao) -> None:
    for path in ("/v1/sys/audit", "/v1/transit/keys/bench", "/v1/auth/token/lookup-self"):
        assert server.site.ask("GET", path, {"X-Vault-Token": server.token}).status == 403


def test_every_use_leaves_two_audit_records_or_the_run_is_invalid(server: OpenBao, stocks: Stockpile) -> None:
    side = OpenBaoSide(server, "Encrypt", stocks)
    observed = side.observe()
    assert server.audit_file.stat().st_size == 0
    for _ in range(3):
        server.site.send(server.request("Encrypt", PLAINTEXT))
    one = Load(3, 1.0, 3.0, 1.0, 1.0, 0.0)
    assert observed(one) == {}
    with pytest.raises(BenchError, match="only 0 audit records"):
        side.observe()(one)


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.benchmarks.openbao._configuration", lambda *_: 'storage "nowhere" {}\n')
    with (
        pytest.raises(BenchError, match=r"did not start\. Its last words: (?s:.)*storage"),
        openbao(tmp_path / "openbao"),
    ):
        pass
