"""What scripts/bench sends: signed as the official SDKs sign, never twice, walked by wrk as it was written."""

from __future__ import annotations

import http.server
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.load import Stock, run_load, write_slice
from scripts.benchmarks.signing import FAMILIES, Credentials, Question, form
from scripts.benchmarks.stockpile import Order, stockpile
from tests.wire import sigcheck

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CREDENTIALS = Credentials("testak", "testsk", "cn-hangzhou")
QUESTIONS = [
    Question("Encrypt", {"KeyId": "alias/x", "Plaintext": "NONCE+/= 中文 😈~"}, "127.0.0.1:8443"),
    Question("Decrypt", {"CiphertextBlob": "AENU+/=="}, "127.0.0.1:8443"),
    Question("GenerateDataKey", {"KeyId": "k", "KeySpec": "AES_256"}, "127.0.0.1:8443"),
]


def genuine(request: bytes) -> bool:
    """Whether the reference verifier accepts it."""
    first, *headers = request.decode().split("\r\n\r\n")[0].split("\r\n")
    method, target, _ = first.split(" ")
    pairs = [(name, value) for name, _, value in (header.partition(": ") for header in headers)]
    secrets = {CREDENTIALS.access_key_id: CREDENTIALS.access_key_secret}
    return sigcheck.check(method, target, pairs, b"", secrets.get) is True


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.operation)
@pytest.mark.parametrize("family", FAMILIES)
def test_the_reference_verifier_accepts_every_request(family: str, question: Question) -> None:
    request = form(family, question, CREDENTIALS, NOON)("0f" * 16)
    assert genuine(request)
    assert not genuine(request.replace(b"0f" * 16, b"0e" * 16))


def test_no_request_of_a_stock_equals_another_and_their_times_move_on() -> None:
    order = Order(family="rpc", questions=QUESTIONS, credentials=CREDENTIALS, rate=50, seconds=2, margin=2)
    with stockpile() as stocks:
        stock = stocks.signed(order, threads=2)
        requests = [request for thread in range(2) for request in read_slice(stock.slice(thread))]
        stock.discard()
        assert not stock.slice(0).exists()
    assert len(requests) == len(set(requests)) == 50 * 2 * 2
    assert all(map(genuine, requests))
    assert len({part for request in requests for part in request.split(b"&") if part.startswith(b"Timestamp")}) == 4


def test_a_run_longer_than_signatures_live_is_refused() -> None:
    with pytest.raises(BenchError, match="300 s at most"):
        Order(family="acs3", questions=QUESTIONS, credentials=CREDENTIALS, rate=1, seconds=301, margin=2)


class Counting(http.server.BaseHTTPRequestHandler):
    """Answers by its server's ``status`` and counts the targets."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        assert isinstance(self.server, CountingServer)
        self.server.seen[self.path] += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class CountingServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    status = 200

    def handle_error(self, request: object, client_address: object) -> None:
        """wrk resets the connections that it no longer needs."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Counting)
        self.seen: Counter[str] = Counter()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def numbered(folder: Path, count: int, threads: int = 1, *, once: bool = True) -> Stock:
    stock = Stock(folder / "stock", threads, once)
    for thread in range(threads):
        names = [f"/{thread}-{number}" for number in range(count)]
        write_slice(stock.slice(thread), [f"POST {name} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for name in names])
    return stock


def read_slice(file: Path) -> list[bytes]:
    content, requests = file.read_bytes(), []
    while content:
        size = 5 + int(content[:5])
        requests.append(content[5:size])
        content = content[size:]
    return requests


def test_wrk_sends_each_request_once_from_several_threads(server: CountingServer, tmp_path: Path) -> None:
    load = run_load(server.endpoint, numbered(tmp_path, 200_000, threads=2), connections=4, seconds=1)
    assert load.requests > 0
    assert load.p50_ms <= load.p99_ms
    assert set(server.seen.values()) == {1}
    assert {path[1] for path in server.seen} == {"0", "1"}


def test_a_stock_that_is_used_up_makes_the_run_invalid(server: CountingServer, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="used up"):
        run_load(server.endpoint, numbered(tmp_path, 5), connections=1, seconds=1)
    assert max(server.seen.values()) == 1


def test_a_request_may_be_repeated_where_replays_are_not_refused(server: CountingServer, tmp_path: Path) -> None:
    load = run_load(server.endpoint, numbered(tmp_path, 1, once=False), connections=1, seconds=1)
    assert sum(server.seen.values()) >= load.requests > 1


def test_answers_other_than_success_make_the_run_invalid(server: CountingServer, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(BenchError, match="'status': "):
        run_load(server.endpoint, numbered(tmp_path, 1, once=False), connections=1, seconds=1)


def test_a_server_that_does_not_listen_makes_the_run_invalid(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="wrk failed"):
        run_load("http://127.0.0.1:1", numbered(tmp_path, 1), connections=1, seconds=1)
