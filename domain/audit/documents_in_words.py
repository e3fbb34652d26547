"""What a policy document says, as a clause of a sentence: ``allows kms:Decrypt on acs:kms:*:*:key/… under conditions``.

For whoever reads what was granted; decisions are made by :mod:`domain.policy`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.audit.words import brief

CHARACTERS_MAX: Final = 240

_VERBS: Final = {"Allow": "allows", "Deny": "denies"}


def says(document: str) -> str:
    """Of an identity policy, statement after statement; of a trust policy, who is trusted. Long ones are cut visibly.

    :param document: JSON that was accepted when it was recorded; of any other text nothing is said.
    """
    try:
        statements = json.loads(document)["Statement"]
        told = "; ".join(_statement(one) for one in _listed(statements))
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return brief(told, CHARACTERS_MAX)


def _statement(statement: Mapping[str, Any]) -> str:
    verb = _VERBS[statement["Effect"]]
    conditions = " under conditions" if statement.get("Condition") else ""
    if "Principal" in statement:
        who = ", ".join(_principals(statement["Principal"]))
        return f"{'trusts' if verb == 'allows' else 'does not trust'} {who}{conditions}"
    actions = _named(statement, "Action", "every action")
    resources = _named(statement, "Resource", "everything")
    return f"{verb} {actions} on {resources}{conditions}"


def _named(statement: Mapping[str, Any], element: str, all_: str) -> str:
    excluded = statement.get(f"Not{element}")
    if excluded is not None:
        return f"{all_} but {', '.join(_listed(excluded))}"
    named = _listed(statement[element])
    return all_ if named == ["*"] else ", ".join(named)


def _principals(principal: object) -> Iterator[str]:
    if not isinstance(principal, Mapping):
        yield "everybody" if principal == "*" else str(principal)
        return
    for names in principal.values():
        yield from map(str, _listed(names))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
