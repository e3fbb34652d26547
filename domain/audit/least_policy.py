"""The least policy for what somebody did: it allows exactly the recorded uses, and nothing else.

Actions that were used on the same resources share a statement; resources stand there by their exact ARNs. What does not
fit into one document goes into further ones. Nothing is widened to make it fit: where more documents would be needed
than can be attached to one user, group or role, there are none, and the answer says so.

Three honest limits. Of the conditions of the policies that allowed it so far nothing is taken over, since no use says
which of them were meant: the answer names the policies that have any. An ARN that has a ``*`` of its own (the service
asks about ``user/*`` where users are created or listed) cannot be written otherwise, and is named in the answer. And
recorded uses say nothing of what somebody needs once a year.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain.audit.uses import Use
from domain.policy import BYTES_MAX, Policy, PolicyKind
from domain.ram.arns import matched
from domain.ram.limits import POLICIES_OF_TARGET

_ACTION: Final = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9]+")
_RESOURCE: Final = re.compile(r"acs:(?:[^:]*:){3}[^\x00]+", re.DOTALL)

_Group = tuple[tuple[str, ...], tuple[str, ...]]
"""Actions, and the resources on which each of them was used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastPolicy:
    """
    :param documents: texts of custom policies, all of which are needed. None where nothing was used, and where more
        than :data:`~domain.ram.limits.POLICIES_OF_TARGET` would be needed.
    :param documents_needed: how many there are, or would be.
    :param permissions: different pairs of action and resource that were used.
    :param with_wildcards: those of them whose ARN has a ``*`` or ``?`` of its own.
    :param inexpressible: those that no policy can allow, and that the documents leave out.
    :param conditional: names of the policies in force that decide by conditions.
    """

    documents: tuple[str, ...]
    documents_needed: int
    permissions: int
    with_wildcards: tuple[tuple[str, str], ...]
    inexpressible: tuple[tuple[str, str], ...]
    conditional: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the documents allow all that was used."""
        return len(self.documents) == self.documents_needed and not self.inexpressible

    @property
    def remark(self) -> str:
        """What whoever attaches it should know; empty for nothing."""
        return " ".join(_remarks(self))


def least_policy(
    uses: Iterable[Use], *, in_force: Iterable[Policy] = (), documents_max: int = POLICIES_OF_TARGET
) -> LeastPolicy:
    """The same uses give the same texts, in whatever order they come.

    :param uses: of one principal: a user, or a role in all its sessions. :param in_force: the policies that it has.
    """
    used = {(use.action, matched(use.resource)) for use in uses}
    inexpressible = {pair for pair in used if not _is_expressible(*pair)}
    documents = _documents(_groups(used - inexpressible))
    return LeastPolicy(
        documents=documents if len(documents) <= documents_max else (),
        documents_needed=len(documents),
        permissions=len(used),
        with_wildcards=tuple(sorted(pair for pair in used - inexpressible if {"*", "?"} & set(pair[1]))),
        inexpressible=tuple(sorted(inexpressible)),
        conditional=tuple(sorted({policy.name for policy in in_force if _has_conditions(policy)})),
    )


def _has_conditions(policy: Policy) -> bool:
    return any(statement.conditions for statement in policy.statements)


def _is_expressible(action: str, resource: str) -> bool:
    """A lone surrogate has no UTF-8 and so no place in a document."""
    return (
        _ACTION.fullmatch(action) is not None
        and _RESOURCE.fullmatch(resource) is not None
        and not any("\ud800" <= character <= "\udfff" for character in resource)
        and _size(_statement((action,), (resource,))) <= _ROOM
    )


def _groups(used: set[tuple[str, str]]) -> list[_Group]:
    resources: dict[str, set[str]] = {}
    for action, resource in used:
        resources.setdefault(action, set()).add(resource)
    actions: dict[tuple[str, ...], list[str]] = {}
    for action in sorted(resources):
        actions.setdefault(tuple(sorted(resources[action])), []).append(action)
    return [(tuple(same), on) for on, same in actions.items()]


# --- documents -------------------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _size(text: str) -> int:
    return len(text.encode())


def _statement(actions: tuple[str, ...], resources: tuple[str, ...]) -> str:
    return _text({"Effect": "Allow", "Action": actions, "Resource": resources})


def _document(statements: Iterable[str]) -> str:
    return f'{{"Version":"1","Statement":[{",".join(statements)}]}}'


_ROOM: Final = BYTES_MAX[PolicyKind.IDENTITY] - _size(_document(()))
"""Bytes of a document's statements, with a comma between them."""


def _documents(groups: list[_Group]) -> tuple[str, ...]:
    """Filled in order: a statement that does not fit into the last one begins the next."""
    documents: list[list[str]] = []
    room = 0
    for actions, resources in groups:
        for statement in _fitting(actions, resources):
            size = _size(statement) + 1
            if size > room:
                documents.append([])
                room = _ROOM + 1
            documents[-1].append(statement)
            room -= size
    return tuple(_document(statements) for statements in documents)


def _fitting(actions: tuple[str, ...], resources: tuple[str, ...]) -> list[str]:
    """One statement, or as many as are needed for each to fit into a document."""
    whole = _statement(actions, resources)
    if _size(whole) <= _ROOM:
        return [whole]
    if len(resources) == 1:
        return _fitting(actions[: len(actions) // 2], resources) + _fitting(actions[len(actions) // 2 :], resources)
    statements: list[str] = []
    taken: list[str] = []
    envelope = room = _ROOM - _size(_statement(actions, ()))
    for resource in resources:
        size = _size(_text(resource)) + 1
        if taken and size > room:
            statements += _fitting(actions, tuple(taken))
            taken, room = [], envelope
        taken.append(resource)
        room -= size
    return statements + _fitting(actions, tuple(taken))


def _remarks(policy: LeastPolicy) -> Iterable[str]:
    if policy.documents_needed > len(policy.documents):
        yield (
            f"{policy.permissions} permissions need {policy.documents_needed} documents, more than can be attached. "
            "Nothing was widened to make them fit: decide which resources may be named by a pattern."
        )
    if policy.with_wildcards:
        named = ", ".join(sorted({action for action, _ in policy.with_wildcards}))
        yield f"The service asks for {named} on all resources of a kind, so that these stand there with a wildcard."
    if policy.inexpressible:
        yield f"{len(policy.inexpressible)} uses were of no ARN that a policy can name, and are left out."
    if policy.conditional and policy.permissions:
        yield (
            f"{', '.join(policy.conditional)} has conditions, and this has none: add those that should stay."
            if len(policy.conditional) == 1
            else f"{', '.join(policy.conditional)} have conditions, and this has none: add those that should stay."
        )
