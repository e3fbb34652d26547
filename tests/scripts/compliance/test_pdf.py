"""The PDF: its fonts have all that it shows, and nothing that somebody chose is evaluated."""

from __future__ import annotations

import json
import re
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typst

from scripts.compliance import pdf
from scripts.compliance.controls import Control
from scripts.compliance.document import Column, Document, Kind, Section, Table
from scripts.compliance.pdf import as_pdf

HOSTILE = (
    "#panic()", "$ x $", "*bold* _it_ `raw` <label> @ref", "#read(\"/etc/passwd\")", "]#eval(\"1/0\")[", "\\u{1F600}",
    "// comment", "支付密钥", "😀", "\x1b[2J", "a\u202eb", "\x00", "x" * 3_000, "-" * 200, "e\u0301", "\u00ad",
)  # fmt: skip


def a_document(rows: list[tuple[str, str]]) -> Document:
    table = Table(
        name="t",
        title="A table",
        columns=(Column("one", "One", Kind.CODE), Column("two", "Two", Kind.TEXT, 1)),
        rows=rows,
    )
    section = Section(name="s", title="A section", controls=tuple(Control), paragraphs=("Words.",), tables=(table,))
    return Document(
        title="A title",
        subtitle="Some days",
        facts=(("Fact", HOSTILE[0]),),
        preamble=("Before.",),
        made_of=datetime(2026, 6, 1, tzinfo=UTC),
        sections=(section,),
    )


def test_what_somebody_chose_is_never_evaluated() -> None:
    """Were one of these code, it would panic, read a file or leave the document unbalanced."""
    made = as_pdf(a_document([(text, text) for text in HOSTILE]))
    assert made.startswith(b"%PDF-")
    assert made == as_pdf(a_document([(text, text) for text in HOSTILE]))


def test_a_report_of_no_section_and_a_table_of_a_thousand_rows_are_set() -> None:
    as_pdf(a_document([]))
    as_pdf(a_document([("acs:ram::1000000000000001:user/alice", f"row {number}") for number in range(1_200)]))


def test_both_fonts_have_every_character_that_is_shown() -> None:
    """A character that a font lacks is drawn as the same box as any other that it lacks."""
    shown = [chr(code) for code in range(0x21, 0x2200) if re.fullmatch(f"[{pdf._IN_FONTS}]", chr(code))]
    shown = [character for character in shown if character.isprintable()]
    assert len(shown) > 800
    for font in ("Libertinus Serif", "DejaVu Sans Mono"):
        (box,) = glyphs(font, ["支"])
        assert box not in glyphs(font, shown), font


def glyphs(font: str, characters: list[str]) -> set[str]:
    source = (
        f'#set page(width: auto, height: auto)\n#set text(font: "{font}", fallback: false)\n'
        "#for one in json(bytes(sys.inputs.characters)) { block(text(one)) }"
    )
    drawn = typst.compile(
        source.encode(),
        format="svg",
        sys_inputs={"characters": json.dumps(characters)},
        font_paths=typst.Fonts(include_system_fonts=False),
    )
    return set(re.findall(r'<(?:path|symbol) id="(g[0-9A-F]+)"', drawn.decode()))


@pytest.mark.parametrize(
    ("text", "said"),
    [("支付 key", "\\u652f\\u4ed8 key"), ("😀", "\\U0001f600"), ("Žluťoučký Ελλάδα Київ", "Žluťoučký Ελλάδα Київ")],
)
def test_what_the_fonts_lack_is_told_by_its_number(text: str, said: str) -> None:
    assert pdf._legible(text) == said


def test_a_long_name_can_be_folded_and_an_id_is_whole() -> None:
    id_column, words = {"weight": 0}, {"weight": 1}
    key_id = "5b177a38-a96d-4b2c-b80b-25d9b02d3504"
    assert pdf._breakable(key_id, id_column) == key_id
    folded = pdf._breakable("AliyunKMSReadOnlyAccessOfSomebody", words)
    assert folded.replace("\u200b", "") == "AliyunKMSReadOnlyAccessOfSomebody"
    assert max(map(len, folded.split("\u200b"))) <= 18
    assert max(map(len, pdf._breakable("x" * 500, words).split("\u200b"))) <= 18


def test_nothing_that_cannot_be_seen_is_copied_out_of_a_page(tmp_path: Path) -> None:
    """The fonts' tables that turn glyphs into text name no character at which a long word was only broken."""
    arn = "acs:ram::1000000000000001:role/KeyLedgerAuditReadOnlyAccessOfSomebody"
    written = as_pdf(a_document([(arn, arn)]))
    maps = [zlib.decompress(stream) for stream in re.findall(rb"stream\r?\n(.*?)endstream", written, re.DOTALL)
            if stream.startswith(b"\x78")]  # fmt: skip
    assert any(b"beginbfchar" in one for one in maps)
    assert not any(b"200B" in one.upper() for one in maps if b"beginbfchar" in one)


def test_further_fonts_may_show_what_the_own_ones_lack(tmp_path: Path) -> None:
    as_pdf(a_document([("支付", "支付")]), fonts=tmp_path)
