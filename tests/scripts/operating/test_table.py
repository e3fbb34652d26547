"""Rows for a terminal, a pipe, a spreadsheet and a program: none of them is made to do what a cell says."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest

from domain.audit.words import visible
from scripts.operating.table import Form, Table, money, show

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\x1b[31mb", "line\nbreak", 'quo"te,', "\u202egpj"]


def told(table: Table, form: Form, capsys: pytest.CaptureFixture[str]) -> str:
    show(table, form, {"about": 1})
    return capsys.readouterr().out


@pytest.mark.parametrize("cell", HOSTILE)
def test_no_cell_is_a_formula_and_none_is_lost(cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(Table(("name", "calls"), [(cell, 5)]), Form.CSV, capsys)
    ((name, calls),) = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert calls == "5"
    assert name.removeprefix("'") == visible(cell.replace("\n", "\\n").replace("\r", "\\r"))
    assert name.isprintable()
    assert not name.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_pipe_or_terminal_is_given_nothing_to_obey(cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(Table(("name", "calls"), [(cell, 5)]), Form.TABLE, capsys)
    assert len(text.splitlines()) == 2
    assert all(character.isprintable() or character == "\n" for character in text)


def test_numbers_stand_right_and_text_left(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(
        ("name", "key_months", "price"), [("a", 1, Decimal("0.5")), ("bcd", 1_000, None)], ("total", 1_001, "")
    )
    assert told(table, Form.TABLE, capsys).splitlines() == [
        "Name   Key months  Price",
        "a               1   0.50",
        "bcd         1,000",
        "total       1,001",
    ]


def test_json_has_what_it_is_about_and_decimals_as_strings(capsys: pytest.CaptureFixture[str]) -> None:
    text = told(Table(("name", "price"), [("ä", Decimal("0.0000003"))]), Form.JSON, capsys)
    assert json.loads(text) == {"about": 1, "rows": [{"name": "ä", "price": "0.0000003"}]}


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00"),
        ("1", "1.00"),
        ("20.5", "20.50"),
        ("1E+3", "1000.00"),
        ("0.0000003", "0.0000003"),
        ("1.10", "1.10"),
    ],
)
def test_money_shows_all_its_digits_and_two_at_least(amount: str, shown: str) -> None:
    assert money(Decimal(amount)) == shown
