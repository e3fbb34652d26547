"""What the envelope tests stand on: a KMS, and the command as a user starts it.

``kms`` is the one place that decides which KMS that is: the stand-in of :mod:`tests.scripts.envelope.kms_stub`.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
import trustme

from tests.scripts.envelope.kms_stub import KEY_ID, KmsStub, served

ROOT = Path(__file__).parents[3]
SECRET = "the-secret-of-the-access-key"
COMMAND = (sys.executable, "-m", "scripts.key_ledger")


@dataclass(frozen=True)
class Kms:
    """A running KMS and how to reach it. ``credentials`` is the path of a credentials.json."""

    endpoint: str
    ca_file: Path
    credentials: Path
    key_id: str


@dataclass(frozen=True)
class StubbedKms(Kms):
    """One whose answers a test may prepare."""

    stub: KmsStub


def _start(folder: Path) -> Iterator[StubbedKms]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    stub = KmsStub()
    with served(stub, context) as port:
        endpoint = f"https://127.0.0.1:{port}"
        credentials = folder / "credentials.json"
        credentials.write_text(
            json.dumps(
                {
                    "account_id": "1234567890123456",
                    "access_key_id": stub.access_key_id,
                    "access_key_secret": SECRET,
                    "endpoint": endpoint,
                    "ca_file": str(ca_file),
                    "region_id": "cn-hangzhou",
                }
            )
        )
        yield StubbedKms(endpoint, ca_file, credentials, KEY_ID, stub)


@pytest.fixture(scope="session")
def kms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kms]:
    """A KMS that works."""
    yield from _start(tmp_path_factory.mktemp("kms"))


@pytest.fixture
def stubbed_kms(tmp_path: Path) -> Iterator[StubbedKms]:
    """A KMS of the test's own, always the stand-in: for answers that a working KMS does not give."""
    folder = tmp_path / "stubbed-kms"
    folder.mkdir()
    yield from _start(folder)


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    output: bytes
    said: str
    """Standard error, as one line."""


@dataclass(frozen=True)
class KeyLedger:
    """The command, in ``folder``, with ``environment`` and nothing of ours but PATH."""

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str | Path, output: int | IO[bytes] = subprocess.PIPE) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=self.whole_environment,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.PIPE,
        )

    def __call__(self, *arguments: str | Path, given: bytes = b"") -> Outcome:
        with self.start(*arguments) as process:
            output, errors = process.communicate(given, timeout=60)
        said = " ".join(errors.decode().split())
        assert "Traceback" not in said
        return Outcome(process.returncode, output, said)

    @property
    def whole_environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **self.environment}

    def using(self, **environment: str) -> KeyLedger:
        return KeyLedger(self.folder, {**self.environment, **environment})


def peak_mib(key_ledger: KeyLedger, shell: str) -> int:
    """Peak resident memory of the hungriest process in ``shell``, which must succeed."""
    script = (
        "import resource, subprocess, sys; subprocess.run(['bash', '-o', 'pipefail', '-c', sys.argv[1]], check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, shell],
        env=key_ledger.whole_environment,
        cwd=key_ledger.folder,
        check=True,
        capture_output=True,
    )
    return int(done.stdout.split()[-1])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def key_ledger(folder: Path, kms: Kms) -> KeyLedger:
    """The command, set up for ``kms``."""
    return KeyLedger(folder, {"KEY_LEDGER_CREDENTIALS": str(kms.credentials)})


@pytest.fixture
def stubbed_key_ledger(folder: Path, stubbed_kms: StubbedKms) -> KeyLedger:
    """The command, set up for ``stubbed_kms``."""
    return KeyLedger(folder, {"KEY_LEDGER_CREDENTIALS": str(stubbed_kms.credentials)})
