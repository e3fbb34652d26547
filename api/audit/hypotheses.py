"""What EvaluatePolicy is asked to suppose: exactly one of four things, read and checked for shape.

Whether a document can be evaluated, :mod:`domain.policy` says; whether what it is about is there, the replay.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from api.parameters import Parameters
from domain.errors import InvalidParameter
from domain.ram.entities import PolicyType, TargetKind

_ATTACH: Final = 'Expected JSON such as {"document": {…}, "to": "user/alice"}.'
_DETACH: Final = (
    'Expected JSON such as {"policy_type": "System", "policy_name": "AliyunKMSFullAccess", "from": "group/devs"}.'
)
_ONE: Final = (
    "Expected exactly one hypothesis: policy_name and document; attach; detach; or role_name and trust_policy."
)

Hypothesis = dict[str, str]


def read_hypothesis(given: Parameters) -> Hypothesis:
    """:raises InvalidParameter: none, several, or one that is not whole."""
    sent = [name for name in _READERS if given.optional(name)]
    stray = [name for name, owner in _BESIDE.items() if given.optional(name) and owner not in sent]
    if len(sent) != 1 or stray:
        raise InvalidParameter((stray or sent or ["attach"])[-1], _ONE)
    return _READERS[sent[0]](given)


def _policy(given: Parameters) -> Hypothesis:
    return {"kind": "policy", "policy_name": given.required("policy_name"), "document": given.required("document")}


def _trust(given: Parameters) -> Hypothesis:
    return {"kind": "trust", "role_name": given.required("role_name"), "document": given.required("trust_policy")}


def _attach(given: Parameters) -> Hypothesis:
    members = _members(given.json_object("attach", _ATTACH), "attach", _ATTACH, "document", "to")
    document = members["document"]
    text = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False)
    return {"kind": "attach", "document": text, **_target(members["to"], "attach", _ATTACH)}


def _detach(given: Parameters) -> Hypothesis:
    names = ("policy_type", "policy_name", "from")
    members = _members(given.json_object("detach", _DETACH), "detach", _DETACH, *names)
    policy_type, policy_name = members["policy_type"], members["policy_name"]
    if policy_type not in set(PolicyType) or not isinstance(policy_name, str):
        raise InvalidParameter("detach", _DETACH)
    target = _target(members["from"], "detach", _DETACH)
    return {"kind": "detach", "policy_type": policy_type, "policy_name": policy_name, **target}


_READERS: Final[Mapping[str, Callable[[Parameters], Hypothesis]]] = {
    "policy_name": _policy,
    "role_name": _trust,
    "attach": _attach,
    "detach": _detach,
}
_BESIDE: Final = {"document": "policy_name", "trust_policy": "role_name"}
"""What goes with what."""


def _members(found: Mapping[str, Any], parameter: str, expected: str, *names: str) -> Mapping[str, Any]:
    if found.keys() != set(names):
        raise InvalidParameter(parameter, expected)
    return found


def _target(text: object, parameter: str, expected: str) -> Hypothesis:
    kind, _, name = text.partition("/") if isinstance(text, str) else ("", "", "")
    if kind not in set(TargetKind) or not name:
        raise InvalidParameter(parameter, expected)
    return {"target_kind": kind, "target_name": name}
