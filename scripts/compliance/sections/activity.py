"""Sections about requests: the summary, and use by principal and key."""

from __future__ import annotations

from typing import Final

from domain.audit.evidence.activity import ORDER, Share
from domain.audit.facts import Outcome
from scripts.compliance.controls import Control
from scripts.compliance.document import Cell, Column, Kind, Section, Table
from scripts.compliance.plots.figures import Axis, OverTime, Strip, Strips
from scripts.compliance.sections import ways
from scripts.compliance.sections.material import (
    ACCOUNT,
    KEY_ID,
    ROWS_DRAWN,
    Material,
    key_label,
    many,
    most,
    named,
    state_of,
)

_COUNTS: Final = tuple(Column(outcome.value, outcome.value.capitalize(), Kind.NUMBER) for outcome in ORDER[:4])
_LAST: Final = Column("last_at", "Last (UTC)", Kind.TIME)


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
            ways.by_key_and_principal(material),
            ways.by_credential(material),
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
