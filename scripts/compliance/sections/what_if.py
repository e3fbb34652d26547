"""The section about a hypothesis: which of the period's calls another policy would have decided otherwise."""

from __future__ import annotations

from domain.audit.evidence.listing import LISTED_MAX
from domain.audit.evidence.supposed import SupposedCalls
from domain.audit.suppositions import (
    DocumentAttached,
    DocumentReplaced,
    PolicyDetached,
    Supposition,
    TrustReplaced,
)
from scripts.compliance.controls import Control
from scripts.compliance.document import Column, Kind, Section, Table
from scripts.compliance.sections.material import many, most


def what_if(supposed: SupposedCalls) -> Section:
    totals = supposed.what_if.totals
    return Section(
        name="what-if",
        title="What if another policy had been in force",
        controls=(Control.PCI_3_6, Control.ISO_5_15, Control.CC6_1),
        numbers=[
            ("calls looked at", totals.events),
            ("decided the same", totals.same),
            ("would have been refused", totals.would_be_refused),
            ("would have been allowed", totals.would_be_allowed),
        ],
        paragraphs=[
            (
                "The calls of the period were decided again, each on the account as it was just before it, except for "
                "what is supposed here. Only permission is decided again: a change that would have been refused is "
                "found, but its effect stands for what came after it; a session that would not have begun is over at "
                "once, with all its calls."
            ),
            *_not_judged(supposed),
        ],
        tables=[_hypothesis(supposed.supposition), _differences(supposed)],
    )


def _not_judged(supposed: SupposedCalls) -> list[str]:
    totals = supposed.what_if.totals
    said = []
    if supposed.unmet:
        said.append("What is supposed is about nothing that was there in this period, so it changed no decision.")
    if totals.without_permission:
        said.append(f"{many(totals.without_permission, 'event')} came before any permission was asked for.")
    said += [
        f"{many(count, 'event')} could not be decided again: {reason}."
        for reason, count in sorted(totals.not_judged.items())
    ]
    return said


def _hypothesis(supposition: Supposition) -> Table:
    return Table(
        name="supposed",
        title="What is supposed",
        columns=(Column("supposed", "That", Kind.TEXT, 1), Column("document", "Document", Kind.CODE, 2)),
        rows=[(_said(supposition), getattr(supposition, "document", ""))],
    )


def _said(supposition: Supposition) -> str:
    match supposition:
        case DocumentReplaced(policy_name=name):
            return f"the custom policy {name} had said this"
        case DocumentAttached(target_kind=kind, target_name=name):
            return f"this policy had been attached to {kind.value} {name} as well"
        case PolicyDetached(policy_type=policy_type, policy_name=policy, target_kind=kind, target_name=name):
            return f"the {policy_type.value} policy {policy} had not been attached to {kind.value} {name}"
        case TrustReplaced(role_name=name):
            return f"the role {name} had trusted whom this names"


def _differences(supposed: SupposedCalls) -> Table:
    found = supposed.differences
    order = most((difference, span.count) for difference, span in found.items())[:LISTED_MAX]
    return Table(
        name="differences",
        title="What would have been different",
        columns=(
            Column("supposed", "Verdict", Kind.TEXT),
            Column("principal", "Principal", Kind.CODE, 1),
            Column("action", "Action", Kind.CODE),
            Column("resource", "On", Kind.CODE, 1),
            Column("recorded", "Was", Kind.TEXT),
            Column("reason", "What decides it then", Kind.TEXT, 1),
            Column("calls", "Calls", Kind.NUMBER),
            Column("last_at", "Last (UTC)", Kind.TIME),
        ),
        rows=[(*difference, found[difference].count, found[difference].last_at) for difference in order],
        there_are=len(found),
        empty="Nothing: every call would have been decided as it was.",
    )
