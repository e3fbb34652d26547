"""Text on its way into a spreadsheet, which computes what begins like a formula.

Whoever chose a name chose perhaps ``=cmd|…``. An apostrophe before it makes it a text again (OWASP, "CSV Injection").
"""

from __future__ import annotations

from typing import Final

_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text
