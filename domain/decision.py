"""Decisions: whether somebody may, and what decided it.

The reason is for audits and what-if questions. A refused caller is told action, resource and outcome, not whose policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.policy import Effect, Policy, Statement


class Outcome(StrEnum):
    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    NOT_ALLOWED = "not allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    :param reason: a clause that ends a sentence.
    :param policy: name of the policy that decided; empty where none did.
    :param statement: its index in that policy; None where the lack of one decided.
    """

    outcome: Outcome
    reason: str
    policy: str = ""
    statement: int | None = None
    sid: str = ""

    @property
    def is_allowed(self) -> bool:
        return self.outcome is Outcome.ALLOWED


ROOT: Final = Decision(outcome=Outcome.ALLOWED, reason="root of an account needs no policy of it")
NO_POLICY: Final = Decision(outcome=Outcome.NOT_ALLOWED, reason="no policy of the caller allows it")
NOT_BY_SESSION: Final = Decision(outcome=Outcome.NOT_ALLOWED, reason="the session's policy does not allow it")
NOT_BY_OWNER: Final = Decision(outcome=Outcome.NOT_ALLOWED, reason="the resource's owner does not allow it")
NOT_TRUSTED: Final = Decision(outcome=Outcome.NOT_ALLOWED, reason="the role does not trust the caller")

_OUTCOMES: Final = {Effect.ALLOW: Outcome.ALLOWED, Effect.DENY: Outcome.DENIED}


def by(policy: Policy, statement: Statement) -> Decision:
    """What the statement decides wherever it applies."""
    outcome = _OUTCOMES[statement.effect]
    sid = f" ({statement.sid})" if statement.sid else ""
    return Decision(
        outcome=outcome,
        reason=f"{outcome} by Statement[{statement.index}]{sid} of {policy.name or f'the {policy.kind} policy'}",
        policy=policy.name,
        statement=statement.index,
        sid=statement.sid,
    )


def both(mine: Decision, theirs: Decision) -> Decision:
    """Two sides have allowed; the owner's statement is the one that is named."""
    return Decision(
        outcome=Outcome.ALLOWED,
        reason=f"{mine.reason}, and {theirs.reason}",
        policy=theirs.policy,
        statement=theirs.statement,
        sid=theirs.sid,
    )
