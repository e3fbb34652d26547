"""The last section: what was read, what was verified on the way, and what this report does not show."""

from __future__ import annotations

from typing import Final

from scripts.compliance.controls import Control
from scripts.compliance.document import Cell, Column, Kind, Section, Table
from scripts.compliance.sections.material import Material

_VERIFIED: Final = (
    ("Positions", "From the first to the last none is missing: each is the one before it and one."),
    ("Times", "No event was recorded before the one at the position before it."),
    ("Events", "Each is of a kind that this version of the program knows, and its bytes make that event."),
    ("Streams", "In the stream of each key, account and region the versions run from 1 without a hole."),
    ("Calls", "Every use, read and refusal stands alone in its request's stream."),
    ("Folds", "Each change is one that the key or account could take where it stands: none contradicts those before."),
)
_NOT_VERIFIED: Final = (
    (
        "Decisions",
        "Whether each was the right one on what stood before it: scripts/verify_ledger authority decides again.",
    ),
    (
        "Database",
        "Its administrator could remove what refuses changes of events. Keep the digest elsewhere: it would differ.",
    ),
    ("HSM", "Which one the deployment runs with. The software HSM, for trying, keeps root keys in a file."),
    ("Beyond the service", "What is done with plaintexts and data keys after they were released, and backups."),
)


def completeness(material: Material) -> Section:
    read = material.read
    return Section(
        name="completeness",
        title="What was read: completeness and integrity",
        controls=(Control.PCI_10_2_2, Control.PCI_10_3, Control.ISO_8_15, Control.CC7_2),
        paragraphs=[
            (
                "This report was made by replaying the ledger from its first event up to the last position below, in "
                "one pass. Nothing was read from projections, the tables that the service makes of the ledger for "
                "its own questions: they may be behind or rebuilt, and no number here depends on them. The one look "
                "beyond the ledger is the count of remaining key material in section “Deletions”."
            ),
            (
                "What belongs to the period is decided by the time of the call (called at), which the server took "
                "from its clock when the request came; what is complete is shown by positions, which the ledger "
                "deals without a gap in the order of commits. The time of recording follows the call's within "
                "moments and never goes back. A period that reaches beyond the last event read is covered up to that "
                "event only."
            ),
            (
                "The same question with --at and the same position gives the same bytes, however much was recorded "
                "since. scripts/replay --to with that position tells the same digest; how it is computed stands in "
                "adapters/ledger/digest.py."
            ),
        ],
        tables=[
            Table(
                name="range",
                title="The range that was read",
                columns=(Column("what", "What"), Column("value", "Value", Kind.CODE, 1)),
                rows=_range(material),
            ),
            Table(
                name="verified",
                title="What was verified while it was read",
                columns=(Column("what", "What"), Column("how", "How", Kind.TEXT, 1)),
                rows=_VERIFIED if read.events else (),
                empty="The ledger was empty.",
            ),
            Table(
                name="not-verified",
                title="What this report does not show",
                columns=(Column("what", "What"), Column("how", "Why, and where to look", Kind.TEXT, 1)),
                rows=_NOT_VERIFIED,
            ),
        ],
    )


def _range(material: Material) -> list[tuple[Cell, ...]]:
    read, evidence = material.read, material.evidence
    return [
        ("first position", f"{read.first:,}" if read.events else "none"),
        ("last position", f"{read.last:,}"),
        ("events read", f"{read.events:,}"),
        ("events within period and scope", f"{evidence.activity.events:,}"),
        ("first recorded (UTC)", f"{read.first_at:%Y-%m-%d %H:%M:%S.%f}" if read.first_at else ""),
        ("last recorded (UTC)", f"{read.last_at:%Y-%m-%d %H:%M:%S.%f}" if read.last_at else ""),
        ("SHA-256 of the range", read.sha256),
        ("projections", "not used"),
    ]
