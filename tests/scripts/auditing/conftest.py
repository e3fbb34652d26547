"""A service to ask, whose answers a test may prepare, and the command as an officer starts it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trustme
from typer.testing import CliRunner

from scripts.key_ledger import app
from tests.scripts.auditing.audit_stub import AuditStub
from tests.scripts.envelope.conftest import SECRET, KeyLedger, Outcome
from tests.scripts.envelope.kms_stub import served


@dataclass(frozen=True)
class Audit:
    """``key-ledger audit …``, set up for ``stub``."""

    stub: AuditStub
    endpoint: str
    credentials: Path
    command: KeyLedger

    def __call__(self, *words: str | Path) -> Outcome:
        """In this process, with its output in a pipe."""
        result = CliRunner().invoke(app, ["audit", *map(str, words)], env=self.command.environment)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Outcome(result.exit_code, result.stdout_bytes, " ".join(result.stderr.split()))

    def using(self, **environment: str) -> Audit:
        return replace(self, command=self.command.using(**environment))

    def json(self, *words: str | Path) -> Any:
        outcome = self(*words, "--json")
        assert outcome.exit_code == 0, outcome.said
        return json.loads(outcome.output)

    def asked(self, action: str) -> list[dict[str, str]]:
        return [each.parameters for each in self.stub.requests if each.action == action]


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    folder = tmp_path / "work"
    folder.mkdir()
    stub = AuditStub()
    with served(stub, context) as port:
        endpoint = f"https://127.0.0.1:{port}"
        known = {"access_key_id": stub.access_key_id, "access_key_secret": SECRET, "endpoint": endpoint}
        credentials = tmp_path / "credentials.json"
        credentials.write_text(json.dumps({**known, "ca_file": str(tmp_path / "ca.pem")}))
        yield Audit(stub, endpoint, credentials, KeyLedger(folder, {"KEY_LEDGER_CREDENTIALS": str(credentials)}))
