"""What conditions ask about: facts of one call, by condition key, made only when a condition asks.

Here: the closed list of condition keys and where each fact comes from. Not here: how facts are compared
(:mod:`domain.conditions`). Every fact is text, as a policy and a what-if question write it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.call import Call
from domain.principals import without_session

TAG: Final = "kms:tag/"
"""Followed by the key of a CMK's tag, whose letters' case counts."""

NO_FACTS: Final[Mapping[str, str]] = MappingProxyType({})


class Circumstances(NamedTuple):
    """The facts that one decision may look at. Making one must cost next to nothing: most policies ask for no fact.

    :param call: who asks, when and from where; None for a question about nobody's call.
    :param tags: of the CMK that the call is about, asked for by ``kms:tag/<key>``.
    :param given: facts by their condition key that are no property of the call, such as ``sts:ExternalId``. They win
        over the call's, so that a what-if question can ask about another time or address.
    """

    call: Call | None = None
    tags: Mapping[str, str] = NO_FACTS
    given: Mapping[str, str] = NO_FACTS

    def value(self, key: str) -> str | None:
        """The fact behind the condition key; None where this call has none."""
        if self.given and key in self.given:
            return self.given[key]
        of_call = _OF_CALL.get(key)
        if of_call is not None:
            return of_call(self.call) or None if self.call is not None else None
        return self.tags.get(key[len(TAG) :]) if key.startswith(TAG) else None


NO_CIRCUMSTANCES: Final = Circumstances()

OF_ONE_CALL: Final = frozenset(("acs:CurrentTime", "acs:SecureTransport", "acs:SourceIp"))
"""Facts that nobody knows before there is a call."""

_MFA_PRESENT: Final = "false"
"""Nobody signs in here, with one factor or with two, so a Deny that waits for MFA holds for every call."""


def facts_of(principal: str) -> dict[str, str]:
    """Those that are the same in every call of the principal, whose ARN it is."""
    return {"acs:MFAPresent": _MFA_PRESENT, "acs:PrincipalARN": without_session(principal)}


_OF_CALL: Final[Mapping[str, Callable[[Call], str]]] = MappingProxyType(
    {
        "acs:CurrentTime": lambda call: f"{call.at:%Y-%m-%dT%H:%M:%S}Z",
        "acs:SecureTransport": lambda call: "true" if call.secure_transport else "false",
        "acs:SourceIp": lambda call: call.source_ip,
        "acs:MFAPresent": lambda call: _MFA_PRESENT,
        # Of a role's session the role: RAM's pages write this key without the name of the session.
        "acs:PrincipalARN": lambda call: without_session(call.by.principal),
    }
)
