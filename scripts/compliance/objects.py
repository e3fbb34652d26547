"""The report as one JSON object: every cell exact, numbers as numbers, times to the microsecond, texts as they were."""

from __future__ import annotations

import json
from typing import Any

from scripts.compliance.document import Document, Section, Table, exact
from scripts.compliance.plots.figures import Ages, Figure, OverTime


def as_json(document: Document) -> bytes:
    """ASCII with escapes: no terminal and no page obeys what a description says."""
    told = {
        "title": document.title,
        "period": document.subtitle,
        "facts": {name: exact(value) for name, value in document.facts},
        "preamble": list(document.preamble),
        "controls": [
            {"control": control.named, "asks": control.asks, "sections": [section.name for _, section in sections]}
            for control, sections in document.controls
        ],
        "sections": [_section(section) for section in document.sections],
    }
    return f"{json.dumps(told, indent=1, ensure_ascii=True)}\n".replace("\x7f", "\\u007f").encode()


def _section(section: Section) -> dict[str, Any]:
    return {
        "name": section.name,
        "title": section.title,
        "evidence_for": [control.named for control in section.controls],
        "paragraphs": list(section.paragraphs),
        "numbers": {name: exact(value) for name, value in section.numbers},
        "figures": [_figure(figure) for figure in section.figures],
        "tables": [_table(table) for table in section.tables],
    }


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "total": table.total,
        "rows": [{name: exact(cell) for name, cell in row.items()} for row in table.objects()],
    }


def _figure(figure: Figure) -> dict[str, Any]:
    """What is drawn, as numbers."""
    if isinstance(figure, Ages):
        return {"title": figure.title, "limit_days": figure.limit, "days": dict(figure.rows)}
    starts = [start.isoformat() for start in figure.axis.starts]
    about = {"title": figure.title, "counts": figure.counts_what, "per": figure.axis.unit.value}
    if isinstance(figure, OverTime):
        return {**about, "bins": _bins(figure.counts, starts)}
    return {**about, "rows": [{"label": row.label, "bins": _bins(row.counts, starts)} for row in figure.rows]}


def _bins(counts: Any, starts: list[str]) -> list[dict[str, Any]]:
    """Those that are not empty."""
    found: dict[int, dict[str, int]] = {}
    for place, series in sorted(counts):
        found.setdefault(place, {})[series] = counts[place, series]
    return [{"from": starts[place], **series} for place, series in found.items()]
