"""Who may do something with a key: root, each user and each role of its account, and who may act as these roles.

The answer is one of :mod:`domain.audit.possibility`, with what allows it: which policy in which version, attached to
whom. Permission alone is not all: a user without an access key in force cannot call, and a key's state may refuse
everybody; both are said beside the answer, not mixed into it.

Other accounts get at a key only by assuming a role that trusts them (:mod:`domain.audit.who_may_assume`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.access import Access
from domain.admission import ACTIONS
from domain.audit.candidates import Candidate, Kind, candidates
from domain.audit.possibility import Answer, May, Question, answer
from domain.audit.who_may_assume import Assumer, Assumptions
from domain.errors import KeyNotFound
from domain.key import Key
from domain.ram.authority import Authority
from domain.ram.entities import PolicyKey, PolicyType, Target, TargetKind
from domain.state_matrix import REFUSALS
from domain.vocabulary import Operation

OPERATIONS_ON_KEYS: Final[Mapping[str, Operation]] = {
    ACTIONS[operation]: operation
    for operation in (
        Operation.DESCRIBE_KEY,
        Operation.ENABLE_KEY,
        Operation.DISABLE_KEY,
        Operation.SCHEDULE_KEY_DELETION,
        Operation.CANCEL_KEY_DELETION,
        Operation.UPDATE_KEY_DESCRIPTION,
        Operation.ENCRYPT,
        Operation.DECRYPT,
        Operation.GENERATE_DATA_KEY,
        Operation.GENERATE_DATA_KEY_WITHOUT_PLAINTEXT,
    )
}
"""By action: what can be asked about a key."""

_TYPES: Final = frozenset(kind.value for kind in PolicyType)
DECRYPT: Final = ACTIONS[Operation.DECRYPT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Of the policy that decides. :param version_id: the one in force.
    :param attached: whether it is attached to the user or role itself. :param groups: those through which it has it.
    """

    policy_type: PolicyType
    policy_name: str
    version_id: str
    attached: bool
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One principal of the key's account.

    :param source: None where no attached policy decides: of root, and where nothing allows it.
    :param has_active_access_key: None for a role, which has none: whoever assumes it calls with a session's.
    :param assumers: of a role that may at all: who may assume it.
    """

    kind: Kind
    name: str
    principal: str
    answer: Answer
    source: Source | None
    has_active_access_key: bool | None
    assumers: tuple[Assumer, ...] = ()

    @property
    def may(self) -> May:
        return self.answer.may

    @property
    def can_call(self) -> bool:
        """Whether there is anybody who could make the call."""
        if self.has_active_access_key is not None:
            return self.has_active_access_key
        return any(assumer.answer.may is not May.NO and assumer.can_call for assumer in self.assumers)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoMay:
    """
    :param refused_by_state: the code with which the key's state refuses everybody; empty where it does not.
    :param holders: root, then users, then roles, each in order of creation.
    """

    action: str
    key_arn: str
    refused_by_state: str
    holders: tuple[Holder, ...]

    @property
    def able(self) -> tuple[Holder, ...]:
        """Those who may under some circumstance, and have somebody who can call; whatever the key's state says."""
        return tuple(holder for holder in self.holders if holder.may is not May.NO and holder.can_call)


def who_may(
    key: Key, authority: Authority, action: str = DECRYPT, others: Mapping[str, Authority] | None = None
) -> WhoMay:
    """All principals of the account, as of the position that ``key`` and ``authority`` were read at.

    :param authority: of the key's owner. :param action: one of :data:`OPERATIONS_ON_KEYS`.
    :param others: further accounts by their id, as of the same position, as far as they are known: those that trust
        policies name (:func:`~domain.audit.who_may_assume.trusted_accounts`).
    :raises KeyError: ``action`` is none that keys have.
    """
    operation = OPERATIONS_ON_KEYS[action]
    question = Question(action, key.arn, key.tags)
    assumptions = Assumptions(authority, others or {})
    known: dict[tuple[int, ...], Answer] = {}
    return WhoMay(
        action=action,
        key_arn=key.arn,
        refused_by_state=_refused(key, operation),
        holders=tuple(
            _holder(candidate, _answer(candidate.access, question, known), authority, assumptions)
            for candidate in candidates(authority)
        ),
    )


def _refused(key: Key, operation: Operation) -> str:
    if key.destroyed:
        return KeyNotFound.code
    refusal = REFUSALS.get((operation, key.state))
    return "" if refusal is None else refusal.code


def _answer(access: Access, question: Question, known: dict[tuple[int, ...], Answer]) -> Answer:
    """Whoever has the same policies, which do not ask who it is, gets the same answer."""
    if access.is_root or any(_asks_who(access)):
        return answer(access, question)
    # The policies live as long as the authority does, so that their identities stay theirs.
    same = tuple(id(policy) for policy in access.policies)
    if same not in known:
        known[same] = answer(access, question)
    return known[same]


def _asks_who(access: Access) -> list[bool]:
    return [
        condition.key == "acs:PrincipalARN"
        for policy in access.policies
        for statement in policy.statements
        for condition in statement.conditions
    ]


def _holder(candidate: Candidate, told: Answer, authority: Authority, assumptions: Assumptions) -> Holder:
    is_role = candidate.kind is Kind.ROLE
    return Holder(
        kind=candidate.kind,
        name=candidate.name,
        principal=candidate.access.principal,
        answer=told,
        source=_source(candidate, told, authority),
        has_active_access_key=candidate.has_active_access_key,
        assumers=assumptions.of(candidate.name) if is_role and told.may is not May.NO else (),
    )


def _source(candidate: Candidate, told: Answer, authority: Authority) -> Source | None:
    policy_type, _, policy_name = told.decision.policy.partition("/")
    if candidate.target is None or policy_type not in _TYPES:
        return None
    key = PolicyKey(PolicyType(policy_type), policy_name)
    policy = authority.policy(*key)
    assert policy is not None, "what is in force is there"
    return Source(
        policy_type=key.policy_type,
        policy_name=policy_name,
        version_id=policy.default_version,
        attached=authority.attachments.links(candidate.target, key),
        groups=_groups(candidate.target, key, authority),
    )


def _groups(target: Target, key: PolicyKey, authority: Authority) -> tuple[str, ...]:
    if target.kind is not TargetKind.USER:
        return ()
    return tuple(
        authority.groups.by_id(group_id).name
        for group_id in authority.memberships.of(target.id)
        if authority.attachments.links(Target(TargetKind.GROUP, group_id), key)
    )
