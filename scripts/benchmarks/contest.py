"""Two servers and one operation: rounds that alternate, medians, and how far the rounds lie apart.

Every round measures both sides at every number of connections, the one that goes first changing from round to round,
so that a machine that slows down or speeds up favours nobody. The first, unmeasured round warms both up and tells
how many signed requests the next ones need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final, Protocol

from scripts.benchmarks import cpu
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.load import Load, Stock, StockUsedUpError, run_load
from scripts.benchmarks.web import Site

RATE_GUESS: Final = 15_000.0
"""Requests per second that nobody exceeds on the first, unmeasured run."""

MARGIN: Final = 2.0
"""Signed requests made per expected one: a run that finds more speed than the last one must not run dry."""

RATE_LEAST: Final = 2_000.0
"""Requests per second to be ready for however slow the runs before were: something else may have been in the way."""

ATTEMPTS: Final = 3
"""A run that its stock was too small for is made again with twice as much; it is not counted, so nobody gains by it."""

WARM_UP_SECONDS: Final = 2


class Side(Protocol):
    """One of the two servers."""

    @property
    def name(self) -> str: ...

    @property
    def site(self) -> Site: ...

    def stock(self, threads: int, rate: float, seconds: int, margin: float) -> Stock:
        """Requests for one run of ``seconds`` at ``rate``."""
        ...

    def processes(self) -> Mapping[str, cpu.Group]: ...

    def observe(self) -> Callable[[Load], Mapping[str, float]]:
        """Called before a run; what it returns is called after it, checks the run and tells what the server saw.

        :raises BenchError: the server did not keep what it promises (an event, an audit record per request).
        """
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One load on one side.

    :param busy: CPU seconds per second of each group of processes, of the ``load generator``, of the whole ``machine``,
        and ``elsewhere``: by the kernel for nobody in particular, and by programs that have no part in this.
    :param seen: means that the server itself reported, by name.
    """

    load: Load
    busy: Mapping[str, float]
    seen: Mapping[str, float]


def run_side(side: Side, stock: Stock, level: int, seconds: int) -> Run:
    """Load one side, and read before and after what it spends and says."""
    groups, observed = side.processes(), side.observe()
    before = cpu.read_meter(groups)
    load = run_load(side.site.endpoint, stock, level, seconds)
    spent = cpu.read_meter(groups).since(before)
    busy = {name: total / load.seconds for name, total in spent.groups.items()}
    busy["load generator"] = load.generator_cpu / load.seconds
    machine = spent.machine / load.seconds
    busy |= {"elsewhere": max(0.0, machine - sum(busy.values())), "machine": machine}
    return Run(load, busy, observed(load))


@dataclass(frozen=True, slots=True)
class Result:
    """All measured runs of one side at one number of connections."""

    runs: Sequence[Run]

    @property
    def rate(self) -> float:
        return median(run.load.rate for run in self.runs)

    @property
    def rates(self) -> list[float]:
        return [run.load.rate for run in self.runs]

    @property
    def p50_ms(self) -> float:
        return median(run.load.p50_ms for run in self.runs)

    @property
    def p99_ms(self) -> float:
        return median(run.load.p99_ms for run in self.runs)

    @property
    def spread(self) -> float:
        """(fastest - slowest) / median of the rounds' rates."""
        return (max(self.rates) - min(self.rates)) / self.rate

    def busy(self) -> dict[str, float]:
        return _medians([run.busy for run in self.runs])

    def seen(self) -> dict[str, float]:
        return _medians([run.seen for run in self.runs])


@dataclass(slots=True)
class Contest:
    """:param threads: of wrk, at most one per connection.
    :param progress: told after each run.
    :param run: side, stock, connections, seconds -> what was measured.
    """

    sides: Sequence[Side]
    levels: Sequence[int]
    rounds: int
    seconds: int
    threads: int
    progress: Callable[[str], None]
    run: Callable[[Side, Stock, int, int], Run] = run_side
    _runs: dict[tuple[str, int], list[Run]] = field(default_factory=dict)
    _fastest: dict[tuple[str, int], float] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """How often ``progress`` is told."""
        return len(self.sides) * len(self.levels) * (self.rounds + 1)

    def hold(self) -> Mapping[tuple[str, int], Result]:
        """Measure everything: (side's name, connections) -> result."""
        for side, level in self._order(0):
            self._measure(side, level, WARM_UP_SECONDS)
            self.progress(f"warming up: {side.name}, {_connections(level)}")
        for number in range(self.rounds):
            for side, level in self._order(number):
                run = self._measure(side, level, self.seconds)
                self._runs.setdefault((side.name, level), []).append(run)
                self.progress(f"round {number + 1}: {side.name}, {_connections(level)}")
        return {key: Result(runs) for key, runs in self._runs.items()}

    def _order(self, number: int) -> Iterator[tuple[Side, int]]:
        sides = list(self.sides) if number % 2 == 0 else list(reversed(self.sides))
        return ((side, level) for level in self.levels for side in sides)

    def _measure(self, side: Side, level: int, seconds: int) -> Run:
        expected = max(self._fastest.get((side.name, level), RATE_GUESS), RATE_LEAST)
        for attempt in range(ATTEMPTS):
            try:
                run = self._attempt(side, level, seconds, expected * 2**attempt)
            except StockUsedUpError:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                self._fastest[side.name, level] = max(self._fastest.get((side.name, level), 0.0), run.load.rate)
                return run
        raise AssertionError("the last attempt returns or raises")

    def _attempt(self, side: Side, level: int, seconds: int, expected: float) -> Run:
        stock = side.stock(min(self.threads, level), expected, seconds, MARGIN)
        try:
            return self.run(side, stock, level, seconds)
        except BenchError as failure:
            raise type(failure)(f"{side.name}, {_connections(level)}: {failure}") from None
        finally:
            stock.discard()


def _medians(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = {name: None for row in rows for name in row}
    return {name: median(row[name] for row in rows if name in row) for name in names}


def _connections(level: int) -> str:
    return "1 connection" if level == 1 else f"{level} connections"
