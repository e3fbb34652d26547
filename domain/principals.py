"""Whom a trust policy or a key's policy is about.

Here: the element Principal. ``RAM`` names accounts (``acs:ram::<uid>:root``, or ``:*`` as keys' policies write it),
users and roles. ``Service`` and ``Federated`` name cloud services and identity providers: they are understood and
kept, but nobody who calls this service is one of them.

Users and roles are named by name, as Alibaba's are: whoever is made again under the name of somebody who was deleted is
named by the same policies, and trusted by the same roles. Who deletes a user for good removes it from trust policies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from domain.policy_document import Fault, Members, members, quoted, texts, within

KINDS: Final = ("RAM", "Service", "Federated")

_PRINCIPAL: Final = re.compile(
    r"acs:ram::(?P<account>[0-9]{1,32}):(?:(?P<whole>root|\*)|user/[A-Za-z0-9._@-]{1,64}|role/[A-Za-z0-9._-]{1,64})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principals:
    """:param identities: ARNs of users and roles. A role stands for its sessions."""

    accounts: frozenset[str]
    identities: frozenset[str]
    services: frozenset[str]
    identity_providers: frozenset[str]

    def name(self, principal: str) -> bool:
        """Whether the user, or the role of the session, is named itself."""
        return bool(self.identities) and without_session(principal) in self.identities


def without_session(principal: str) -> str:
    """Of ``acs:ram::<uid>:role/<role>/<session>`` the role's ARN; any other as it is."""
    start, role, rest = principal.partition(":role/")
    return start + role + rest.partition("/")[0]


def parse(place: str, value: object) -> Principals:
    """:raises Fault: none of the three kinds, an empty one, or a RAM principal of another shape."""
    given = members(place, value, KINDS)
    if not given:
        raise Fault(place, "names nobody. Expected RAM, Service or Federated")
    found = [(arn, _ram(at, arn)) for at, arn in _listed(place, given, "RAM")]
    return Principals(
        accounts=frozenset(match["account"] for _, match in found if match["whole"]),
        identities=frozenset(arn for arn, match in found if not match["whole"]),
        services=frozenset(name for _, name in _listed(place, given, "Service")),
        identity_providers=frozenset(name for _, name in _listed(place, given, "Federated")),
    )


def _listed(place: str, given: Members, kind: str) -> list[tuple[str, str]]:
    return texts(within(place, kind), given[kind]) if kind in given else []


def _ram(place: str, arn: str) -> re.Match[str]:
    match = _PRINCIPAL.fullmatch(arn)
    if match is None:
        expected = "Expected acs:ram::<account id>:root, :user/<user name> or :role/<role name>"
        raise Fault(place, f"{quoted(arn)} is no principal. {expected}")
    return match
