"""The section about who read the audit trail: a log of keys says a good deal about who protects what."""

from __future__ import annotations

from scripts.compliance.controls import Control
from scripts.compliance.document import Column, Kind, Section, Table
from scripts.compliance.sections.material import Material, most


def readers(material: Material) -> Section:
    found = material.evidence.readers.readings
    return Section(
        name="readers",
        title="Who read the audit trail",
        controls=(Control.PCI_10_2_1, Control.PCI_10_3, Control.ISO_8_15, Control.CC7_2),
        numbers=[
            ("questions", sum(one.count for one in found.values())),
            ("of them refused", sum(one.refused for one in found.values())),
            ("principals that asked", len({principal for principal, _ in found})),
        ],
        paragraphs=[
            (
                "Each question about the trail is an event, with what was asked for: keys, principals, times. The "
                "trail itself tells them one by one, by the names of these operations."
            ),
            (
                "Whoever has a login of the database's role for auditors asks PostgreSQL itself, whose own log tells "
                "of it; replays and reports are made by operators on the deployment's own machines. Neither is here."
            ),
        ],
        tables=[
            Table(
                name="readers",
                title="By principal and operation",
                columns=(
                    Column("principal", "Principal", Kind.CODE, 1),
                    Column("operation", "Operation"),
                    Column("questions", "Questions", Kind.NUMBER),
                    Column("refused", "Refused", Kind.NUMBER),
                    Column("first_at", "First (UTC)", Kind.TIME),
                    Column("last_at", "Last (UTC)", Kind.TIME),
                ),
                rows=[
                    (*who, found[who].count, found[who].refused, found[who].first_at, found[who].last_at)
                    for who in most((who, readings.count) for who, readings in found.items())
                ],
            )
        ],
    )
