"""What sections are made of: evidence, what was read, and the questions' parameters; and the words that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from domain.account import SYSTEM
from domain.audit.evidence.gathered import Evidence
from domain.audit.evidence.listing import Fact, Listing
from domain.audit.evidence.supposed import SupposedCalls
from domain.audit.key_findings import Periods
from domain.audit.words import principal_named, visible
from domain.key import Key
from domain.ram.authority import Authority
from scripts.compliance.document import Cell, Column, Kind, Table
from scripts.compliance.plots.figures import Axis
from scripts.operating.reading import WasRead

ROWS_DRAWN: Final = 15
"""Of a figure; the others are one row."""

Item = TypeVar("Item")

POSITION: Final = Column("position", "Position", Kind.NUMBER)
CALLED_AT: Final = Column("called_at", "Called at (UTC)", Kind.TIME)
KEY_ID: Final = Column("key_id", "Key", Kind.CODE)
ACCOUNT: Final = Column("account_id", "Account", Kind.CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """:param material_left: key -> rows of sealed material that are still there, of destroyed ones.
    :param supposed: where a hypothesis was given.
    :param end: the time that ages are counted to: the period's end, or the last event where that came earlier.
    """

    evidence: Evidence
    read: WasRead
    head_at: datetime
    end: datetime
    periods: Periods
    material_left: Mapping[UUID, int]
    supposed: SupposedCalls | None = None

    @property
    def axis(self) -> Axis:
        bins = self.evidence.bins
        return Axis(unit=bins.unit, starts=bins.starts)

    @property
    def keys(self) -> list[Key]:
        """Those of the scope that were there at the period's end, in order of account, region and creation."""
        return sorted(
            self.evidence.keys.at_end.values(), key=lambda key: (key.owner, key.region_id, key.created_at, key.key_id)
        )

    @property
    def authorities(self) -> list[Authority]:
        """Of the scope, at the period's end."""
        wanted = self.evidence.scope.account_id
        every = self.evidence.closing.authorities.values()
        return sorted(
            (one for one in every if wanted in ("", one.account_id)), key=lambda authority: authority.account_id
        )


def named(principal: str) -> str:
    return "the deployment" if principal == SYSTEM.principal else visible(principal_named(principal))


def many(count: int, name: str) -> str:
    """``60,049 events``."""
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def state_of(key: Key) -> str:
    return "Destroyed" if key.destroyed else key.state.value


def key_label(key_id: UUID, keys: Mapping[UUID, Key]) -> str:
    """Of a figure: what people call it, and its id."""
    key = keys.get(key_id)
    description = visible(key.description)[:24] if key is not None and key.description else ""
    return f"{description} {key_id}".strip()


def facts_table(name: str, title: str, facts: Listing[Fact], remark: str = "") -> Table:
    """Events, one a row, with the sentence of each."""
    columns = (
        POSITION,
        CALLED_AT,
        Column("account_id", "Account", Kind.CODE),
        Column("event", "What was recorded", Kind.TEXT, 1),
    )
    rows = [(fact.position, fact.at, fact.account_id, fact.sentence) for fact in facts]
    return Table(name=name, title=title, columns=columns, rows=rows, there_are=facts.total, remark=remark)


def most(items: Iterable[tuple[Item, int]]) -> list[Item]:
    """The largest first; equal ones by name."""
    return [item for item, _ in sorted(items, key=lambda pair: (-pair[1], str(pair[0])))]


def percent(part: int, whole: int) -> Cell:
    return f"{100 * part / whole:.1f} %" if whole else ""
