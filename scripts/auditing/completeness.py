"""How complete an answer is: up to where the trail had been written when it was read, and up to where the ledger."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import typer

from domain.audit.words import visible
from scripts.envelope.terminal import fitted, styled

_TO_SECONDS: Final = len("2026-11-24T08:30:00")


@dataclass(frozen=True, slots=True)
class Completeness:
    """:param position: the last event that the answer knows of. :param head: the last one that was recorded.
    :param stopped_at: position of the event that has stopped the trail; None where none has.
    """

    position: int
    recorded_at: str
    head: int
    is_complete: bool
    stopped_at: int | None = None

    def sentence(self) -> str:
        if not self.head:
            return "Nothing is recorded yet."
        at = f", {brief_time(self.recorded_at)}" if self.recorded_at else ""
        return f"Up to position {self.position:,}{at}; ledger head {self.head:,}."

    def warning(self) -> str:
        """Empty where nothing is missing."""
        if self.is_complete:
            return ""
        missing = max(1, self.head - self.position)
        lacks = f"NOT COMPLETE: the ledger's last {counted(missing, 'event')} may be missing."
        if self.stopped_at is None:
            return f"{lacks} Ask again in a moment."
        return f"{lacks} The trail has STOPPED before the event at position {self.stopped_at:,}: tell an operator."


def of(answer: Mapping[str, Any]) -> Completeness:
    as_of, head = _standing(answer, "as_of"), _standing(answer, "ledger_head")
    return Completeness(
        position=int(as_of.get("position") or 0),
        recorded_at=str(as_of.get("recorded_at") or ""),
        head=int(head.get("position") or 0),
        is_complete=bool(answer.get("complete")),
        stopped_at=answer.get("stopped_at"),
    )


def _standing(answer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = answer.get(name)
    return found if isinstance(found, Mapping) else {}


def tell(completeness: Completeness) -> None:
    """On standard error, so that it disturbs no rows: dim in a terminal, and a warning where it matters."""
    _say(completeness.sentence(), dim=True)
    warn(completeness)


def warn(completeness: Completeness) -> None:
    if completeness.warning():
        caution(completeness.warning())


def caution(sentence: str) -> None:
    """Without which the answer would be taken for more than it is."""
    _say(sentence, fg=typer.colors.YELLOW, bold=True)


def aside(sentence: str) -> None:
    """What is worth knowing besides the rows."""
    _say(sentence, dim=True)


def _say(sentence: str, **style: Any) -> None:
    sys.stdout.flush()  # or a terminal shows it before what it is about
    text = fitted(visible(sentence))
    print(styled(text, sys.stderr, **style), file=sys.stderr)


def counted(count: int, name: str) -> str:
    """``1,234 events``."""
    return f"{count:,} {name}" if count == 1 else f"{count:,} {name}s"


def brief_time(text: str) -> str:
    """To the second: ``2026-11-24T08:30:00Z``."""
    return f"{text[:_TO_SECONDS]}Z" if text[_TO_SECONDS:].startswith(("Z", ".")) else text
