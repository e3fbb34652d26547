"""Documents that were accepted once, and what was decided by them: so it must be read and decided for ever.

A ledger holds documents as they were written, and whoever verifies it decides every use and every refusal again. A rule
about documents may therefore be loosened, and never be tightened; and a file here is never changed.

In each file a document stands alone: an identity's and a session's policies (under a role that may do everything) are
asked by :class:`Access`, a trust policy and a key's by what the owner says, for somebody of another account or named.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from domain.access import Access
from domain.circumstances import Circumstances
from domain.decision import Decision
from domain.owner import stance
from domain.policy import Policy, PolicyKind, parse

FOLDER: Final = Path(__file__).parent / "policies"
OWNER: Final = "1234567890123456"
EVERYTHING: Final = parse('{"Version":"1","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}')


def questions() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.json")):
        golden = json.loads(file.read_text())
        policy = parse(golden["document"], kind=PolicyKind(golden["kind"]))
        for number, asked in enumerate(golden["asked"]):
            yield pytest.param(policy, asked, id=f"{file.stem}-{number}-{asked['decision']}")


def decided(policy: Policy, asked: dict[str, Any]) -> Decision:
    principal, action, resource = asked["principal"], asked["action"], asked["resource"]
    account_id = principal.split(":")[3]
    circumstances = Circumstances(given=asked["facts"])
    if policy.kind in (PolicyKind.TRUST, PolicyKind.RESOURCE):
        suffices = policy.kind is PolicyKind.TRUST or account_id != OWNER
        return stance(policy, principal, account_id, action, resource, circumstances, account_suffices=suffices)
    identity, session = (policy, None) if policy.kind is PolicyKind.IDENTITY else (EVERYTHING, policy)
    access = Access(account_id=account_id, principal=principal, policies=[identity], session_policy=session)
    return access.decide(action, resource, circumstances)


def test_there_is_a_file_for_every_kind_of_policy() -> None:
    kinds = {json.loads(file.read_text())["kind"] for file in FOLDER.glob("*.json")}
    assert kinds == set(PolicyKind)


@pytest.mark.parametrize(("policy", "asked"), list(questions()))
def test_what_was_decided_once_is_decided_for_ever(policy: Policy, asked: dict[str, Any]) -> None:
    assert decided(policy, asked).outcome == asked["decision"]
