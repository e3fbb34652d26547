"""Figures: well-formed whatever the labels are, within their frame, no label in another, with one bin and with many."""

from __future__ import annotations

import random
from datetime import date, timedelta
from itertools import pairwise
from xml.etree import ElementTree as Xml

import pytest

from domain.audit.evidence.activity import ORDER
from domain.audit.evidence.period import Unit
from scripts.compliance.plots.drawing import ADVANCE, WIDTH, fitted, ticks
from scripts.compliance.plots.drawn import drawn
from scripts.compliance.plots.figures import Ages, Axis, Counts, Figure, OverTime, Strip, Strips

HOSTILE = "</text><script>alert(1)</script>&\"'\x1b\u202e\x00"


def axis(bins: int) -> Axis:
    return Axis(unit=Unit.DAY, starts=[date(2020, 1, 1) + timedelta(days=day) for day in range(bins)])


def counts(bins: int, seed: int = 1) -> Counts:
    chance = random.Random(seed)
    return {(place, outcome): chance.randrange(1, 10**6) for place in range(bins) for outcome in ORDER}


def figures(bins: int) -> list[Figure]:
    rows = [Strip(label=f"{HOSTILE} {number} {'长' * number}", counts=counts(bins, number)) for number in range(16)]
    return [
        OverTime(title=HOSTILE, counts_what="Requests", axis=axis(bins), series=ORDER, counts=counts(bins)),
        OverTime(title="codes", counts_what="Refusals", axis=axis(bins), series=[HOSTILE, "x" * 300], counts={}),
        Strips(title="strips", counts_what="Requests", axis=axis(bins), series=ORDER[:4], rows=rows),
        Ages(title="ages", limit=730, rows=[(f"{HOSTILE}{days}", days) for days in (0, 1, 729, 730, 731, 40_000)]),
    ]


@pytest.mark.parametrize("bins", [1, 2, 7, 62, 430, 1_000])
def test_figures_are_well_formed_and_keep_within_their_frame(bins: int) -> None:
    for figure in figures(bins):
        picture = parsed(figure)
        tags = {element.tag.partition("}")[2] for element in picture.iter()}
        assert tags <= {"svg", "defs", "pattern", "rect", "line", "text"}
        height = float(picture.get("viewBox", "").split()[3])
        for left, right, y in places(picture):
            assert left >= -2, figure
            assert right <= WIDTH + 1, figure
            assert 0 <= y <= height


@pytest.mark.parametrize("bins", [1, 2, 7, 62, 430, 1_000])
def test_no_label_stands_in_another(bins: int) -> None:
    for figure in figures(bins):
        lines: dict[float, list[tuple[float, float]]] = {}
        for left, right, y in places(parsed(figure)):
            lines.setdefault(y, []).append((left, right))
        for of_line in lines.values():
            for (_, end), (begin, _) in pairwise(sorted(of_line)):
                assert begin >= end - 0.5


def parsed(figure: Figure) -> Xml.Element:
    return Xml.fromstring(drawn(figure))  # noqa: S314  # drawn by us


def places(picture: Xml.Element) -> list[tuple[float, float, float]]:
    """Left, right and baseline of every text."""
    found = []
    for element in picture.iter("{http://www.w3.org/2000/svg}text"):
        words, x = element.text or "", float(element.get("x", ""))
        width = sum(2 if character == "长" else 1 for character in words) * ADVANCE
        shift = {"start": 0.0, "middle": width / 2, "end": width}[element.get("text-anchor", "start")]
        found.append((x - shift, x - shift + width, float(element.get("y", ""))))
    return found


def test_the_same_figure_is_drawn_with_the_same_bytes() -> None:
    assert [drawn(figure) for figure in figures(30)] == [drawn(figure) for figure in figures(30)]


@pytest.mark.parametrize("largest", [0, 1, 2, 3, 7, 10, 99, 100, 12_345, 10**9])
def test_ticks_are_round_and_reach_the_largest(largest: int) -> None:
    made = ticks(largest)
    assert made[0] == 0
    assert made[-1] >= largest
    assert 2 <= len(made) <= 6
    assert len({after - before for before, after in pairwise(made)}) == 1


def test_a_label_is_cut_in_its_middle() -> None:
    assert fitted("abcdefghij", 7 * ADVANCE + 0.1) == "abc…hij"
    assert fitted("abc", 100) == "abc"
    assert len(fitted("长" * 30, 21 * ADVANCE)) <= 11
