"""What is supposed to have been in force: another document of a policy, one attachment more or less, another trust.

A supposition holds at every position, whatever the account's own events say of the same policy or role in between; of
a user, group or role it is about whoever has the name at the position. Everything else is as it was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from domain import events
from domain.policy import Policy, PolicyKind, parse
from domain.ram.authority import Authority
from domain.ram.entities import PolicyKey, PolicyType, Role, Target, TargetKind

_RENAMING: Final = (events.UserUpdated, events.GroupUpdated)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReplaced:
    """The custom policy says this instead, to everybody to whom it is attached."""

    account_id: str
    policy_name: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAttached:
    """One more policy, of this text."""

    account_id: str
    target_kind: TargetKind
    target_name: str
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDetached:
    """It is not attached to this target itself; a user may still have it through a group."""

    account_id: str
    target_kind: TargetKind
    target_name: str
    policy_type: PolicyType
    policy_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustReplaced:
    """The role trusts whom this trust policy names. Sessions that began before the window go on."""

    account_id: str
    role_name: str
    document: str


Supposition = DocumentReplaced | DocumentAttached | PolicyDetached | TrustReplaced


class SupposedAuthority(Authority):
    """An account as its events and these suppositions make it.

    :raises MalformedPolicyDocument: nobody could evaluate one of the documents.
    """

    def __init__(self, account_id: str, suppositions: Iterable[Supposition]) -> None:
        super().__init__(account_id)
        self._documents: dict[PolicyKey, Policy] = {}
        self._trusts: dict[str, Policy] = {}
        self._more: dict[tuple[TargetKind, str], list[PolicyKey]] = {}
        self._less: dict[tuple[TargetKind, str], set[PolicyKey]] = {}
        for number, supposition in enumerate(suppositions, 1):
            self._suppose(number, supposition)

    def _suppose(self, number: int, supposition: Supposition) -> None:
        match supposition:
            case DocumentReplaced(policy_name=name, document=document):
                self._documents[PolicyKey(PolicyType.CUSTOM, name)] = parse(document, name=f"Custom/{name} (supposed)")
            case DocumentAttached(target_kind=kind, target_name=name, document=document):
                # No policy can have such a name.
                key = PolicyKey(PolicyType.CUSTOM, f"(supposed {number})")
                self._documents[key] = parse(document, name=f"the policy supposed for {kind.value} {name}")
                self._more.setdefault((kind, name), []).append(key)
            case PolicyDetached(target_kind=kind, target_name=name, policy_type=policy_type, policy_name=policy_name):
                self._less.setdefault((kind, name), set()).add(PolicyKey(policy_type, policy_name))
            case TrustReplaced(role_name=name, document=document):
                self._trusts[name] = parse(document, kind=PolicyKind.TRUST, name=f"Trust/{name} (supposed)")

    def apply(self, event: events.Event) -> None:
        super().apply(event)
        if isinstance(event, _RENAMING):
            # Suppositions are about names, what is in force is kept by id.
            self._in_force.clear()

    def attached_to(self, target: Target) -> Iterable[PolicyKey]:
        named = (target.kind, self._name(target))
        less = self._less.get(named, ())
        return [*(key for key in self.attachments.of(target) if key not in less), *self._more.get(named, ())]

    def _name(self, target: Target) -> str:
        match target.kind:
            case TargetKind.USER:
                return self.users.by_id(target.id).name
            case TargetKind.GROUP:
                return self.groups.by_id(target.id).name
            case TargetKind.ROLE:
                return self.roles.by_id(target.id).name

    def read(self, key: PolicyKey) -> Policy:
        return self._documents.get(key) or super().read(key)

    def trust_of(self, role: Role) -> Policy:
        return self._trusts.get(role.name) or super().trust_of(role)


def is_about_something(supposition: Supposition, authority: Authority) -> bool:
    """Whether what it names is there."""
    match supposition:
        case DocumentReplaced(policy_name=name):
            return name in authority.policies
        case TrustReplaced(role_name=name):
            return name in authority.roles
        case DocumentAttached(target_kind=kind, target_name=name):
            return _target(authority, kind, name) is not None
        case PolicyDetached(target_kind=kind, target_name=name, policy_type=policy_type, policy_name=policy_name):
            target = _target(authority, kind, name)
            return target is not None and authority.attachments.links(target, PolicyKey(policy_type, policy_name))


def _target(authority: Authority, kind: TargetKind, name: str) -> Target | None:
    try:
        return authority.target(kind, name)
    except KeyError:
        return None
