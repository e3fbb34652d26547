"""``scripts/up`` with stand-ins for the service's programs: starts, stops, comes back, and refuses in sentences."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.fixtures.stand_ins import BEHAVIOUR

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(reachable: Path) -> Path:
    reachable.chmod(0o711)
    return reachable / "data"


def start(*words: str, behaviour: str = "") -> subprocess.Popen[str]:
    own = ("KEY_LEDGER_", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fixtures.stand_ins", "up", *words],
        env={**environment, "PYTHONPATH": str(ROOT), BEHAVIOUR: behaviour},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = start(*words)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("ready "), process.stderr.read() if process.stderr else ""
        yield process
    finally:
        process.terminate()
        ended(process)


def ended(process: subprocess.Popen[str]) -> str:
    """What it said, once it has ended."""
    try:
        return process.communicate(timeout=150)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail(f"up does not end. It says: {process.communicate()[1]}")


def refusal(*words: str, behaviour: str = "") -> str:
    """The sentence with which ``up`` ends; exit status 1 and no traceback."""
    printed, said = start(*words, behaviour=behaviour).communicate(timeout=120)
    assert "Traceback" not in said
    assert not printed
    return said.strip().splitlines()[-1]


def credentials(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data / "credentials.json").read_text())
    return found


def asked(data: Path) -> int:
    """The process id of the worker that answered."""
    found = credentials(data)
    host, port = found["endpoint"].removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=found["ca_file"])
    connection = http.client.HTTPSConnection(host, int(port), timeout=20, context=context)
    try:
        connection.request("GET", "/readyz")
        return int(connection.getresponse().read())
    finally:
        connection.close()


def children(process: subprocess.Popen[str]) -> dict[int, str]:
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return {int(pid): Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in text.split()}


def until_gone(pids: list[int]) -> None:
    end = time.monotonic() + 30
    for pid in pids:
        while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/cmdline").read_text():
            assert time.monotonic() < end, f"{pid} is still there"
            time.sleep(0.05)


def test_it_serves_keeps_its_credentials_private_and_comes_back_with_the_same_ones(data: Path) -> None:
    with running("--data", str(data)) as process:
        first = credentials(data)
        assert set(first) == {
            *("account_id", "access_key_id", "access_key_secret"),
            *("endpoint", "ca_file", "region_id", "database_url"),
        }
        assert stat.S_IMODE((data / "credentials.json").stat().st_mode) == 0o600
        assert asked(data) in children(process)
        with psycopg.connect(first["database_url"]) as connection:
            row = connection.execute("select current_user, current_setting('is_superuser')").fetchone()
            assert row == ("key_ledger_service", "off")
        left = list(children(process))
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        until_gone(left)
    with running("--data", str(data)):
        second = credentials(data)
        assert {**second, "endpoint": ""} == {**first, "endpoint": ""}


def test_whatever_is_killed_is_replaced_and_after_a_kill_of_up_itself_the_next_one_takes_over(data: Path) -> None:
    with running("--data", str(data)) as process:
        first = credentials(data)
        before = children(process)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until_gone(list(before))
        end = time.monotonic() + 30
        while len(children(process)) < len(before):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert asked(data) in children(process)
        left = list(children(process))
        process.kill()
        process.wait()
    with running("--data", str(data)):
        assert credentials(data)["access_key_secret"] == first["access_key_secret"]
        assert asked(data)
    until_gone(left)


def test_a_second_up_on_the_same_folder_is_refused(data: Path) -> None:
    with running("--data", str(data)):
        assert "Another scripts/up is running" in refusal("--data", str(data))


def test_a_port_in_use_is_named_with_the_way_out(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal("--data", str(data), "--port", str(port))
    assert said == (
        f"Port {port} is in use by another program. Stop that one, or choose another port: --port {port + 1}."
    )


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert "was not made by Key Ledger" in refusal("--data", str(tmp_path))


def test_what_set_up_refuses_is_told_and_what_was_made_so_far_is_stopped(data: Path) -> None:
    said = refusal("--data", str(data), "--software-hsm", behaviour="set-up-refuses")
    assert said == "The HSM token does not hold the root key of region cn-hangzhou."
    assert not (data / "postgresql" / "data" / "postmaster.pid").exists()


def test_a_worker_that_cannot_start_ends_up_with_its_last_words(data: Path) -> None:
    said = refusal("--data", str(data), "--software-hsm", behaviour="worker-dies")
    assert "does not start. It says: The token does not answer." in said


def test_plain_http_is_served_on_loopback_and_keys_stay_where_they_were_made(data: Path) -> None:
    with running("--data", str(data), "--http", "--software-hsm"):
        found = credentials(data)
        assert found["endpoint"].startswith("http://127.0.0.1:")
        assert found["ca_file"] is None
    assert "start with --software-hsm" in refusal("--data", str(data))


def test_lost_credentials_are_made_anew_for_the_same_account(data: Path) -> None:
    with running("--data", str(data), "--software-hsm"):
        first = credentials(data)
    (data / "credentials.json").unlink()
    with running("--data", str(data), "--software-hsm"):
        second = credentials(data)
    assert second["account_id"] == first["account_id"]
    assert second["access_key_id"] != first["access_key_id"]
