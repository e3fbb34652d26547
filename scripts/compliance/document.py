"""What a report consists of, whatever it is written as: facts about it, and sections with tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum

from domain.audit.words import visible
from scripts.compliance.controls import Control
from scripts.compliance.plots.figures import Figure

Cell = str | int | datetime | date | None


class Kind(StrEnum):
    """How the cells of a column are set."""

    TEXT = "text"
    CODE = "code"
    """Ids, names of resources, digests: one width for every character."""

    NUMBER = "number"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """:param name: as JSON and CSV have it. :param weight: its share of the page's width; 0 for what it needs."""

    name: str
    title: str
    kind: Kind = Kind.TEXT
    weight: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """:param there_are: how many rows there are, where these are the first of them. :param empty: said where there are
    none. :param remark: how to read it."""

    name: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    there_are: int = 0
    empty: str = "None in this period."
    remark: str = ""

    def objects(self) -> Iterator[dict[str, Cell]]:
        names = [column.name for column in self.columns]
        for row in self.rows:
            yield dict(zip(names, row, strict=True))

    @property
    def total(self) -> int:
        return max(self.there_are, len(self.rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """:param controls: what it is evidence for. :param numbers: those that matter, with what they count."""

    name: str
    title: str
    controls: Sequence[Control]
    paragraphs: Sequence[str]
    numbers: Sequence[tuple[str, Cell]] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """:param facts: what it is about.
    :param made_of: the time of the last event that was read: it stands where others have the time of printing.
    """

    title: str
    subtitle: str
    facts: Sequence[tuple[str, Cell]]
    preamble: Sequence[str]
    made_of: datetime
    sections: Sequence[Section] = field(default=())

    @property
    def controls(self) -> list[tuple[Control, list[tuple[int, Section]]]]:
        """Each control with the numbered sections that are evidence for it, in the controls' order."""
        found: dict[Control, list[tuple[int, Section]]] = {}
        for number, section in enumerate(self.sections, start=1):
            for control in section.controls:
                found.setdefault(control, []).append((number, section))
        return sorted(found.items(), key=lambda item: item[0].place)


def shown(cell: Cell) -> str:
    """For people: numbers with separators, times to the second in UTC, nothing that a page or a terminal would obey."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    if isinstance(cell, int):
        return f"{cell:,}"
    return visible(str(cell))


def exact(cell: Cell) -> str | int | None:
    """For programs: times to the microsecond."""
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
    return cell.isoformat() if isinstance(cell, date) else cell
