"""Which of a policy's grants were used, statement by statement, and what within a statement was not.

A statement counts as used where a recorded use is about one of its actions on one of its resources, whether or not
another statement allowed the same; its conditions are not asked again. So what is called unused can go without
refusing anything that was done. What a Deny says is no grant, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.audit.uses import Use
from domain.patterns import any_of
from domain.policy import Effect, Policy, Statement
from domain.ram.arns import matched
from domain.vocabulary import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementUse:
    """An Allow of an attached policy.

    :param times: how often a use was about it; ``last_at`` is the last of them, None for never or not known.
    :param used_actions: which actions these were; of a statement that allows ``kms:*``, all that it was needed for.
    :param unused_actions: those of its patterns that no use was about; none of a NotAction, which lists no grants.
    :param wide_actions: those of its patterns that allow more operations than were used.
    :param unused_resources: patterns that no use was about.
    :param unused_pairs: action and resource patterns each of which was used, but never with the other.
    """

    index: int
    sid: str
    times: int
    last_at: datetime | None
    used_actions: tuple[str, ...]
    unused_actions: tuple[str, ...]
    wide_actions: tuple[str, ...]
    unused_resources: tuple[str, ...]
    unused_pairs: tuple[tuple[str, str], ...]

    @property
    def is_used(self) -> bool:
        return self.times > 0

    @property
    def is_fully_used(self) -> bool:
        return self.is_used and not (
            self.unused_actions or self.wide_actions or self.unused_resources or self.unused_pairs
        )


def statement_uses(policy: Policy, made: Iterable[Use]) -> tuple[StatementUse, ...]:
    """Of each Allow."""
    uses = list(made)
    return tuple(_statement(one, uses) for one in policy.statements if one.effect is Effect.ALLOW)


def _statement(statement: Statement, made: list[Use]) -> StatementUse:
    about = [
        use._replace(resource=matched(use.resource))
        for use in made
        if statement.is_about_action(use.action) and statement.is_about_resource(matched(use.resource))
    ]
    used = {(use.action, use.resource) for use in about}
    patterns = () if statement.excludes_actions else statement.actions
    pairs, resources = _matching(patterns, statement.resources, used)
    actions = {action for action, _ in pairs}
    return StatementUse(
        index=statement.index,
        sid=statement.sid,
        times=sum(use.times for use in about),
        last_at=max((use.last_at for use in about if use.last_at is not None), default=None),
        used_actions=tuple(sorted({action for action, _ in used})),
        unused_actions=tuple(action for action in patterns if action not in actions),
        wide_actions=tuple(action for action in patterns if action in actions and _is_wide(action, used)),
        unused_resources=tuple(resource for resource in statement.resources if resource not in resources),
        unused_pairs=tuple(
            (action, resource)
            for action in patterns
            for resource in statement.resources
            if action in actions and resource in resources and (action, resource) not in pairs
        ),
    )


def _is_wide(pattern: str, used: set[tuple[str, str]]) -> bool:
    """Of which product an operation is, does not matter here: no two have one of the same name."""
    _, colon, name = pattern.partition(":")
    matches = any_of(((name if colon else pattern).lower(),))
    allowed = {operation for operation in _OPERATIONS if matches(operation)}
    return len(allowed) > 1 and not allowed <= {action.partition(":")[2].lower() for action, _ in used}


_OPERATIONS: Final = frozenset(operation.value.lower() for operation in Operation)


def _matching(
    actions: tuple[str, ...], resources: tuple[str, ...], used: set[tuple[str, str]]
) -> tuple[set[tuple[str, str]], set[str]]:
    """The pairs of patterns that a use was about, and the resource patterns."""
    of_action = {action: any_of((action.lower(),)) for action in actions}
    of_resource = {resource: any_of((resource,)) for resource in resources}
    pairs: set[tuple[str, str]] = set()
    on: set[str] = set()
    for action, resource in used:
        on_these = [pattern for pattern, matches in of_resource.items() if matches(resource)]
        by_these = [pattern for pattern, matches in of_action.items() if matches(action.lower())]
        pairs.update((by, pattern) for by in by_these for pattern in on_these)
        on.update(on_these)
    return pairs, on
