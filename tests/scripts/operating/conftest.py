"""A deployment that operators' commands can be run on: a migrated database, a software HSM, and a ``settings.json``.

``operate`` runs a command in this process, ``command_line`` starts it as an operator does.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from adapters.ledger.writer import LedgerWriter
from domain.ports import Submission
from scripts.key_ledger import app
from scripts.operating import deployment
from tests.fixtures.hsm import SOFTWARE_PIN
from tests.fixtures.postgres import LedgerDatabase

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "scripts.key_ledger")


@dataclass(frozen=True)
class Outcome:
    exit_code: int
    output: str
    said: str
    """Standard error, as one line."""

    @property
    def json(self) -> Any:
        return json.loads(self.output)


Operate = Callable[..., Outcome]


@dataclass(frozen=True)
class Operated:
    """:param data: what ``--data`` names. :param folder: where the operator stands."""

    data: Path
    folder: Path
    database: LedgerDatabase

    def record(self, *submissions: Submission) -> None:
        """As the service does."""

        async def recorded() -> None:
            writer = LedgerWriter(self.database.service_url)
            await writer.start()
            for submission in submissions:
                await writer.append(submission)
            await writer.close()

        asyncio.run(recorded())

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.admin_url) as connection:
            return connection.execute(question.encode(), values).fetchall()

    def settings(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.data / "settings.json").read_text())
        return found

    def set(self, **values: object) -> None:
        (self.data / "settings.json").write_text(json.dumps({**self.settings(), **values}))


@pytest.fixture
def operated(ledger_database: LedgerDatabase, software_template: Path, tmp_path: Path) -> Operated:
    data, folder = tmp_path / "data", tmp_path / "work"
    for made in (data, folder):
        made.mkdir(mode=0o700)
    (data / "software-keys").write_bytes(software_template.read_bytes())
    (data / "software-keys").chmod(0o600)
    (data / "software-pin").write_text(SOFTWARE_PIN)
    settings = {
        "database_url": ledger_database.service_url,
        "hsm_mode": "software",
        "hsm_software_file": str(data / "software-keys"),
        "hsm_pin_file": str(data / "software-pin"),
        "regions": ["cn-hangzhou", "cn-shanghai"],
        "quota_keys": 200,
    }
    (data / "settings.json").write_text(json.dumps(settings))
    reached = {"endpoint": "https://127.0.0.1:8443", "ca_file": str(data / "ca.pem"), "region_id": "cn-hangzhou"}
    own = {"account_id": "1", "access_key_id": "LTAI", "access_key_secret": "of the first account"}
    (data / "credentials.json").write_text(json.dumps({**own, **reached, "database_url": "secret"}))
    (data / "ca.pem").touch()
    return Operated(data, folder, ledger_database)


@pytest.fixture
def operate(operated: Operated, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operate]:
    monkeypatch.chdir(operated.folder)
    monkeypatch.setattr(deployment, "set_up_logging", lambda _: None)

    def run(*words: object) -> Outcome:
        with capture_logs():  # which are silent where operators are: see ``settings_of``
            result = CliRunner().invoke(app, [*map(str, words), "--data", str(operated.data)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Outcome(result.exit_code, result.stdout, " ".join(result.stderr.split()))

    with patch.dict(os.environ):
        yield run


def started(
    operated: Operated, *words: object, program: tuple[str, ...] = COMMAND, **how: Any
) -> subprocess.Popen[str]:
    """The command, in a process of its own and an environment of nothing but PATH."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **how.pop("environment", {})}
    return subprocess.Popen(
        [*program, *map(str, words)],
        **{"cwd": operated.folder, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **how},
        env=environment,
    )


def ended(process: subprocess.Popen[str]) -> Outcome:
    output, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    return Outcome(process.returncode, output, " ".join(errors.split()))
