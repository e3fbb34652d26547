"""Sentences for what nobody used: an attached policy, a part of one, an access key, a user, a role."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain.audit.statement_use import StatementUse
from domain.audit.unused import AttachmentUse, Idle, Unused
from domain.audit.words import brief, moment, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """:param kind: ``attachment``, ``statement``, ``access-key``, ``user``, ``role`` or ``role-not-assumed``.
    :param name: of what it is: a policy as ``Custom/use-one-key``, an access key's id, a user's or a role's name.
    :param holder: who has it: ``user alice``; empty where it is nobody's.
    :param names: actions and resources that were not used, of a statement.
    :param younger: whether it is not as old as the period, and perhaps had no occasion yet.
    """

    kind: str
    name: str
    holder: str
    names: tuple[str, ...]
    younger: bool
    sentence: str


def remarks(unused: Unused) -> Iterator[Remark]:
    """Whole policies first, then parts, then identities."""
    since = moment(unused.since)
    for one in unused.unused_attachments:
        yield _attachment(one, since)
    for one in unused.attachments:
        if one.is_used:
            yield from (_statement(one, part, since) for part in one.statements if not part.is_fully_used)
    for idle in unused.access_keys:
        yield _idle(idle, f"Access key {idle.name} of {idle.owner} is active, and made no call since {since}.")
    for idle in unused.users:
        yield _idle(idle, f"User {idle.name} made no call since {since}.")
    assumed = {idle.id for idle in unused.roles} - {idle.id for idle in unused.roles_not_assumed}
    for idle in unused.roles:
        began = "was assumed, but no session of it made a call" if idle.id in assumed else "was not assumed by anybody"
        yield _idle(idle, f"Role {idle.name} {began} since {since}.")


def _attachment(one: AttachmentUse, since: str) -> Remark:
    holder = f"{one.kind.value} {one.name}"
    name = f"{one.policy.policy_type.value}/{one.policy.name}"
    sentence = f"Policy {name} ({one.version_id}), attached to {holder}, allowed nothing that was done since {since}."
    return _remark("attachment", name, holder, (), one.younger, _of_age(one, sentence))


def _of_age(one: AttachmentUse, sentence: str) -> str:
    return f"{sentence[:-1]}, but it was attached only at {moment(one.attached_at)}." if one.younger else sentence


def _statement(one: AttachmentUse, part: StatementUse, since: str) -> Remark:
    holder = f"{one.kind.value} {one.name}"
    name = f"{one.policy.policy_type.value}/{one.policy.name}"
    pairs = tuple(f"{action} on {resource}" for action, resource in part.unused_pairs)
    names = (*part.unused_actions, *part.unused_resources, *pairs)
    sid = f" ({part.sid})" if part.sid else ""
    sentence = (
        f"Statement[{part.index}]{sid} of policy {name}, attached to {holder}, {_allows(part, names)} since {since}."
    )
    names = (*names, *part.wide_actions)
    return _remark("statement", name, holder, names, one.younger, _of_age(one, sentence))


def _allows(part: StatementUse, names: tuple[str, ...]) -> str:
    told = []
    if names or not part.wide_actions:
        told.append(f"allows {brief(', '.join(names), 240) if names else 'something'}, which nobody used")
    if part.wide_actions:
        wide, used = ", ".join(part.wide_actions), ", ".join(part.used_actions)
        told.append(f"allows {brief(wide)}, of which only {brief(used, 240)} was used")
    return ", and ".join(told)


def _idle(idle: Idle, sentence: str) -> Remark:
    if idle.younger:
        sentence = f"{sentence[:-1]}, but it was created only at {moment(idle.created_at)}."
    return _remark(idle.kind, idle.name, idle.owner, (), idle.younger, sentence)


def _remark(kind: str, name: str, holder: str, names: tuple[str, ...], younger: bool, sentence: str) -> Remark:
    return Remark(kind=kind, name=name, holder=holder, names=names, younger=younger, sentence=visible(sentence))
