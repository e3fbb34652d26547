"""Sections about requests: the summary, use by principal and key, refusals and failed authentications."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from domain.audit.evidence.activity import ORDER, Share
from domain.audit.evidence.listing import OTHERS
from domain.audit.facts import Outcome
from domain.audit.words import visible
from domain.errors import REGISTRY
from scripts.compliance.controls import Control
from scripts.compliance.document import Cell, Column, Kind, Section, Table
from scripts.compliance.plots.figures import Axis, OverTime, Strip, Strips
from scripts.compliance.sections.material import (
    ACCOUNT,
    KEY_ID,
    ROWS_DRAWN,
    Material,
    key_label,
    many,
    most,
    named,
    percent,
    state_of,
)

_COUNTS: Final = tuple(Column(outcome.value, outcome.value.capitalize(), Kind.NUMBER) for outcome in ORDER[:4])
_LAST: Final = Column("last_at", "Last (UTC)", Kind.TIME)
_REASONS_DRAWN: Final = 5


def summary(material: Material) -> Section:
    evidence = material.evidence
    activity, keys = evidence.activity, material.keys
    states: dict[str, int] = {}
    for key in keys:
        states[state_of(key)] = states.get(state_of(key), 0) + 1
    numbers: list[tuple[str, Cell]] = [
        ("requests in the period", activity.all.count),
        ("uses of keys", activity.all.of(Outcome.USED)),
        ("refused", activity.all.of(Outcome.REFUSED)),
        ("failed authentications", activity.all.of(Outcome.UNAUTHENTICATED)),
        ("changes", activity.all.of(Outcome.CHANGED)),
        ("principals that called", len(activity.by_principal)),
        ("keys at the end", sum(count for state, count in states.items() if state != "Destroyed")),
        ("keys destroyed so far", states.get("Destroyed", 0)),
    ]
    told = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items())) or "none"
    return Section(
        name="summary",
        title="Summary",
        controls=(Control.PCI_10_2_1, Control.ISO_8_15, Control.CC7_2),
        numbers=numbers,
        paragraphs=[
            _recorded(material, told),
            "A result of the HSM is released only after its event is committed, so what is not recorded was not used.",
        ],
        figures=[
            OverTime(
                title="Requests over time, by outcome",
                counts_what="Requests",
                axis=material.axis,
                series=ORDER,
                counts=activity.all.cells,
            )
        ],
        tables=[_operations(material)],
    )


def _recorded(material: Material, states: str) -> str:
    activity = material.evidence.activity
    return (
        f"In the period the ledger recorded {many(activity.events, 'event')} within the scope of this report, which "
        f"stand for {many(activity.all.count, 'request')}: each call is one event, and failed authentications are "
        "recorded with their number, once a minute for each access key and source. Keys at the end of the period by "
        f"state: {states}."
    )


def _operations(material: Material) -> Table:
    counts = material.evidence.activity.operations
    operations = sorted({operation for operation, _ in counts})
    return Table(
        name="operations",
        title="Requests by operation and outcome",
        columns=(
            Column("operation", "Operation", Kind.TEXT, 1),
            *(Column(outcome.value, outcome.value.capitalize(), Kind.NUMBER) for outcome in ORDER),
        ),
        rows=[(operation, *(counts.get((operation, outcome), 0) for outcome in ORDER)) for operation in operations],
        remark="“Unknown” are failed authentications, where nobody knows what would have been asked for, and requests "
        "for operations that do not exist.",
    )


def use(material: Material) -> Section:
    activity = material.evidence.activity
    keys = material.evidence.keys.at_end
    principals = most((who, share.count) for who, share in activity.by_principal.items())
    by_key = most((key_id, share.count) for key_id, share in activity.by_key.items())
    asked_in_vain = activity.of_no_key.count
    series = ORDER[:4]
    return Section(
        name="use",
        title="Use by principal and by key",
        controls=(Control.PCI_3_6, Control.PCI_10_2_1, Control.PCI_10_2_2, Control.ISO_8_15, Control.CC6_1),
        paragraphs=[
            (
                "A principal is a root identity, a user, or a role in all its sessions; section “Delegation” tells who "
                "assumed which role. A user that was renamed is told under each name."
            ),
            *(
                [f"{many(asked_in_vain, 'request')} named keys that the caller's account has not."]
                if asked_in_vain
                else []
            ),
        ],
        figures=[
            Strips(
                title="Requests by principal over time",
                counts_what="Requests",
                axis=material.axis,
                series=series,
                rows=_strips([(named(who[0]), activity.by_principal[who]) for who in principals], material.axis),
            ),
            Strips(
                title="Requests by key over time",
                counts_what="Requests",
                axis=material.axis,
                series=series,
                rows=_strips([(key_label(key_id, keys), activity.by_key[key_id]) for key_id in by_key], material.axis),
            ),
        ],
        tables=[
            Table(
                name="principals",
                title="By principal",
                columns=(
                    Column("principal", "Principal", Kind.CODE, 1),
                    Column("principal_id", "Id", Kind.CODE),
                    *_COUNTS,
                    Column("keys_used", "Keys used", Kind.NUMBER),
                    _LAST,
                ),
                rows=[(*who, *_counted(activity.by_principal[who])) for who in principals],
            ),
            Table(
                name="keys",
                title="By key",
                columns=(
                    KEY_ID,
                    ACCOUNT,
                    *_COUNTS,
                    Column("principals", "Principals that used it", Kind.NUMBER),
                    _LAST,
                ),
                rows=[
                    (
                        str(key_id),
                        keys[key_id].owner if key_id in keys else "",
                        *_counted(activity.by_key[key_id]),
                    )
                    for key_id in by_key
                ],
            ),
        ],
    )


def _counted(share: Share) -> tuple[Cell, ...]:
    return (*(share.of(outcome) for outcome in ORDER[:4]), len(share.others), share.last_at)


def _strips(shares: list[tuple[str, Share]], axis: Axis) -> list[Strip]:
    """The most, and the others as one."""
    rows = [Strip(label=label, counts=share.cells) for label, share in shares[:ROWS_DRAWN]]
    rest = shares[ROWS_DRAWN:]
    if rest:
        together: dict[tuple[int, str], int] = {}
        for _, share in rest:
            for cell, count in share.cells.items():
                together[cell] = together.get(cell, 0) + count
        rows.append(Strip(label=f"{len(rest):,} others", counts=together))
    return rows


# --- refusals --------------------------------------------------------------------------------------------------------


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
            _refused_principals(material),
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
    return known.default if known is not None else ""


def _refused_principals(material: Material) -> Table:
    found = material.evidence.refusals.by_principal
    return Table(
        name="refused-principals",
        title="Who was refused",
        columns=(
            Column("principal", "Principal", Kind.CODE, 1),
            Column("error_code", "Error code", Kind.CODE),
            Column("requests", "Requests", Kind.NUMBER),
            Column("first_at", "First (UTC)", Kind.TIME),
            Column("last_at", "Last (UTC)", Kind.TIME),
        ),
        rows=[
            (*who, found[who].count, found[who].first_at, found[who].last_at)
            for who in most((who, span.count) for who, span in found.items())
        ],
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
