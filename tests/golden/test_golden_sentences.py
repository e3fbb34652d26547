"""What the audit trail says about each golden event: one line an event, for whoever judges the wording.

Unlike the events' bytes these lines may be changed; whoever changes one sees it here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from domain.audit.sentences import sentence
from tests.golden.test_golden_events import GOLDEN

TOLD: Final = Path(__file__).parent / "sentences.txt"


def test_every_golden_event_has_its_sentence() -> None:
    told = {name: sentence(event) for name, event in GOLDEN.items()}
    assert "".join(f"{name}: {line}\n" for name, line in told.items()) == TOLD.read_text(encoding="utf-8")
