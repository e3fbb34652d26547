"""Who may assume a role: both sides are asked, the role's trust policy and the policies of whoever would assume it.

Of an account that is not known here only the role's side can be told: its root may wherever the role trusts it, and
whom of its users and roles it lets do so is its own matter. Services and identity providers are named as they stand in
the trust policy, though nobody who calls this deployment is one of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from domain.access import Access
from domain.audit.candidates import Candidate, Kind, candidates, of_role, of_user
from domain.audit.possibility import Answer, May, Question, answer
from domain.decision import NOT_TRUSTED
from domain.owner import ASSUME_ROLE
from domain.policy import Effect, Policy
from domain.principals import Principals
from domain.ram import arns
from domain.ram.authority import Authority

OF_UNKNOWN_ACCOUNT: Final = "whom that account lets assume it is not known here"
NOT_THERE: Final = "there is nobody of this name in the account"
NO_CALLER_HERE: Final = "nobody who calls this service is one"
_NOBODY: Final = Answer(may=May.NO, decision=NOT_TRUSTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumer:
    """
    :param kind: ``root``, ``user``, ``role``, ``account``, ``service`` or ``identity-provider``.
    :param principal: ARN, or the name of a service or provider.
    :param answer: of an unknown account's principals: what the role's side says.
    :param has_active_access_key: None where it has none by its nature, or where its account is not known.
    :param remark: what the answer cannot say; mostly empty.
    """

    kind: str
    account_id: str
    principal: str
    answer: Answer
    has_active_access_key: bool | None
    remark: str = ""

    @property
    def can_call(self) -> bool:
        """Only of users and roots that are known is it known that they cannot."""
        return self.has_active_access_key is not False


def trusted_accounts(authority: Authority) -> frozenset[str]:
    """Ids of other accounts that the trust policies of this one's roles name: whose streams are worth reading."""
    named = [_named(authority.trust_of(role)) for role in authority.roles]
    of_identities = {arn.split(":")[3] for one in named for arn in one.identities}
    return frozenset(of_identities.union(*(one.accounts for one in named)) - {authority.account_id})


class Assumptions:
    """For the roles of one account. Whose policies allow to assume anything at all is found out once."""

    def __init__(self, authority: Authority, others: Mapping[str, Authority]) -> None:
        self._authority = authority
        self._known = {**others, authority.account_id: authority}
        self._capable: dict[str, list[Candidate]] = {}

    def of(self, role_name: str) -> tuple[Assumer, ...]:
        """Whoever may, and whoever the role names without their policies allowing it."""
        trust = self._authority.trust_policy_of(role_name)
        role_arn = arns.role(self._authority.account_id, role_name)
        named, question = _named(trust), Question(ASSUME_ROLE, role_arn, trust=trust)
        found: dict[str, Assumer] = {}
        for account_id in sorted(named.accounts, key=lambda one: (one != self._authority.account_id, one)):
            found |= {assumer.principal: assumer for assumer in self._of_account(account_id, question)}
        for arn in sorted(named.identities - found.keys()):
            found[arn] = self._of_identity(arn, question)
        return (*found.values(), *_of_others(named))

    def _of_account(self, account_id: str, question: Question) -> Iterator[Assumer]:
        authority = self._known.get(account_id)
        if authority is None:
            principal = arns.root(account_id)
            yield _unknown("account", account_id, principal, question)
            return
        if account_id not in self._capable:
            self._capable[account_id] = [one for one in candidates(authority) if _is_capable(one.access)]
        for candidate in self._capable[account_id]:
            assumer = _known(candidate, question)
            if assumer.answer.may is not May.NO:
                yield assumer

    def _of_identity(self, arn: str, question: Question) -> Assumer:
        account_id, kind, name = arn.split(":")[3], *arn.split(":")[4].split("/", 1)
        authority = self._known.get(account_id)
        if authority is None:
            return _unknown(kind, account_id, arn, question)
        entity: Candidate | None = None
        if kind == Kind.USER and name in authority.users:
            entity = of_user(authority, authority.users[name])
        if kind == Kind.ROLE and name in authority.roles:
            entity = of_role(authority, authority.roles[name])
        if entity is None:
            return Assumer(
                kind=kind,
                account_id=account_id,
                principal=arn,
                answer=_NOBODY,
                has_active_access_key=None,
                remark=NOT_THERE,
            )
        return _known(entity, question)


def _known(candidate: Candidate, question: Question) -> Assumer:
    access = candidate.access
    return Assumer(
        kind=candidate.kind.value,
        account_id=access.account_id,
        principal=access.principal,
        answer=answer(access, question),
        has_active_access_key=candidate.has_active_access_key,
    )


def _unknown(kind: str, account_id: str, principal: str, question: Question) -> Assumer:
    """As if its own account allowed it: what root of that account needs nobody for."""
    trusted = Access(account_id=account_id, principal=principal, is_root=True)
    return Assumer(
        kind=kind,
        account_id=account_id,
        principal=principal,
        answer=answer(trusted, question),
        has_active_access_key=None,
        remark=OF_UNKNOWN_ACCOUNT,
    )


def _of_others(named: Principals) -> Iterator[Assumer]:
    for kind, names in (("service", named.services), ("identity-provider", named.identity_providers)):
        for name in sorted(names):
            yield Assumer(
                kind=kind,
                account_id="",
                principal=name,
                answer=_NOBODY,
                has_active_access_key=None,
                remark=NO_CALLER_HERE,
            )


def _is_capable(access: Access) -> bool:
    return access.is_root or any(
        statement.effect is Effect.ALLOW and statement.is_about_action(ASSUME_ROLE)
        for policy in access.policies
        for statement in policy.statements
    )


def _named(trust: Policy) -> Principals:
    """All whom an Allow of the trust policy names."""
    named = [one.principals for one in trust.statements if one.effect is Effect.ALLOW and one.principals is not None]
    return Principals(
        accounts=frozenset[str]().union(*(one.accounts for one in named)),
        identities=frozenset[str]().union(*(one.identities for one in named)),
        services=frozenset[str]().union(*(one.services for one in named)),
        identity_providers=frozenset[str]().union(*(one.identity_providers for one in named)),
    )
