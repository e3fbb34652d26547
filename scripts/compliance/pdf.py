"""The report as a PDF, set by Typst from ``report.typ``.

The template gets the pages as one JSON text and never as markup, so nothing that anybody chose is ever typeset as code.
Fonts are those that Typst's package embeds, and no others of the machine: the same bytes everywhere, and no network.
They have Latin, Greek and Cyrillic; characters of other scripts are shown by their numbers (``\\u652f``),
unless a folder with further fonts is given.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import typst

from scripts.compliance.document import Document
from scripts.compliance.pages import pages
from scripts.compliance.widths import needs_landscape, widths
from scripts.envelope.failure import WrongUse

_IN_FONTS: Final = (
    r"\u0020-\u01c3\u0218-\u021b\u0384-\u03ce\u0400-\u045f\u0490-\u049b\u1e00-\u1e99\u1ea0-\u1ef9"
    r"\u2010-\u2023\u2026\u2030-\u2037\u2039\u203a\u20ac\u2190-\u2199"
)
"""What both fonts have."""

_NOT_IN_FONTS: Final = re.compile(f"[^{_IN_FONTS}]")

_BREAK: Final = "\u200b"
"""A zero-width space: where a long id may be broken."""

_WORD: Final = re.compile(r"\S+")
_WHOLE: Final = 64
_FOLDED_FROM: Final = 24
_PLACES: Final = re.compile(r"[:/,@=&.}\-]|[a-z](?=[A-Z])")
_ANYWHERE: Final = re.compile(rf"[^\s{_BREAK}]{{18}}(?=[^\s{_BREAK}])")


def as_pdf(document: Document, fonts: Path | None = None) -> bytes:
    """:param fonts: a folder with further fonts; what they do not have is then a box.

    :raises WrongUse: there is no such folder.
    """
    if fonts is not None and not fonts.is_dir():
        raise WrongUse(f"--fonts {fonts} is no folder.", "Give a folder with font files, or leave it out.")
    data = pages(document, _legible if fonts is None else str)
    data["landscape"] = any(needs_landscape(table) for section in data["sections"] for table in section["tables"])
    for section in data["sections"]:
        for table in section["tables"]:
            for column, width in zip(table["columns"], widths(table["columns"], table["rows"]), strict=True):
                column["points"] = width
            table["rows"] = [
                [_breakable(cell, column) for cell, column in zip(row, table["columns"], strict=True)]
                for row in table["rows"]
            ]
    return _compiled(data, document.made_of, fonts)


def _compiled(data: dict[str, Any], made_of: datetime, fonts: Path | None) -> bytes:
    template = files("scripts.compliance").joinpath("report.typ").read_bytes()
    return typst.compile(
        template,
        format="pdf",
        sys_inputs={"pages": json.dumps(data)},
        font_paths=typst.Fonts(include_system_fonts=False, font_paths=[] if fonts is None else [str(fonts)]),
        timestamp=int(made_of.timestamp()),
    )


def _legible(text: str) -> str:
    return _NOT_IN_FONTS.sub(lambda found: _numbered(ord(found.group())), text)


def _numbered(code_point: int) -> str:
    return f"\\u{code_point:04x}" if code_point <= 0xFFFF else f"\\U{code_point:08x}"


def _breakable(text: str, column: dict[str, Any]) -> str:
    """What has a column of its own width is copied whole; where columns share the rest, long words are folded."""
    whole = _FOLDED_FROM if column["weight"] else _WHOLE
    return _WORD.sub(lambda found: _folding(found.group()) if len(found.group()) > whole else found.group(), text)


def _folding(word: str) -> str:
    """At marks and where a new word begins within it, else anywhere."""
    return _ANYWHERE.sub(rf"\g<0>{_BREAK}", _PLACES.sub(rf"\g<0>{_BREAK}", word))
