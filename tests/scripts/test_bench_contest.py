"""How scripts/bench compares: turns, medians, ratios, and the sentence on what bounds a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.benchmarks import growth
from scripts.benchmarks.bounds import bounded_by, disturbance
from scripts.benchmarks.contest import MARGIN, RATE_GUESS, RATE_LEAST, Contest, Result, Run, Side
from scripts.benchmarks.cpu import Group
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.load import Load, Stock, StockUsedUpError
from scripts.benchmarks.populate import Wanted
from scripts.benchmarks.prometheus import parse_sums, sums_between
from scripts.benchmarks.report import Conditions, as_object
from scripts.benchmarks.sides import OURS, THEIRS
from scripts.benchmarks.web import Site


@dataclass
class Scripted:
    """A side that is only asked for stock; ``expected`` remembers at what rate."""

    name: str
    folder: Path
    expected: list[float] = field(default_factory=list)
    site: Site = field(default_factory=lambda: Site("http://nowhere"))

    def stock(self, threads: int, rate: float, seconds: int, margin: float) -> Stock:
        assert margin == MARGIN
        self.expected.append(rate)
        stock = Stock(self.folder / self.name, threads, once=True)
        stock.slice(0).touch()
        return stock

    def processes(self) -> Mapping[str, Group]:
        return {}

    def observe(self) -> Callable[[Load], Mapping[str, float]]:
        raise AssertionError("the runs are scripted")


def run(rate: float, *, busy: Mapping[str, float] | None = None, seen: Mapping[str, float] | None = None) -> Run:
    load = Load(round(rate), 1.0, rate, 10.0, 30.0, 0.1)
    return Run(load, {"machine": 0.5, "load generator": 0.1, **(busy or {})}, seen or {})


def contest(sides: list[Scripted], rates: Mapping[str, list[float]], order: list[tuple[str, int]]) -> Contest:
    """Each side's runs find the rates of ``rates`` in turn; ``order`` is filled."""

    def scripted(side: Side, stock: Stock, level: int, seconds: int) -> Run:
        assert stock.slice(0).exists()
        order.append((side.name, seconds))
        return run(rates[side.name].pop(0))

    return Contest(sides, (16,), rounds=3, seconds=7, threads=1, progress=lambda _: None, run=scripted)


def test_sides_take_turns_at_going_first_and_the_warm_up_does_not_count(tmp_path: Path) -> None:
    order: list[tuple[str, int]] = []
    sides = [Scripted("a", tmp_path), Scripted("b", tmp_path)]
    held = contest(sides, {"a": [9_999, 300, 100, 200], "b": [1, 100, 101, 102]}, order).hold()
    assert [name for name, _ in order] == ["a", "b", "a", "b", "b", "a", "a", "b"]
    assert [seconds for _, seconds in order] == [2, 2, 7, 7, 7, 7, 7, 7]
    assert held["a", 16].rates == [300, 100, 200]
    assert held["a", 16].rate == 200
    assert held["a", 16].spread == 1.0
    assert not list(tmp_path.iterdir())


def test_the_stock_is_sized_by_the_fastest_run_so_far(tmp_path: Path) -> None:
    side = Scripted("a", tmp_path)
    contest([side], {"a": [5_000, 4_000, 9_000, 1_000]}, []).hold()
    assert side.expected == [RATE_GUESS, 5_000, 5_000, 9_000]


def test_a_run_that_used_its_stock_up_is_made_again_with_more(tmp_path: Path) -> None:
    side, outcomes = Scripted("a", tmp_path), [run(100), None, run(5_000)]

    def scripted(*_: object) -> Run:
        outcome = outcomes.pop(0)
        if outcome is None:
            raise StockUsedUpError("Used up.")
        return outcome

    held = Contest([side], (16,), 1, 1, 1, lambda _: None, scripted).hold()
    assert side.expected == [RATE_GUESS, RATE_LEAST, 2 * RATE_LEAST]
    assert held["a", 16].rates == [5_000]


def test_a_failed_run_names_its_side_and_leaves_no_stock(tmp_path: Path) -> None:
    def failing(*_: object) -> Run:
        raise BenchError("The run is not valid.")

    with pytest.raises(BenchError, match="a, 16 connections: The run is not valid"):
        Contest([Scripted("a", tmp_path)], (16,), 1, 1, 1, lambda _: None, failing).hold()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (run(1, busy={"machine": 1.9, "workers": 1.1}), "All 2 processors of the machine are busy (workers 1.10,"),
        (run(1, busy={"machine": 1.2, "load generator": 0.95}), "The load generator itself is at its limit"),
        (run(1, busy={"machine": 1.2, "workers": 0.97}), "The 1 API workers' own CPU"),
        (run(1, seen={"commit ms": 6.0}), "The durable commit: 6.00 ms of a median 10.00 ms"),
        (run(1, seen={"HSM share of latency": 0.7, "HSM ms": 7.0}), "The HSM: 7.00 ms of a median 10.00 ms"),
        (run(1), "Latency, not capacity"),
    ],
    ids=lambda value: value.split(":")[0] if isinstance(value, str) else "",
)
def test_the_bound_is_named(one: Run, sentence: str) -> None:
    said = bounded_by(Result([one]), processors=2, generator_threads=1, workers=1)
    assert said.startswith(sentence)


def test_other_programs_on_the_machine_are_told_of() -> None:
    quiet, loud = Result([run(1, busy={"elsewhere": 0.1})]), Result([run(1, busy={"elsewhere": 0.9})])
    assert disturbance([quiet], processors=2) is None
    assert "0.90 of 2 processors" in str(disturbance([quiet, loud], processors=2))


def conditions(openbao: str | None) -> Conditions:
    return Conditions(
        operation="Encrypt",
        signatures="acs3",
        rounds=2,
        seconds=1,
        generator_threads=1,
        workers=2,
        openbao=openbao,
        file_system="ext4",
    )


def test_the_report_has_one_ratio_and_both_sides_at_every_level() -> None:
    results = {
        (OURS, 1): Result([run(100), run(110)]),
        (THEIRS, 1): Result([run(50), run(60)]),
        (OURS, 64): Result([run(300), run(330)]),
        (THEIRS, 64): Result([run(200), run(220)]),
    }
    report = as_object(results, conditions("v2.7.2"))
    assert report["ratio"] == 1.5
    assert [level["connections"] for level in report["levels"]] == [1, 64]
    for level in report["levels"]:
        for side in (level["key_ledger"], level["openbao"]):
            assert {"rate", "p50_ms", "p99_ms", "rate_of_each_round", "cpu_seconds_per_second"} <= side.keys()
        assert level["bounded_by"]
    assert report["levels"][0]["ratio_of_each_round"] == [2.0, 1.833]
    assert "without an fsync" in report["promises"]["openbao"]


def test_without_openbao_there_is_no_ratio() -> None:
    report = as_object({(OURS, 1): Result([run(100)])}, conditions(None))
    assert report["ratio"] is None


def test_growth_tells_what_a_request_costs_beside_the_smallest_size() -> None:
    plan = growth.Plan([Wanted(100, 10_000), Wanted(10_000, 100_000)], 100, 3, 2, None, "acs3", 1)
    by_size = {str(plan.sizes[0]): Result([run(5_000)]), str(plan.sizes[1]): Result([run(4_000)])}
    report = growth.as_object(plan, {"Encrypt": by_size}, [(10_000, 50_000), (100_000, 140_000)])
    assert [row["cost_ratio"] for row in report["operations"]["Encrypt"]] == [1.0, 1.25]
    assert [row["cost_us"] for row in report["operations"]["Encrypt"]] == [200.0, 250.0]
    assert report["flat"] is False


def test_keys_in_use_are_spread_over_all_there_are() -> None:
    assert growth.spread(range(1_000), 4) == [0, 250, 500, 750]
    assert growth.spread(range(3), 4) == [0, 1, 2]
    assert growth.spread(range(3), 0) == [0, 1, 2]


def test_sums_of_a_metrics_page_are_taken_over_all_labels_and_between_two_readings() -> None:
    page = (
        "# TYPE key_ledger_hsm_seconds histogram\n"
        'key_ledger_hsm_seconds_sum{{operation="encrypt"}} {0}\n'
        'key_ledger_hsm_seconds_count{{operation="encrypt"}} {1}\n'
        'key_ledger_hsm_seconds_sum{{operation="random"}} 0.5\n'
        'key_ledger_hsm_seconds_count{{operation="random"}} 5\n'
    )
    before, after = parse_sums(page.format(1, 10)), parse_sums(page.format(3, 20))
    assert before == {"hsm_seconds": (1.5, 15.0)}
    assert sums_between(before, after) == {"hsm_seconds": (2.0, 10.0)}
    assert sums_between(after, after) == {}
