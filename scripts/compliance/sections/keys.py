"""Sections about keys: the inventory at the end of the period, changes in it, rotation, deletions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from domain.audit.evidence.lives import Deletion
from domain.events import KeyDestroyed
from domain.key import Key
from domain.vocabulary import ENCRYPTIONS_PER_KEY_VERSION_MAX
from scripts.compliance.controls import Control
from scripts.compliance.document import Cell, Column, Kind, Section, Table
from scripts.compliance.plots.figures import Ages
from scripts.compliance.sections.material import (
    ACCOUNT,
    KEY_ID,
    ROWS_DRAWN,
    Material,
    facts_table,
    key_label,
    many,
    state_of,
)

_REGION: Final = Column("region_id", "Region", Kind.CODE)
_STATE: Final = Column("state", "State")

_HELD: Final = (
    "Every key is an AES-256 key that the HSM generated when the key was created. Its material leaves the HSM only "
    "wrapped under the root key of its region, and lies wrapped in the database. No operation gives it to anybody: "
    "what is given out are data keys, and each of them is a use that is recorded."
)
_AT_END: Final = (
    "The state is the one after the last change of the key whose call was made before the end of the period. Uses are "
    "counted from the key's creation up to that end."
)
_CHANGED: Final = (
    "Keys are created, enabled, disabled, described, scheduled for deletion, rescued from it, and destroyed. Each "
    "change stands in the key's own stream, whose versions have no holes. A ciphertext names the key version that "
    "made it, and opens with no other."
)


def inventory(material: Material) -> Section:
    uses = material.evidence.keys.uses
    rows = []
    for key in material.keys:
        used = uses.get(key.key_id)
        rows.append(
            (
                str(key.key_id), key.owner, key.region_id, state_of(key), key.created_at, used.count if used else 0,
                used.last_at if used else None, _described(key),
            )
        )  # fmt: skip
    return Section(
        name="key-inventory",
        title="Keys and their states at the end of the period",
        controls=(
            Control.PCI_3_6,
            Control.PCI_3_7_1,
            Control.PCI_3_7_2,
            Control.PCI_3_7_3,
            Control.ISO_8_24,
            Control.CC6_1,
        ),
        paragraphs=[
            _HELD,
            _AT_END,
        ],
        tables=[
            Table(
                name="keys",
                title="Key inventory",
                columns=(
                    KEY_ID, ACCOUNT, _REGION, _STATE,
                    Column("created_at", "Created (UTC)", Kind.TIME),
                    Column("uses", "Uses", Kind.NUMBER),
                    Column("last_used_at", "Last used (UTC)", Kind.TIME),
                    Column("description", "Description, tags", Kind.TEXT, 1),
                ),
                rows=rows,
                empty="There was no key.",
            )
        ],
    )  # fmt: skip


def _described(key: Key) -> str:
    tags = ", ".join(f"{name}={value}" for name, value in sorted(key.tags.items()))
    return f"{key.description} [{tags}]" if tags else key.description


def changes(material: Material) -> Section:
    return Section(
        name="key-changes",
        title="Changes in the life of keys, with who and when",
        controls=(
            Control.PCI_3_7_1,
            Control.PCI_3_7_5,
            Control.PCI_3_7_7,
            Control.PCI_10_2_1,
            Control.ISO_8_24,
            Control.CC6_1,
        ),
        paragraphs=[
            _CHANGED,
        ],
        tables=[facts_table("changes", "Changes of keys", material.evidence.keys.changes)],
    )


def rotation(material: Material) -> Section:
    keys = [key for key in material.keys if not key.destroyed]
    ages = {key.key_id: max(0, (material.end - key.created_at) // timedelta(days=1)) for key in keys}
    days = material.periods.cryptoperiod_days
    over = [key for key in keys if ages[key.key_id] > days]
    oldest = sorted(keys, key=lambda key: (-ages[key.key_id], key.key_id))
    by_id = {key.key_id: key for key in keys}
    drawn = [(key_label(key.key_id, by_id), ages[key.key_id]) for key in oldest[:ROWS_DRAWN]]
    encryptions = material.evidence.keys.encryptions
    return Section(
        name="rotation",
        title="Age of keys against the cryptoperiod",
        controls=(Control.PCI_3_7_4, Control.ISO_8_24),
        numbers=[("keys not destroyed", len(keys)), (f"in use for more than {days:,} days", len(over))],
        paragraphs=[
            (
                f"The cryptoperiod of this report is {many(days, 'day')}, by its argument: which one is right is "
                "for the owner of the keys to decide and to document. A key version is in use from its creation on; "
                f"age is counted to {material.end:%Y-%m-%d %H:%M:%S} UTC. The second bound is a number: a version "
                f"encrypts at most {ENCRYPTIONS_PER_KEY_VERSION_MAX:,} times, after which the service refuses."
            ),
        ],
        figures=[Ages(title="The longest in use", limit=days, rows=drawn)] if drawn else [],
        tables=[
            Table(
                name="key-versions",
                title="Key versions in use",
                columns=(
                    KEY_ID,
                    Column("key_version_id", "Version", Kind.CODE),
                    _STATE,
                    Column("created_at", "In use since (UTC)", Kind.TIME),
                    Column("days", "Days", Kind.NUMBER),
                    Column("encryptions", "Encryptions", Kind.NUMBER),
                    Column("finding", "Against the cryptoperiod", Kind.TEXT, 1),
                ),
                rows=[
                    (
                        str(key.key_id),
                        str(key.primary_key_version),
                        state_of(key),
                        key.created_at,
                        ages[key.key_id],
                        encryptions.get(key.primary_key_version, 0),
                        _finding(ages[key.key_id], days),
                    )
                    for key in oldest
                ],
                empty="There was no key that is not destroyed.",
            )
        ],
    )


def _finding(age: int, limit: int) -> str:
    return f"{many(age - limit, 'day')} over" if age > limit else f"within, {many(limit - age, 'day')} left"


def deletions(material: Material) -> Section:
    found = material.evidence.keys.deletions
    destroyed = [deletion for deletion in found if deletion.destroyed_versions]
    left = sum(material.material_left.get(deletion.key_id, 0) for deletion in destroyed)
    return Section(
        name="deletions",
        title="Deletions and their final evidence",
        controls=(Control.PCI_3_7_5, Control.PCI_10_2_1, Control.ISO_8_24, Control.CC6_1),
        numbers=[
            ("deletions in the period", len(found)),
            ("carried out", len(destroyed)),
            ("rows of their material left", left),
        ],
        paragraphs=[
            (
                "A deletion is scheduled with a window of days, in which it can be cancelled. When it is due the "
                "service deletes the wrapped material and records the destruction in one transaction; copies in "
                "backups of the database are not its to delete. The last column is the one thing in this report that "
                "was read from another table than the ledger: how many rows of the key's material the database holds "
                "now. It is 0 for a destroyed key, and stays so."
            ),
        ],
        tables=[
            Table(
                name="deletions",
                title="Deletions that were scheduled, pending or over in the period",
                columns=(
                    KEY_ID,
                    Column("scheduled", "Scheduled by", Kind.TEXT, 1.3),
                    Column("scheduled_at", "Scheduled at (UTC)", Kind.TIME),
                    Column("due_at", "Due at (UTC)", Kind.TIME),
                    Column("outcome", "What became of it", Kind.TEXT, 1.7),
                    Column("material_left", "Rows left", Kind.NUMBER),
                ),
                rows=[tuple(_deletion(deletion, material)) for deletion in found],
            )
        ],
    )


def _deletion(deletion: Deletion, material: Material) -> Iterator[Cell]:
    scheduled, ended = deletion.scheduled, deletion.ended
    yield str(deletion.key_id)
    yield f"{scheduled.by}, position {scheduled.position:,}"
    yield scheduled.at
    yield deletion.delete_at
    if ended is None:
        yield "pending at the end of the period"
        yield None
    elif ended.topic == KeyDestroyed.TOPIC:
        versions = ", ".join(str(version) for version in deletion.destroyed_versions)
        yield (
            f"destroyed by {ended.by}: position {ended.position:,}, call at {ended.at:%Y-%m-%d %H:%M:%S}, recorded "
            f"{ended.recorded_at:%Y-%m-%d %H:%M:%S} UTC; versions {versions}"
        )
        yield material.material_left.get(deletion.key_id, 0)
    else:
        yield f"cancelled by {ended.by} at {ended.at:%Y-%m-%d %H:%M:%S} UTC, position {ended.position:,}"
        yield None
