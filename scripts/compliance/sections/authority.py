"""Sections about who may do what: changes, who can decrypt, unused permissions, delegation, operators' acts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.audit.evidence.delegation import Sessions
from domain.audit.evidence.listing import Listing
from domain.audit.facts import Outcome, account_of
from domain.audit.unused import Unused, unused
from domain.audit.who_may import Holder, WhoMay, who_may
from domain.key import Key
from domain.ram.authority import Authority
from scripts.compliance.controls import Control
from scripts.compliance.document import Cell, Column, Kind, Section, Table
from scripts.compliance.sections.material import (
    ACCOUNT,
    CALLED_AT,
    KEY_ID,
    POSITION,
    Material,
    facts_table,
    named,
)

_ACCESS = (Control.PCI_3_6, Control.ISO_5_15, Control.CC6_1)


def changes(material: Material) -> Section:
    found = material.evidence.authority
    documents = [fact for fact in found if fact.document]
    return Section(
        name="authority-changes",
        title="Changes of authority: who granted what to whom",
        controls=(*_ACCESS, Control.PCI_10_2_1, Control.ISO_8_15),
        paragraphs=[
            (
                "Users, groups, roles, policies and access keys of the accounts, as they were changed. Each change "
                "moves the version of its account, on which every decision of a call is guarded: in the order of "
                "positions no use stands after the change that forbade it."
            ),
        ],
        tables=[
            facts_table("changes", "Changes of users, groups, roles, policies and access keys", found),
            Table(
                name="documents",
                title="Texts of the policies that were written",
                columns=(POSITION, CALLED_AT, Column("document", "Policy or trust policy", Kind.CODE, 1)),
                rows=[(fact.position, fact.at, fact.document) for fact in documents],
            ),
        ],
    )


# --- who can decrypt -------------------------------------------------------------------------------------------------


def who_can_decrypt(material: Material) -> Section:
    keys = sorted(_living(material), key=lambda key: (key.owner, key.region_id, key.created_at, key.key_id))
    authorities = {authority.account_id: authority for authority in material.authorities}
    rows: Listing[tuple[Cell, ...]] = Listing()
    for key in keys:
        for row in _holders(key, authorities):
            rows.add(row)
    return Section(
        name="who-can-decrypt",
        title="Who can decrypt at the period's end",
        controls=(*_ACCESS, Control.PCI_3_7_7),
        numbers=[("keys not destroyed", len(keys)), ("keys and principals that can decrypt", rows.total)],
        paragraphs=[
            (
                f"As of position {material.evidence.closed_at:,}, the last one before any call that came after the "
                "period: for each key that was not destroyed, every principal that policies allowed to decrypt with it "
                "under some circumstance and that had credentials to call with, or somebody who could assume it. Where "
                "conditions on the call decide, they are told. A state that refused everybody then is told beside it."
            ),
        ],
        tables=[
            Table(
                name="who-can-decrypt",
                title="Keys and who can decrypt with them",
                columns=(
                    KEY_ID,
                    Column("refused_by_state", "Refused then", Kind.TEXT),
                    Column("principal", "Principal", Kind.CODE),
                    Column("why", "Why", Kind.TEXT, 1),
                ),
                rows=list(rows),
                there_are=rows.total,
                empty="There is no key that anybody can decrypt with.",
            )
        ],
    )


def _living(material: Material) -> list[Key]:
    scope = material.evidence.scope
    return [
        key
        for key in material.evidence.closing.keys.values()
        if not key.destroyed and scope.account_id in ("", key.owner) and scope.region_id in ("", key.region_id)
    ]


def _holders(key: Key, authorities: Mapping[str, Authority]) -> Iterator[tuple[Cell, ...]]:
    """Accounts beyond the scope of the report are not told of: not whom of their own they let assume a role."""
    authority = authorities.get(key.owner)
    if authority is None:
        return
    found: WhoMay = who_may(key, authority, others=authorities)
    for holder in found.able:
        yield str(key.key_id), found.refused_by_state, holder.principal, _why(holder)


def _why(holder: Holder) -> str:
    groups = f"; has it through {', '.join(holder.source.groups)}" if holder.source and holder.source.groups else ""
    if not holder.assumers:
        return f"{holder.answer.text}{groups}"
    who = ", ".join(named(assumer.principal) for assumer in holder.assumers if assumer.can_call)
    return f"{holder.answer.text}; can be assumed by {who}"


# --- unused ----------------------------------------------------------------------------------------------------------


def unused_permissions(material: Material) -> Section:
    recorded = material.evidence.permissions.recorded(material.evidence.period.since)
    found = [(authority.account_id, unused(authority, recorded)) for authority in material.authorities]
    return Section(
        name="unused-permissions",
        title="Permissions, access keys and identities that were not used",
        controls=_ACCESS,
        paragraphs=[
            (
                f"What was attached at the period's end, as of position {material.evidence.closed_at:,}, and was not "
                "used by any call of the period, in whichever region: each Allow of each attached policy, access keys "
                "in force, users and roles. What is marked as younger was made within the period, and may not have had "
                "its occasion yet. A use that comes once a year does not show in a shorter period."
            ),
        ],
        tables=[
            Table(
                name="permissions",
                title="Attached permissions without use",
                columns=(
                    ACCOUNT,
                    Column("attached_to", "Attached to", Kind.TEXT, 1),
                    Column("policy", "Policy", Kind.TEXT, 1),
                    Column("statement", "Statement", Kind.NUMBER),
                    Column("finding", "Finding", Kind.TEXT, 2),
                ),
                rows=[row for account_id, one in found for row in _statements(account_id, one)],
                empty="Every statement of an attached policy was used at least once.",
            ),
            Table(
                name="identities",
                title="Access keys, users and roles without use",
                columns=(
                    ACCOUNT,
                    Column("kind", "Kind"),
                    Column("name", "Name", Kind.CODE, 1),
                    Column("owner", "Of"),
                    Column("created_at", "Created (UTC)", Kind.TIME),
                    Column("younger", "Younger than the period"),
                ),
                rows=[row for account_id, one in found for row in _idle(account_id, one)],
                empty="Every access key, user and role was used.",
            ),
        ],
    )


def _statements(account_id: str, found: Unused) -> Iterator[tuple[Cell, ...]]:
    for attachment in found.attachments:
        target = f"{attachment.kind.value} {attachment.name}"
        policy = f"{attachment.policy.name} ({attachment.policy.policy_type.value}, {attachment.version_id})"
        younger = "; attached within the period" if attachment.younger else ""
        for statement in attachment.statements:
            if statement.is_fully_used:
                continue
            rest = [*statement.unused_actions, *statement.unused_resources]
            rest += [f"{action} on {resource}" for action, resource in statement.unused_pairs]
            if statement.wide_actions:
                rest.append(f"{', '.join(statement.wide_actions)} beyond {', '.join(statement.used_actions)}")
            said = f"not used: {', '.join(rest)}" if statement.is_used else "not used at all"
            yield account_id, target, policy, statement.index, f"{said}{younger}"


def _idle(account_id: str, found: Unused) -> Iterator[tuple[Cell, ...]]:
    for idle in (*found.access_keys, *found.users, *found.roles):
        yield account_id, idle.kind, idle.name, idle.owner, idle.created_at, "yes" if idle.younger else "no"


# --- delegation ------------------------------------------------------------------------------------------------------


def delegation(material: Material) -> Section:
    every = material.evidence.delegation.sessions
    across = {who: one for who, one in every.items() if account_of(who[0]) != account_of(who[1])}
    within = sum(one.count for who, one in every.items() if who not in across)
    return Section(
        name="delegation",
        title="Delegation across accounts",
        controls=(*_ACCESS, Control.PCI_10_2_1),
        numbers=[("sessions of other accounts", sum(one.count for one in across.values())),
                 ("sessions within an account", within)],
        paragraphs=[
            ("An account lets another one act with a role that trusts it, for as long as a session lasts and within "
            "the role's policies. Sessions that began and what was done in them, by role and by who assumed it; a "
            "session that began before the period counts by what was done in it."),
        ],
        tables=[
            Table(
                name="sessions",
                title="Sessions of roles, assumed by principals of other accounts",
                columns=(
                    Column("role", "Role", Kind.CODE, 1),
                    Column("assumed_by", "Assumed by", Kind.CODE, 1),
                    Column("sessions", "Sessions begun", Kind.NUMBER),
                    Column("narrowed", "Narrowed by a policy", Kind.NUMBER),
                    Column("used", "Uses of keys", Kind.NUMBER),
                    Column("keys", "Keys used", Kind.NUMBER),
                    Column("refused", "Refused", Kind.NUMBER),
                    Column("last_at", "Last begun (UTC)", Kind.TIME),
                ),
                rows=[(*who, *_session_cells(across[who])) for who in sorted(across)],
            ),
            Table(
                name="trusts",
                title="Roles that trust other accounts at the period's end",
                columns=(
                    ACCOUNT,
                    Column("role", "Role"),
                    Column("trust_policy", "Trust policy", Kind.CODE, 1),
                ),
                rows=[row for authority in material.authorities for row in _trusts(authority)],
                empty=f"None as of position {material.evidence.closed_at:,}.",
            ),
        ],
    )  # fmt: skip


def _session_cells(sessions: Sessions) -> tuple[Cell, ...]:
    done = sessions.requests
    return (
        sessions.count,
        sessions.narrowed,
        done.get(Outcome.USED, 0),
        len(sessions.keys),
        done.get(Outcome.REFUSED, 0),
        sessions.last_at,
    )


def _trusts(authority: Authority) -> Iterator[tuple[Cell, ...]]:
    for role in sorted(authority.roles, key=lambda one: one.number):
        named_in = [one.principals for one in authority.trust_of(role).statements if one.principals is not None]
        accounts = {account for one in named_in for account in one.accounts}
        accounts |= {account_of(arn) for one in named_in for arn in one.identities}
        if accounts - {authority.account_id}:
            yield authority.account_id, role.name, role.trust_policy


# --- operators -------------------------------------------------------------------------------------------------------


def operators(material: Material) -> Section:
    found = material.evidence.operators
    return Section(
        name="operators",
        title="Acts of the deployment's operators",
        controls=(Control.PCI_10_2_1, Control.ISO_5_15, Control.ISO_8_15, Control.CC6_1),
        numbers=[("acts", found.total)],
        paragraphs=[
            "Operators make accounts, give root identities access keys and raise quotas, each raise with a ticket.",
            "They have no operation that uses a key. “By” is their login; what has none is the deployment's own.",
        ],
        tables=[
            Table(
                name="acts",
                title="What operators did",
                columns=(
                    POSITION,
                    CALLED_AT,
                    Column("by", "By"),
                    Column("account_id", "Account", Kind.CODE),
                    Column("event", "What was recorded", Kind.TEXT, 1),
                ),
                rows=[(fact.position, fact.at, fact.by, fact.account_id, fact.sentence) for fact in found],
                there_are=found.total,
            )
        ],
    )
