"""``scripts/verify_ledger authority`` on a running service: what it made agrees; what it never would have is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import psycopg

from tests.fixtures.service import ROOT, Service, running


def verified(service: Service, *words: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "scripts.verify_ledger", "authority", "--data", str(service.folder), *words]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert not ran.stderr, ran.stderr
    return ran.returncode, ran.stdout


def report(service: Service) -> tuple[int, dict[str, Any]]:
    status, told = verified(service, "--json")
    return status, json.loads(told)


def test_a_services_own_ledger_agrees_until_an_administrator_of_the_database_forges_it() -> None:
    """A service of this test's own: others write into the shared one's ledger what no service writes."""
    with running(workers=1) as service:
        key_id = service.create_key()
        service.encrypt(key_id)
        assert service.rpc("DisableKey", {"KeyId": key_id}).status_code == 200
        assert service.rpc("Encrypt", {"KeyId": key_id, "Plaintext": "a"}).status_code == 409
        assert service.rest("GET", "/audit/events").status_code == 200
        status, told = report(service)
        assert (status, told["findings"]) == (0, [])
        for topic in (
            "kms.key.created",
            "kms.key.used",
            "kms.key.disabled",
            "kms.call.refused",
            "kms.call.answered",
        ):
            assert told["topics"][topic]["agrees"] == 1
        status, table = verified(service)
        assert status == 0
        assert f"nothing contradicts positions 1 to {told['until']:,}" in table
        _forge_a_use(service)
        status, told = report(service)
        assert status == 1
        (finding,) = told["findings"]
        assert "the key would have refused it with Rejected.Disabled" in finding["finding"]
        status, table = verified(service)
        assert status == 1
        assert f"Position {finding['position']}: " in table


def _forge_a_use(service: Service) -> None:
    """The use that stands there, once more at the end."""
    with psycopg.connect(service.superuser_url, autocommit=True) as connection:
        connection.execute(
            "insert into ledger.events (position, originator_id, originator_version, topic, state, recorded_at)"
            " select h.next_position, gen_random_uuid(), 1, topic, state, clock_timestamp()"
            " from ledger.events, ledger.ledger_head h where topic = 'kms.key.used'"
        )
        connection.execute("update ledger.ledger_head set next_position = next_position + 1")
