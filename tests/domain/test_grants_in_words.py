"""One sentence for each fact about who was granted what."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.account import SYSTEM
from domain.audit.grants import grant_sentence
from tests.fixtures.ledger import ACCOUNT, NOON

ROOT = f"acs:ram::{ACCOUNT}:root"
AT = "at 2026-06-01 12:00:00 UTC"


@pytest.mark.parametrize(
    ("kind", "subject", "what", "said"),
    [
        ("user", "user/alice", "", "There is user alice, made by"),
        ("membership", "user/alice", "group/dev", "user alice is in group/dev, granted by"),
        ("attachment", "user/alice", "Custom/web", "user alice has policy Custom/web, granted by"),
        ("access-key", "user/alice", "LTAI1", "user alice has access key LTAI1, set by"),
        ("of-another-time", "x", "y", "x: y, granted by"),
    ],
)
def test_a_fact_is_told_with_who_did_it_and_when(kind: str, subject: str, what: str, said: str) -> None:
    told = grant_sentence(kind, subject, what, ROOT, NOON, None, None)
    assert told == f"{said} root of {ACCOUNT} {AT}."


def test_an_access_key_that_is_deactivated_is_no_grant() -> None:
    told = grant_sentence("access-key", "user/eve", "LTAI1", ROOT, NOON, None, None, {"status": "Inactive"})
    assert told == f"user eve has access key LTAI1, which is deactivated, set by root of {ACCOUNT} {AT}."
    assert "deactivated" not in grant_sentence("access-key", "", "", ROOT, NOON, None, None, {"status": "Active"})


def test_what_the_deployment_did_is_nobody_s() -> None:
    told = grant_sentence("account", "", ACCOUNT, SYSTEM.principal, NOON, NOON + timedelta(days=1), ROOT)
    assert told == f"Account {ACCOUNT} exists, made {AT} until 2026-06-02 12:00:00 UTC, ended by root of {ACCOUNT}."


def test_nothing_in_it_writes_to_a_terminal() -> None:
    assert grant_sentence("user", "user/\x1b[2J\u202e", "", ROOT, NOON, None, None).isprintable()
