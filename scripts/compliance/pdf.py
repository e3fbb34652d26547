"""The report as a PDF, set by Typst from ``report.typ``.

The template gets the pages as one JSON text and never as markup, so nothing that anybody chose is ever typeset as code.
Fonts are those that Typst's package embeds, and no others of the machine: the same bytes everywhere, and no network.
They have Latin, Greek, Cyrillic and Hebrew; characters of other scripts are shown by their numbers (``\\u652f``), unless
a folder with further fonts is given.
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
from scripts.envelope.failure import WrongUse

_NOT_IN_FONTS: Final = re.compile(
    "[^\\u0020-\\u024f\\u0370-\\u052f\\u0590-\\u05f4\\u1e00-\\u1eff\\u2010-\\u2027\\u2030-\\u203a\\u20a0-\\u20bf\\u2190-\\u2199]"
)
"""Beyond what both of the fonts have. What is written right to left stays where it stands: nothing turns it around."""

_UNBROKEN: Final = re.compile(r"\S{28,}")
_BREAK: Final = "\u200b"
"""A zero-width space: where a long id may be broken."""


def as_pdf(document: Document, fonts: Path | None = None) -> bytes:
    """:param fonts: a folder with further fonts; what they do not have is then a box.

    :raises WrongUse: there is no such folder.
    """
    if fonts is not None and not fonts.is_dir():
        raise WrongUse(f"--fonts {fonts} is no folder.", "Give a folder with font files, or leave it out.")
    data = pages(document, _legible if fonts is None else str)
    for section in data["sections"]:
        for table in section["tables"]:
            table["rows"] = [[_breakable(cell) for cell in row] for row in table["rows"]]
    return _compiled(data, document.made_of, fonts)


def _compiled(data: dict[str, Any], made_of: datetime, fonts: Path | None) -> bytes:
    template = files("scripts.compliance").joinpath("report.typ").read_bytes()
    made = typst.compile(
        template,
        format="pdf",
        sys_inputs={"pages": json.dumps(data)},
        font_paths=[] if fonts is None else [str(fonts)],
        ignore_system_fonts=True,
        timestamp=int(made_of.timestamp()),
    )
    assert isinstance(made, bytes), "one document, not several pages"
    return made


def _legible(text: str) -> str:
    return _NOT_IN_FONTS.sub(lambda found: _numbered(ord(found.group())), text)


def _numbered(code_point: int) -> str:
    return f"\\u{code_point:04x}" if code_point <= 0xFFFF else f"\\U{code_point:08x}"


def _breakable(text: str) -> str:
    """UUIDs and shorter ids stand in columns that have room for them, and are copied whole."""
    return text if len(text) <= _WHOLE else _UNBROKEN.sub(lambda found: _broken(found.group()), text)


_WHOLE: Final = 36


def _broken(word: str) -> str:
    if len(word) <= _WHOLE:
        return word
    return re.sub(r"([:/,@=&.\-]|.{12})", rf"\1{_BREAK}", word)
