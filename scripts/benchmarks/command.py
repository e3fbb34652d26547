"""``scripts/bench``: the command line of the measurements.

Results go to standard output, progress to standard error. Exit status 1 and one sentence where a measurement could not
be made or is not valid.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from scripts.benchmarks import authorisation, comparison, growth, projector, ram_scale, trail, verification
from scripts.benchmarks.comparison import file_system_of
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.permissions import POLICIES_MAX
from scripts.benchmarks.populate import Wanted
from scripts.benchmarks.ram_account import Size
from scripts.benchmarks.ram_report import print_ram_scale
from scripts.benchmarks.report import consoles, print_growth, print_report
from scripts.benchmarks.signing import FAMILIES
from scripts.benchmarks.stockpile import Stockpile, stockpile

app = typer.Typer(
    help="Measure Key Ledger: beside OpenBao's transit engine, as its ledger grows, and what permission costs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
output, progress_output = consoles()

SCRATCH: Final = Path("/var/tmp")  # noqa: S108 - the folder made in it is private
"""On a disk by the file system's standard, where /tmp may lie in memory."""

Rounds = Annotated[int, typer.Option(min=1, help="Measured rounds; both sides take turns at going first.")]
Seconds = Annotated[int, typer.Option(min=1, help="Length of one measurement.")]
Levels = Annotated[str, typer.Option(help="Numbers of connections, separated by commas.")]
Workers = Annotated[int | None, typer.Option(min=1, help="API workers of the deployment that is started.")]
Threads = Annotated[int, typer.Option(min=1, help="Threads of wrk, for both sides.")]
Signatures = Annotated[str, typer.Option(help="acs3 (the Tea SDK) or rpc (the classic SDK).")]
Data = Annotated[
    Path | None, typer.Option(help="Data folder of a running scripts/up to measure instead of an own one.")
]
Endpoint = Annotated[str | None, typer.Option(help="Where it listens, if not as its credentials.json says.")]
Alone = Annotated[bool, typer.Option("--alone", help="Without OpenBao, and without a ratio.")]
Scratch = Annotated[Path, typer.Option(help="Where both servers write. A real disk: durability is being measured.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]


def _comparison(name: str, operation: str) -> None:
    def command(
        *,
        rounds: Rounds = 5,
        seconds: Seconds = 8,
        levels: Levels = "1,16,64",
        workers: Workers = None,
        threads: Threads = 1,
        signatures: Signatures = "acs3",
        data: Data = None,
        endpoint: Endpoint = None,
        alone: Alone = False,
        scratch: Scratch = SCRATCH,
        as_json: AsJson = False,
    ) -> None:
        if endpoint is not None and data is None:
            _give_up("--endpoint needs --data as well: the folder that has the server's credentials.json.")
        plan = comparison.Plan(
            operation, _numbers(levels), rounds, seconds, workers, _family(signatures), threads, data, endpoint, alone
        )
        with _ready(scratch) as (folder, stock), _progress() as bar:

            def listen(steps: int) -> Callable[[str], None]:
                task = bar.add_task(f"{operation}", total=steps)
                return lambda done: bar.update(task, advance=1, description=f"{operation}: {done}")

            report = comparison.compare(plan, folder, stock, listen)
        _show(report, as_json, lambda: print_report(report, output))

    app.command(name, help=f"Durable, signed, guarded {operation} per second, beside OpenBao.")(command)


_comparison("encrypt", "Encrypt")
_comparison("decrypt", "Decrypt")
_comparison("generate-data-key", "GenerateDataKey")


@app.command("growth")
def measure_growth(
    *,
    rounds: Rounds = 5,
    seconds: Seconds = 4,
    sizes: Annotated[str, typer.Option(help="CMKs:events of each deployment, separated by commas.")] = ",".join(
        f"{size.keys}:{size.events}" for size in growth.SIZES
    ),
    keys_in_use: Annotated[int, typer.Option(min=0, help="CMKs that requests go to; 0: every one there is.")] = 100,
    workers: Workers = None,
    threads: Threads = 1,
    signatures: Signatures = "acs3",
    scratch: Scratch = SCRATCH,
    as_json: AsJson = False,
) -> None:
    """What Encrypt and DescribeKey cost as CMKs and events become more."""
    plan = growth.Plan(_sizes(sizes), keys_in_use, rounds, seconds, workers, _family(signatures), threads)
    with _ready(scratch) as (folder, stock), _progress() as bar:
        made = sum(max(size.keys, size.events) for size in plan.sizes)
        populating = bar.add_task("populating", total=made)
        runs = len(plan.sizes) * (rounds + 1) * len(growth.OPERATIONS)
        measuring = bar.add_task("measuring", total=runs)

        listener = growth.Listener(
            populating=lambda what, done: bar.update(populating, advance=done, description=what),
            measuring=lambda what: bar.update(measuring, advance=1, description=what),
        )
        report = growth.measure_growth(plan, folder, stock, listener)
    _show(report, as_json, lambda: print_growth(report, output))


@app.command("authorisation")
def measure_authorisation(
    *,
    policies: Annotated[int, typer.Option(min=1, max=POLICIES_MAX, help="Attached to the caller.")] = 20,
    rounds: Rounds = 9,
    alone: Annotated[bool, typer.Option("--alone", help="Without Cedar, and without ratios.")] = False,
    as_json: AsJson = False,
) -> None:
    """What it costs to decide whether a caller may, beside Cedar. Needs no server and no disk."""
    with _progress() as bar:
        task = bar.add_task("asking", total=rounds)
        plan = authorisation.Plan(policies, rounds, alone)
        report = authorisation.measure(plan, lambda done: bar.update(task, advance=1, description=done))
    _show(report, as_json, lambda: authorisation.print_authorisation(report, output))


@app.command("ram-scale")
def measure_ram_scale(
    *,
    users: Annotated[int, typer.Option(min=2, help="Of the account, each in a group.")] = 10_000,
    policies: Annotated[int, typer.Option(min=2, help="Custom policies of the account.")] = 1_000,
    calls: Annotated[int, typer.Option(min=1, help="Measured calls of each kind.")] = 300,
    restarts: Annotated[int, typer.Option(min=0, help="How often all workers are killed.")] = 3,
    workers: Workers = None,
    scratch: Scratch = SCRATCH,
    as_json: AsJson = False,
) -> None:
    """What AssumeRole, a new caller and a change of RAM cost in a large account."""
    plan = ram_scale.Plan(Size(users, policies), calls, restarts, workers)
    with _folder(scratch) as folder, _progress() as bar:
        made, measured = ram_scale.steps(plan)
        making, measuring = bar.add_task("making the account", total=made), bar.add_task("measuring", total=measured)
        listener = ram_scale.Listener(
            making=lambda done: bar.update(making, advance=done),
            measuring=lambda what: bar.update(measuring, advance=1, description=what),
        )
        report = ram_scale.measure(plan, folder, listener)
    _show(report, as_json, lambda: print_ram_scale(report, output))


@app.command("ledger")
def measure_ledger(
    *,
    events: Annotated[int, typer.Option(min=1_000, help="That the ledger holds.")] = 1_000_000,
    keys: Annotated[int, typer.Option(min=1, help="CMKs that they are about.")] = 150,
    asks: Annotated[int, typer.Option(min=20, help="How often each question is asked.")] = 60,
    workers: Workers = None,
    scratch: Scratch = SCRATCH,
    as_json: AsJson = False,
) -> None:
    """Make a large ledger of mixed events, and ask its audit trail: pages, counts, exports."""
    plan = trail.Plan(Wanted(keys, events), asks, workers)
    with _folder(scratch) as folder, _progress() as bar:
        populating = bar.add_task("recording", total=events)
        asking = bar.add_task("asking", total=14 * asks + max(3, asks // 10) + 2)
        listener = trail.Listener(
            populating=lambda what, done: bar.update(populating, advance=done, description=what),
            asking=lambda what, done: bar.update(asking, advance=done, description=what),
        )
        report = trail.measure(plan, folder, listener)
    _show(report, as_json, lambda: trail.print_trail(report, output))


@app.command("projector")
def measure_projector(
    *,
    rounds: Rounds = 5,
    seconds: Annotated[int, typer.Option(min=1, max=projector.SECONDS_MAX, help="Length of one measurement.")] = 6,
    workers: Workers = None,
    threads: Threads = 1,
    scratch: Scratch = SCRATCH,
    as_json: AsJson = False,
) -> None:
    """What the projector costs Encrypt at full speed, and how far it falls behind."""
    plan = projector.Plan(rounds, seconds, workers, threads)
    with _ready(scratch) as (folder, stock), _progress() as bar:

        def listen(steps: int) -> Callable[[str], None]:
            task = bar.add_task("Encrypt", total=steps)
            return lambda done: bar.update(task, advance=1, description=done)

        report = projector.measure(plan, folder, stock, listen)
    _show(report, as_json, lambda: projector.print_projector(report, output))


@app.command("verification")
def measure_verification(
    *,
    users: Annotated[int, typer.Option(min=20, help="Of the account, each in a group.")] = 2_000,
    policies: Annotated[int, typer.Option(min=2, help="Custom policies of the account.")] = 200,
    events: Annotated[int, typer.Option(min=10, help="What is done in it.")] = 200_000,
    parts: Annotated[int, typer.Option(min=1, help="The ledger is verified after each.")] = 4,
    scratch: Scratch = SCRATCH,
    as_json: AsJson = False,
) -> None:
    """How fast verify_ledger replays a ledger, and whether its memory stays flat."""
    plan = verification.Plan(Size(users, policies), events, parts)
    with _folder(scratch) as folder, _progress() as bar:
        task = bar.add_task("making the ledger and verifying it", total=verification.steps(plan))
        report = verification.measure(plan, folder, lambda done: bar.update(task, advance=done))
    _show(report, as_json, lambda: verification.print_verification(report, output))


def main() -> None:
    """Exit status 0, or 1 after one sentence on standard error."""
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app(prog_name="scripts/bench")
    except BenchError as failure:
        _give_up(str(failure))


def _terminated(*_: object) -> NoReturn:
    """As Ctrl-C: the servers that were started are stopped on the way out."""
    raise SystemExit(143)


def _give_up(why: str) -> NoReturn:
    print(f"bench: {why}", file=sys.stderr)
    raise SystemExit(1)


def _numbers(text: str) -> list[int]:
    try:
        numbers = sorted({int(part) for part in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1:
        _give_up(f"--levels {text!r}: expected numbers of connections, such as 1,16,64.")
    return numbers


def _sizes(text: str) -> list[Wanted]:
    try:
        return [Wanted(*(int(number) for number in part.split(":"))) for part in text.split(",")]
    except (TypeError, ValueError):
        _give_up(f"--sizes {text!r}: expected CMKs:events, such as 100:10000,10000:100000.")


def _family(name: str) -> str:
    if name not in FAMILIES:
        _give_up(f"--signatures {name!r}: expected one of {', '.join(FAMILIES)}.")
    return name


@contextmanager
def _ready(scratch: Path) -> Iterator[tuple[Path, Stockpile]]:
    """A folder on the disk to be measured, and a stockpile; both gone afterwards."""
    if shutil.which("wrk") is None:
        raise BenchError("wrk is not installed; install it: apt-get install wrk.")
    with _folder(scratch) as folder, stockpile() as stock:
        yield folder, stock


@contextmanager
def _folder(scratch: Path) -> Iterator[Path]:
    if file_system_of(scratch) in {"tmpfs", "ramfs"}:
        raise BenchError(f"{scratch} lies in memory, where fsync costs nothing; name a folder on a disk by --scratch.")
    with tempfile.TemporaryDirectory(prefix="key-ledger-bench-", dir=scratch) as folder:
        # As root, PostgreSQL runs as a user of its own, who must get through to its cluster.
        Path(folder).chmod(0o711)
        yield Path(folder)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, console=progress_output, transient=True, disable=not progress_output.is_terminal)


def _show(report: dict[str, Any], as_json: bool, print_tables: Callable[[], None]) -> None:
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        print_tables()
