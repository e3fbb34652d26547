"""Whether somebody may do something, asked about no call: what the call's own facts decide is said, never guessed.

Known are the caller and the key, with its tags; not known are when and from where a call will come. The real decision
(:class:`domain.access.Access`) is asked about policies of which the unknown conditions were taken away: once as if they
all turned out well for the caller (its Allows hold, its Denies do not), once as if they all turned out badly. More
Allows never forbid and more Denies never allow, so every real call is decided between the two. Where the two differ,
conditions may still exclude each other (an Allow from 10.0.0.0/8, a Deny from everywhere but 192.168.0.0/16), or leave
no gap: then the decision is asked for every representative of all circumstances, if these can be listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from domain.access import Access
from domain.audit.conditions_in_words import in_words
from domain.audit.representatives import representatives
from domain.circumstances import NO_FACTS, OF_ONE_CALL, Circumstances, facts_of
from domain.conditions import Condition, all_hold
from domain.decision import Decision, Outcome
from domain.owner import names
from domain.policy import Effect, Policy, Statement
from domain.ram.arns import matched
from domain.sts import EXTERNAL_ID


class May(StrEnum):
    YES = "yes"
    """Under every circumstance."""

    UNDER_CONDITIONS = "under conditions"
    """What allows it has conditions on the call."""

    UNLESS_DENIED = "unless denied"
    """What denies it has conditions on the call; what allows it has none."""

    NO = "no"
    """Under no circumstance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    :param decision: what allows it where it may at all, else what refuses it.
    :param where: each of these must hold; empty where nothing has to.
    :param unless: none of these may hold.
    :param is_exact: False where not all circumstances could be looked at: then there may be none, or all, of them in
        which it may.
    """

    may: May
    decision: Decision
    where: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    is_exact: bool = True

    @property
    def text(self) -> str:
        """``may, where acs:SourceIp is in 10.0.0.0/8: allowed by …``."""
        where = f", where {', and '.join(self.where)}" if self.where else ""
        unless = f", unless {', or '.join(self.unless)}" if self.unless else ""
        may = "may not" if self.may is May.NO else "may"
        return f"{may}{where}{unless}: {self.decision.reason}"


class Question(NamedTuple):
    """:param tags: of the key. :param trust: the role's trust policy, where ``action`` is to assume the role."""

    action: str
    resource: str
    tags: Mapping[str, str] = NO_FACTS
    trust: Policy | None = None

    @property
    def unknown(self) -> frozenset[str]:
        """Condition keys. Only who assumes a role gives an ExternalId: in any other call it is known to be absent."""
        return OF_ONE_CALL | {EXTERNAL_ID} if self.trust is not None else OF_ONE_CALL

    def decided(self, access: Access, trust: Policy | None, circumstances: Circumstances) -> Decision:
        if trust is not None:
            return access.decide_assume_role(self.resource, trust, circumstances)
        return access.decide(self.action, self.resource, circumstances)


def answer(access: Access, question: Question) -> Answer:
    """:param access: of a user, of root, or of a role: its principal without a session."""
    known = Circumstances(tags=question.tags, given=facts_of(access.principal))
    best = _supposed(access, question, known, well=True)
    if not best.is_allowed:
        return Answer(may=May.NO, decision=best)
    worst = _supposed(access, question, known, well=False)
    if worst.is_allowed:
        return Answer(may=May.YES, decision=worst)
    return _between(access, question, known, best)


# --- as if all turned out well, or badly -----------------------------------------------------------------------------


def _supposed(access: Access, question: Question, known: Circumstances, *, well: bool) -> Decision:
    policies = tuple(_without(policy, question.unknown, well=well) for policy in access.policies)
    session = access.session_policy
    limits = _without(session, question.unknown, well=well) if session is not None else None
    trust = _without(question.trust, question.unknown, well=well) if question.trust is not None else None
    if limits is session and all(one is other for one, other in zip(policies, access.policies, strict=True)):
        return question.decided(access, trust, known)
    supposed = Access(
        account_id=access.account_id,
        principal=access.principal,
        is_root=access.is_root,
        policies=policies,
        session_policy=limits,
    )
    return question.decided(supposed, trust, known)


def _without(policy: Policy, unknown: frozenset[str], *, well: bool) -> Policy:
    """The policy itself where none of its conditions is unknown."""
    if not any(condition.key in unknown for statement in policy.statements for condition in statement.conditions):
        return policy
    return replace(policy, statements=tuple(_statements_without(policy, unknown, well=well)))


def _statements_without(policy: Policy, unknown: frozenset[str], *, well: bool) -> Iterator[Statement]:
    for statement in policy.statements:
        known = tuple(condition for condition in statement.conditions if condition.key not in unknown)
        if len(known) == len(statement.conditions):
            yield statement
        elif (statement.effect is Effect.ALLOW) is well:
            yield replace(statement, conditions=known)


# --- where that does not decide it -----------------------------------------------------------------------------------


def _between(access: Access, question: Question, known: Circumstances, best: Decision) -> Answer:
    sides = _sides(access, question, known)
    conditions = [condition for side in sides for one in (*side.allows, *side.denies) for condition in one]
    circumstances = representatives(conditions)
    if circumstances is None:
        return _conditional(sides, best, is_exact=False)
    decisions = [
        question.decided(access, question.trust, known._replace(given={**known.given, **facts}))
        for facts in circumstances
    ]
    allowing = [decision for decision in decisions if decision.is_allowed]
    if not allowing:
        return Answer(may=May.NO, decision=_refusal(decisions))
    if len(allowing) == len(decisions):
        return Answer(may=May.YES, decision=allowing[0])
    return _conditional(sides, best, is_exact=True)


def _refusal(decisions: list[Decision]) -> Decision:
    """A Deny, if one of them is."""
    return next((decision for decision in decisions if decision.outcome is Outcome.DENIED), decisions[0])


class _Side(NamedTuple):
    """One of those that must allow it, by the unknown conditions of each statement that applies.

    :param allows: one of these must hold; with one that is empty, nothing has to. :param denies: none may hold.
    """

    allows: tuple[tuple[Condition, ...], ...]
    denies: tuple[tuple[Condition, ...], ...]


def _sides(access: Access, question: Question, known: Circumstances) -> list[_Side]:
    resource = matched(question.resource)
    own = _side(access.policies, question, resource, known)
    sides = [own._replace(allows=((),)) if access.is_root else own]
    if access.session_policy is not None:
        sides.append(_side((access.session_policy,), question, resource, known))
    if question.trust is not None:
        naming = [one for one in question.trust.statements if names(one, access.principal, access.account_id)]
        sides.append(_side((replace(question.trust, statements=tuple(naming)),), question, resource, known))
    return sides


def _side(policies: Iterable[Policy], question: Question, resource: str, known: Circumstances) -> _Side:
    found: dict[Effect, list[tuple[Condition, ...]]] = {Effect.ALLOW: [], Effect.DENY: []}
    for policy in policies:
        for statement in policy.statements:
            if statement.is_about_action(question.action) and statement.is_about_resource(resource):
                open_ones = tuple(one for one in statement.conditions if one.key in question.unknown)
                rest = tuple(one for one in statement.conditions if one.key not in question.unknown)
                if all_hold(rest, known):
                    found[statement.effect].append(open_ones)
    return _Side(tuple(found[Effect.ALLOW]), tuple(found[Effect.DENY]))


def _conditional(sides: list[_Side], decision: Decision, *, is_exact: bool) -> Answer:
    where = tuple(_alternatives(side.allows) for side in sides if () not in side.allows)
    unless = tuple(dict.fromkeys(in_words(conditions) for side in sides for conditions in side.denies))
    may = May.UNDER_CONDITIONS if where else May.UNLESS_DENIED
    return Answer(may=may, decision=decision, where=where, unless=unless, is_exact=is_exact)


def _alternatives(allows: tuple[tuple[Condition, ...], ...]) -> str:
    return ", or ".join(dict.fromkeys(in_words(conditions) for conditions in allows))
