"""The section about keys that somebody should look at."""

from __future__ import annotations

from domain.audit.key_findings import FindingKind, KeyFinding, key_findings
from scripts.compliance.controls import Control
from scripts.compliance.document import Cell, Column, Kind, Section, Table
from scripts.compliance.sections.material import ACCOUNT, KEY_ID, Material


def findings(material: Material) -> Section:
    periods, lives = material.periods, material.evidence.keys
    keys = sorted(lives.to_look_at, key=lambda pair: (pair[0].key.owner, pair[0].key.created_at, pair[0].key.key_id))
    found = key_findings(keys, material.end, periods)
    return Section(
        name="key-findings",
        title="Keys that somebody should look at",
        controls=(Control.PCI_3_7_4, Control.PCI_3_7_5, Control.ISO_8_24, Control.CC6_1, Control.CC7_2),
        numbers=[(kind.value, sum(one.kind is kind for one in found)) for kind in FindingKind],
        paragraphs=[
            (
                f"As of {material.end:%Y-%m-%d %H:%M:%S} UTC: keys that are to be destroyed although they were used "
                f"within {periods.recent_days:,} days or asked for since; disabled ones that are still asked for; "
                f"those whose version is older than {periods.cryptoperiod_days:,} days; and those without use for "
                f"{periods.unused_days:,} days, or ever. The most urgent come first."
            ),
        ],
        tables=[
            Table(
                name="findings",
                title="What is to be said about them",
                columns=(
                    Column("kind", "Finding"),
                    KEY_ID,
                    ACCOUNT,
                    Column("sentence", "In words", Kind.TEXT, 1),
                ),
                rows=[_row(one) for one in found],
                empty="Nothing.",
            )
        ],
    )


def _row(finding: KeyFinding) -> tuple[Cell, ...]:
    start, _, key_id = finding.key_arn.rpartition(":key/")
    return finding.kind.value, key_id, start.rpartition(":")[2], finding.sentence
