"""The whole report, made of what was read: title page, sections in their order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from domain.audit.evidence.period import Period
from domain.audit.scope import Scope
from scripts.compliance.document import Document, Section
from scripts.compliance.sections import activity, authority, keys
from scripts.compliance.sections.completeness import completeness
from scripts.compliance.sections.findings import findings
from scripts.compliance.sections.least import least_policies
from scripts.compliance.sections.material import Material
from scripts.compliance.sections.readers import readers
from scripts.compliance.sections.refusals import refusals
from scripts.compliance.sections.what_if import what_if

_SECTIONS: Final = (
    activity.summary,
    keys.inventory,
    keys.changes,
    activity.use,
    refusals,
    keys.rotation,
    keys.deletions,
    findings,
    authority.changes,
    authority.who_can_decrypt,
    authority.unused_permissions,
    least_policies,
    authority.delegation,
    authority.operators,
    readers,
    completeness,
)

_PREAMBLE: Final = (
    (
        "This report shows what the ledger of a Key Ledger deployment holds about a period: an append-only record in "
        "which every use of a key, every change, every read and every refusal of an authenticated caller is one event, "
        "in one gapless order."
    ),
    (
        "Each section names the controls that it can be evidence for, in our own words; the standards' texts are what "
        "counts. It is evidence, not a judgement: whether a control is met is for the assessor to say."
    ),
)


def report(material: Material) -> Document:
    evidence = material.evidence
    return Document(
        title="Key management: evidence from the ledger",
        subtitle=_days(evidence.period),
        facts=[
            ("Period, by time of call", (f"{_moment(evidence.period.since)} up to, not with, "
                                        f"{_moment(evidence.period.until)} UTC")),
            ("Account", evidence.scope.account_id or "all accounts"),
            ("Region", evidence.scope.region_id or "all regions"),
            ("Cryptoperiod", f"{material.periods.cryptoperiod_days:,} days"),
            ("Ledger read up to position", material.read.last),
            ("Recorded up to (UTC)", material.read.last_at),
            ("Events read", material.read.events),
            ("Events within period and scope", evidence.activity.events),
            ("SHA-256 of what was read", material.read.sha256),
        ],
        preamble=[*_PREAMBLE, *_limits(evidence.scope, evidence.period, material)],
        made_of=material.head_at,
        sections=list(_sections(material)),
    )  # fmt: skip


def _sections(material: Material) -> Iterator[Section]:
    for make in _SECTIONS:
        yield make(material)
        if make is least_policies and material.supposed is not None:
            yield what_if(material.supposed)


def _limits(scope: Scope, period: Period, material: Material) -> list[str]:
    said = []
    if scope.region_id:
        said.append(
            "Of keys and calls of KMS, this report shows those of the region. Users, policies, roles, sessions, failed "
            "authentications, questions about the audit trail and operators' acts are the same in every region, and "
            "are all here."
        )
    if scope.account_id:
        said.append(
            "It shows what is the account's own, and what its principals did elsewhere. Of other accounts it shows "
            "only what they did here."
        )
    if not material.read.events:
        said.append("The ledger was empty up to that position.")
    elif material.end < period.until:
        said.append(
            f"The latest call that was read is of {material.head_at:%Y-%m-%d %H:%M:%S} UTC, before the end of the "
            "period: what came later is not in this report."
        )
    return said


def _days(period: Period) -> str:
    return f"{period.since.date()} to {period.last_day}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def end_of(period: Period, head_at: datetime) -> datetime:
    """What ages are counted to: nothing is older than what was read."""
    return max(period.since, min(period.until, head_at)) if head_at > datetime.min.replace(tzinfo=UTC) else period.until
