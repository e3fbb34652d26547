"""What a report is asked to suppose: one hypothesis in a file, as EvaluatePolicy takes it (``POST /audit/what-if``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from domain.audit.suppositions import (
    DocumentAttached,
    DocumentReplaced,
    PolicyDetached,
    Supposition,
    TrustReplaced,
)
from domain.ram.entities import PolicyType, TargetKind
from scripts.auditing.suppositions import json_object
from scripts.envelope.failure import WrongUse

_EXPECTED: Final = (
    "Write one of "
    '{"policy_name": NAME, "document": {…}}, '
    '{"attach": {"document": {…}, "to": "user/NAME"}}, '
    '{"detach": {"policy_type": "Custom", "policy_name": NAME, "from": "group/NAME"}}, '
    '{"role_name": NAME, "trust_policy": {…}}.'
)


def read_supposition(file: Path, account_id: str) -> Supposition:
    """:raises WrongUse: it holds none of the four. :raises FileTrouble: it cannot be read."""
    given = json_object(str(file), "hypothesis", _EXPECTED)
    try:
        return _read(given, account_id)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise WrongUse(f"{file} is no hypothesis.", _EXPECTED) from None


def _read(given: Mapping[str, Any], account_id: str) -> Supposition:
    """:raises ValueError: or any of those that a wrong shape leads to."""
    match sorted(given):
        case ["document", "policy_name"]:
            return DocumentReplaced(
                account_id=account_id, policy_name=_name(given["policy_name"]), document=_text(given["document"])
            )
        case ["role_name", "trust_policy"]:
            return TrustReplaced(
                account_id=account_id, role_name=_name(given["role_name"]), document=_text(given["trust_policy"])
            )
        case ["attach"]:
            document, to = _members(given["attach"], "document", "to")
            kind, name = _target(to)
            return DocumentAttached(account_id=account_id, target_kind=kind, target_name=name, document=_text(document))
        case ["detach"]:
            policy_type, policy_name, target = _members(given["detach"], "policy_type", "policy_name", "from")
            kind, name = _target(target)
            return PolicyDetached(
                account_id=account_id,
                target_kind=kind,
                target_name=name,
                policy_type=PolicyType(policy_type),
                policy_name=_name(policy_name),
            )
        case _:
            raise ValueError(given)


def _members(given: Mapping[str, Any], *names: str) -> list[Any]:
    if given.keys() != set(names):
        raise ValueError(given)
    return [given[name] for name in names]


def _name(given: object) -> str:
    if not isinstance(given, str) or not given:
        raise ValueError(given)
    return given


def _text(document: object) -> str:
    return document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)


def _target(given: str) -> tuple[TargetKind, str]:
    kind, _, name = given.partition("/")
    return TargetKind(kind), _name(name)
