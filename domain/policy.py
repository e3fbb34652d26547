"""Policies: documents that say who may do what, and what they say once they have been read.

Here: the value, the limits, and ``parse``, which refuses whatever nobody could evaluate and says where it stands. Not
here: the elements of a statement (:mod:`domain.statements`) and what follows for a caller (:mod:`domain.access`).

Documents stand in ledgers as they were written and are read again on every replay: what is accepted may become more,
never less (tests/golden/policies).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from domain import statements
from domain.errors import InvalidRequest
from domain.policy_document import Fault, Members, members, named, read
from domain.ram.errors import InvalidSessionPolicy, MalformedPolicyDocument, SessionPolicyTooLong
from domain.statements import Effect, PolicyKind, Statement

__all__ = ["BYTES_MAX", "Effect", "Policy", "PolicyKind", "Statement", "parse"]

BYTES_MAX: Final[Mapping[PolicyKind, int]] = MappingProxyType(
    {
        PolicyKind.IDENTITY: 6_144,
        PolicyKind.TRUST: 6_144,
        PolicyKind.RESOURCE: 32_768,
        PolicyKind.SESSION: 1_024,
    }
)
"""Of documents, in bytes of UTF-8: published for custom policies, keys' policies and AssumeRole's Policy. For trust
policies none is known to us, so they get that of custom ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """:param name: what reasons and audits call it, such as ``Custom/Payments`` or ``System/AliyunKMSFullAccess``.
    :param document: the text that was given, to the letter.
    """

    kind: PolicyKind
    name: str
    document: str
    statements: tuple[Statement, ...]


def parse(document: str, *, kind: PolicyKind = PolicyKind.IDENTITY, name: str = "") -> Policy:
    """:raises MalformedPolicyDocument: nobody can evaluate it; the message begins with the place of the fault, such as
        ``Statement[1].Condition.IpAddress.acs:SourceIp``.
    :raises InvalidSessionPolicy, SessionPolicyTooLong: the same of a session policy, by STS's codes.
    """
    _refuse_what_is_too_long(document, kind)
    try:
        top = members("", read(document), ("Version", "Statement"))
        _refuse_other_versions(top)
        return Policy(kind=kind, name=name, document=document, statements=_statements(top, kind))
    except Fault as fault:
        raise _malformed(kind)(str(fault)) from None


def _malformed(kind: PolicyKind) -> type[InvalidRequest]:
    return InvalidSessionPolicy if kind is PolicyKind.SESSION else MalformedPolicyDocument


def _refuse_what_is_too_long(document: str, kind: PolicyKind) -> None:
    # A lone surrogate has no UTF-8; reading refuses it with its place, so here it only has to be counted.
    length = len(document.encode(errors="surrogatepass"))
    if length > BYTES_MAX[kind]:
        error = SessionPolicyTooLong if kind is PolicyKind.SESSION else MalformedPolicyDocument
        raise error(f"The document has {length} bytes; at most {BYTES_MAX[kind]} fit.")


def _refuse_other_versions(top: Members) -> None:
    if "Version" not in top:
        raise Fault("", "Version is missing")
    if top["Version"] != "1":
        raise Fault("Version", f'expected "1", not {named(top["Version"])}')


def _statements(top: Members, kind: PolicyKind) -> tuple[Statement, ...]:
    if "Statement" not in top:
        raise Fault("", "Statement is missing")
    value = top["Statement"]
    if not isinstance(value, list):
        return (statements.parse("Statement", 0, value, kind),)
    if not value:
        raise Fault("Statement", "an empty list")
    return tuple(statements.parse(f"Statement[{n}]", n, element, kind) for n, element in enumerate(value))
