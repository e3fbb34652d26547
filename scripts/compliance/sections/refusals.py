"""The section about what was refused, why and to whom, and about failed authentications."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.audit.evidence.listing import LISTED_MAX, OTHERS
from domain.audit.words import visible
from domain.errors import REGISTRY
from scripts.compliance.controls import Control
from scripts.compliance.document import Column, Kind, Section, Table
from scripts.compliance.plots.figures import OverTime
from scripts.compliance.sections.material import ACCOUNT, Material, most, percent

_REASONS_DRAWN: Final = 5


def refusals(material: Material) -> Section:
    found = material.evidence.refusals
    refused = sum(reason.count for reason in found.reasons.values())
    failed = sum(failing.count for failing in found.failures.values())
    return Section(
        name="refusals",
        title="Refusals and failed authentications",
        controls=(Control.PCI_10_2_1, Control.PCI_10_2_2, Control.ISO_8_15, Control.CC6_1, Control.CC7_2),
        numbers=[
            ("requests refused", refused),
            ("of all requests", percent(refused, material.evidence.activity.all.count)),
            ("failed authentications", failed),
            ("sources of either", len(found.sources)),
        ],
        paragraphs=[
            (
                "A caller that was authenticated and refused leaves an event with the error code. Whoever fails to be "
                "the owner of a known access key is counted for each minute and source. Requests with access keys that "
                "were never made here belong to nobody and are not recorded."
            ),
        ],
        figures=[_reasons_over_time(material)] if found.reasons else [],
        tables=[
            _reasons(material),
            _asked_in_vain(material),
            _failures(material),
            _sources(material),
        ],
    )


def _reasons_over_time(material: Material) -> OverTime:
    reasons = material.evidence.refusals.reasons
    codes = most((code, reason.count) for code, reason in reasons.items())
    drawn = {code: code for code in codes[:_REASONS_DRAWN]}
    rest = f"{len(codes) - len(drawn):,} other reasons"
    counts: dict[tuple[int, str], int] = {}
    for code, reason in reasons.items():
        for place, count in reason.places.items():
            cell = (place, visible(drawn.get(code, rest)))
            counts[cell] = counts.get(cell, 0) + count
    return OverTime(
        title="Refusals over time, by reason",
        counts_what="Refusals",
        axis=material.axis,
        series=[*(visible(code) for code in drawn), *([rest] if len(codes) > len(drawn) else [])],
        counts=counts,
    )


def _reasons(material: Material) -> Table:
    reasons = material.evidence.refusals.reasons
    return Table(
        name="reasons",
        title="Why requests were refused",
        columns=(
            Column("error_code", "Error code", Kind.CODE),
            Column("requests", "Requests", Kind.NUMBER),
            Column("principals", "Principals", Kind.NUMBER),
            Column("last_at", "Last (UTC)", Kind.TIME),
            Column("meaning", "What the code says", Kind.TEXT, 1),
        ),
        rows=[
            (code, reasons[code].count, len(reasons[code].principals), reasons[code].last_at, _meaning(code))
            for code in most((code, reason.count) for code, reason in reasons.items())
        ],
    )


def _meaning(code: str) -> str:
    known = REGISTRY.get(code)
    return (known.default if known is not None else "") or _OF_WHAT_WAS_SENT.get(code, "")


_OF_WHAT_WAS_SENT: Final = {
    "InvalidApi.NotFound": "There is no operation of this name; the answer said which one was asked for.",
    "InvalidParameter": "A parameter is not what it must be; the answer said which one, and what was expected.",
    "MissingParameter": "A parameter is missing that there must be; the answer said which one.",
    "SignatureDoesNotMatch": "The signature is not the one that the access key's secret makes of the request.",
}
"""Of refusals whose messages are about what was sent."""


def _asked_in_vain(material: Material) -> Table:
    found = material.evidence.refusals.asked
    order = most((asked, span.count) for asked, span in found.items())[:LISTED_MAX]
    return Table(
        name="refused-principals",
        title="Who was refused what",
        columns=(
            Column("principal", "Principal", Kind.CODE, 1),
            Column("operation", "Operation", Kind.TEXT),
            Column("resource", "On", Kind.CODE, 1),
            Column("error_code", "Error code", Kind.CODE),
            Column("requests", "Requests", Kind.NUMBER),
            Column("first_at", "First (UTC)", Kind.TIME),
            Column("last_at", "Last (UTC)", Kind.TIME),
        ),
        rows=[(*asked, found[asked].count, found[asked].first_at, found[asked].last_at) for asked in order],
        there_are=len(found),
    )


def _failures(material: Material) -> Table:
    found = material.evidence.refusals.failures
    return Table(
        name="failed-authentications",
        title="Failed authentications by access key",
        columns=(
            ACCOUNT,
            Column("access_key_id", "Access key", Kind.CODE),
            Column("failures", "Failures", Kind.NUMBER),
            Column("sources", "Sources", Kind.NUMBER),
            Column("last_at", "Last (UTC)", Kind.TIME),
            Column("error_codes", "Error codes", Kind.TEXT, 1),
        ),
        rows=[
            (*who, found[who].count, len(found[who].sources), found[who].last_at, _codes(found[who].codes.items()))
            for who in most((who, failing.count) for who, failing in found.items())
        ],
    )


def _codes(codes: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{count:,} {code}" for code, count in sorted(codes))


def _sources(material: Material) -> Table:
    found = material.evidence.refusals.sources
    ordered = most((source, counts.refused + counts.failed) for source, counts in found.items())
    return Table(
        name="sources",
        title="Top sources of refusals and failed authentications",
        columns=(
            Column("source_ip", "Source", Kind.CODE, 1),
            Column("refused", "Refused requests", Kind.NUMBER),
            Column("failed", "Failed authentications", Kind.NUMBER),
        ),
        rows=[(source or "the service itself", found[source].refused, found[source].failed) for source in ordered[:50]],
        there_are=len(ordered),
        remark=f"Addresses beyond the first ones of a minute are “{OTHERS}”.",
    )
