"""Reading an answer: what is missing there is shown as nothing, for another version of the service may say less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.auditing.completeness import brief_time

Answer = Mapping[str, Any]


def rows(answer: Answer, name: str) -> list[Answer]:
    found = answer.get(name)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, Sequence) else []


def part(answer: Answer, name: str) -> Answer:
    found = answer.get(name)
    return found if isinstance(found, Mapping) else {}


def text(answer: Answer, name: str) -> str:
    value = answer.get(name)
    return "" if value is None else str(value)


def number(answer: Answer, name: str) -> int:
    value = answer.get(name)
    return value if isinstance(value, int) else 0


def time(answer: Answer, name: str) -> str:
    return brief_time(text(answer, name))


def joined(answer: Answer, name: str) -> str:
    """The texts of a list."""
    found = answer.get(name)
    return ", ".join(map(str, found)) if isinstance(found, Sequence) and not isinstance(found, str) else ""
