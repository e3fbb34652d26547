"""The section about least policies: for each user and role, what would have allowed exactly what it did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from domain.audit.least_policy import least_policy
from domain.audit.uses import Use
from domain.policy import Policy
from domain.ram.authority import Authority
from scripts.compliance.controls import Control
from scripts.compliance.document import Cell, Column, Kind, Section, Table
from scripts.compliance.sections.material import ACCOUNT, Material


def least_policies(material: Material) -> Section:
    recorded = material.evidence.permissions.recorded(material.evidence.period.since).uses
    return Section(
        name="least-policies",
        title="The least policy of each user and role",
        controls=(Control.PCI_3_6, Control.ISO_5_15, Control.CC6_1),
        paragraphs=[
            (
                "For each user and role that was there at the period's end and was answered in it: what it has, and "
                "the custom policy that allows exactly what it was answered in the period, in whichever region, "
                "on exactly those resources, and nothing else. A use that comes once a year does not show in a shorter "
                "period. Before such a policy is attached, the what-if of the audit commands tells which calls it "
                "would refuse."
            ),
        ],
        tables=[
            Table(
                name="policies",
                title="What they have and what was enough",
                columns=(
                    ACCOUNT,
                    Column("principal", "User or role", Kind.TEXT, 1),
                    Column("has", "Policies that it has", Kind.TEXT, 1),
                    Column("permissions", "Used", Kind.NUMBER),
                    Column("document", "Least policy", Kind.CODE, 3),
                    Column("remark", "Remark", Kind.TEXT, 1),
                ),
                rows=[row for authority in material.authorities for row in _rows(authority, recorded)],
                empty="No user and no role was answered in this period.",
                remark="“Used” counts different pairs of an action and a resource. Where there are several documents, "
                "all of them are needed.",
            )
        ],
    )


def _rows(authority: Authority, recorded: Mapping[str, Iterable[Use]]) -> Iterator[tuple[Cell, ...]]:
    for kind, name, who, in_force in _principals(authority):
        made = list(recorded.get(who, ()))
        if not made:
            continue
        policy = least_policy(made, in_force=in_force)
        has = ", ".join(one.name for one in in_force) or "none any more"
        for number, document in enumerate(policy.documents or ("",), start=1):
            of_several = f"{number} of {len(policy.documents)}. " if len(policy.documents) > 1 else ""
            remark = f"{of_several}{policy.remark}".strip()
            yield authority.account_id, f"{kind} {name}", has, policy.permissions, document, remark


def _principals(authority: Authority) -> Iterator[tuple[str, str, str, tuple[Policy, ...]]]:
    for user in sorted(authority.users, key=lambda one: one.number):
        yield "user", user.name, user.id, authority.policies_of_user(user.name)
    for role in sorted(authority.roles, key=lambda one: one.number):
        yield "role", role.name, role.id, authority.policies_of_role(role.name)
