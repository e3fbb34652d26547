"""What it costs to ask a large ledger: pages, counts and exports of the audit trail, and how fast it is rebuilt.

Over the wire, as an auditor's tools ask, one question at a time. A question that is refused, and an export with fewer
lines than the ledger has events, make the run invalid.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final
from urllib.parse import urlencode

import psutil
import psycopg
from rich.console import Console

from scripts.benchmarks.deployment import KeyLedger, started
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.growth import wait_until_quiet
from scripts.benchmarks.mixed import Mixed, basic, mix
from scripts.benchmarks.populate import LIFE, Wanted, request_id
from scripts.benchmarks.report import print_table

PAGE: Final = 100
PAGE_LIMIT_MS: Final = 50.0
COUNT_LIMIT_SECONDS: Final = 1.0
EXPORT_LIMIT: Final = 50_000.0
"""Rows per second, at least."""

REBUILD_LIMIT: Final = 20_000.0
"""Events per second, at least, before rows are compared."""

STALE: Final = 0.05
"""Rows that the database's statistics may not know."""

COUNTED_SECONDS_MAX: Final = 240

_CHUNK: Final = 1 << 20
_RARE: Final = "203.0.113.99"
"""An address that nobody called from."""


@dataclass(frozen=True, slots=True)
class Plan:
    """:param asks: how often each question is asked, each time with other values where it has any."""

    wanted: Wanted
    asks: int
    workers: int | None


@dataclass(frozen=True, slots=True)
class Listener:
    """Told what goes on, with the number of events or questions since it was told last."""

    populating: Callable[[str, int], None]
    asking: Callable[[str, int], None]


def measure(plan: Plan, folder: Path, tell: Listener) -> dict[str, Any]:
    """Start, populate, ask, stop; the report that ``--json`` prints."""
    with started(folder / "key-ledger", plan.workers) as server:
        began = time.perf_counter()
        mixed = mix(server, plan.wanted, lambda done: tell.populating("recording", done))
        recorded = plan.wanted.events / (time.perf_counter() - began)
        tell.populating("waiting until the trail has caught up", 0)
        _caught_up(server)
        _counted(server)
        wait_until_quiet(server)
        questions = _questions(mixed)
        pages = {name: _pages(server, name, asked, plan.asks, tell) for name, asked in questions.items()}
        count = _count(server, plan.asks, tell)
        exports = {form: _export(server, form, tell) for form in ("ndjson", "csv")}
        rebuilt = _rebuilt(folder / "key-ledger", tell)
        return {
            "events": server.events(),
            "recorded_per_second": round(recorded),
            "rebuilt_per_second": rebuilt,
            "rebuild_limit_per_second": REBUILD_LIMIT,
            "pages": pages,
            "worst_page_p95_ms": max(page["p95_ms"] for page in pages.values()),
            "page_limit_ms": PAGE_LIMIT_MS,
            "count_by_principal_seconds": count,
            "count_limit_seconds": COUNT_LIMIT_SECONDS,
            "exports": exports,
            "export_limit_per_second": EXPORT_LIMIT,
        }


# --- the projection --------------------------------------------------------------------------------------------------


def _caught_up(server: KeyLedger) -> None:
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        while _behind(connection):
            time.sleep(0.05)


def _counted(server: KeyLedger) -> None:
    """Until the database has statistics of the trail, which it makes by itself now and then. A month grows slowly
    enough for them, a bench does not. Gives up after some minutes: the questions are then planned as badly as they are.
    """
    deadline = time.monotonic() + COUNTED_SECONDS_MAX
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            (stale,) = connection.execute(
                "select max(n_mod_since_analyze / greatest(n_live_tup, 1.0)) from pg_stat_user_tables"
                " where relname ~ '^audit_trail_[0-9]'"
            ).fetchone() or (None,)
            if stale is not None and stale < STALE:
                return
            time.sleep(1)


def _behind(connection: psycopg.Connection[Any]) -> int:
    (behind,) = connection.execute(
        "select (select next_position - 1 from ledger.ledger_head) -"
        " coalesce((select notification_id from projections.tracking where application_name = 'audit_trail'), 0)"
    ).fetchone() or (0,)
    return int(behind)


def _rebuilt(data: Path, tell: Listener) -> int:
    """Events per second of all projections, made from the first event and compared with the live tables."""
    tell.populating("rebuilding all projections", 0)
    command = [sys.executable, "-P", "-m", "scripts.rebuild_projections", "--data", str(data), "--check", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"The rebuild ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    rate: int = json.loads(done.stdout)["events_per_second"]
    return rate


# --- pages -----------------------------------------------------------------------------------------------------------


def _questions(mixed: Mixed) -> dict[str, list[dict[str, str]]]:
    """By what is filtered: the filters to ask with, in turn."""
    keys = [{"key_id": str(key_id)} for key_id in mixed.key_ids]
    principals = [{"principal": principal} for principal in mixed.principals]
    return {
        "nothing": [{}],
        "key": keys,
        "principal": principals,
        "access key": [{"access_key_id": access_key_id} for access_key_id in mixed.access_key_ids],
        "operation": [{"operation": name} for name in ("Encrypt", "DisableKey", "DescribeKey", "CreateKey")],
        "outcome": [{"outcome": name} for name in ("used", "changed", "read", "refused", "unauthenticated")],
        "error": [{"error_code": code} for code in ("Forbidden.NoPermission", "Rejected.Disabled", "No.Such")],
        "source": [{"source_ip": source} for source in (*mixed.sources, _RARE)],
        "client": [{"user_agent": "curl*"}, {"user_agent": "AlibabaCloud (Linux; x86_64)*"}, {"user_agent": "none"}],
        "context": [{"context.purpose": "tls"}, {"context.purpose": "nothing"}],
        "key and principal": [{**a, **b} for a, b in zip(keys, _cycled(principals, len(keys)), strict=True)],
        "key and refused": [{**key, "outcome": "refused"} for key in keys],
        "principal and source": [{**one, "source_ip": mixed.sources[n]} for n, one in enumerate(principals)],
        "request": [{"request_id": "00000000-0000-4000-8000-000000000000"}, *_requests()],
        "topic": [
            {"topic": topic} for topic in ("ram.*", "kms.key.created", "kms.key.disabled,kms.key.enabled", "sts.*")
        ],
        "beginning": [
            *({"access_key_id": f"{access_key_id[:9]}*"} for access_key_id in mixed.access_key_ids),
            *({name: "zz*"} for name in ("access_key_id", "user_name", "user_agent")),
            *({name: f"{principal[:-2]}*"} for principal in mixed.principals for name in ("principal", "assumed_by")),
        ],
        "user and outcome": [
            {"user_name": name, "outcome": outcome} for name in _names(mixed) for outcome in _OUTCOMES
        ],
        "user, operation and context": [
            {"user_name": name, "operation": operation, "context.purpose": purpose}
            for name in _names(mixed)
            for operation, purpose in (("Decrypt", "tls"), ("CreateKey", "tls"), ("Encrypt", "nothing"))
        ],
        "source and outcome": [
            {"source_ip": source, "outcome": outcome} for source in mixed.sources for outcome in _OUTCOMES
        ],
        "network": [{"source_ip": network} for network in ("192.0.2.0/30", "192.0.2.64/26", "203.0.113.0/24", "::/0")],
        "key and day": [{**key, **day} for key, day in zip(keys, _cycled(_days(), len(keys)), strict=True)],
        "user and day": [{"user_name": name, **day} for name in _names(mixed) for day in _days()],
    }


_OUTCOMES: Final = ("used", "changed", "read", "refused", "unauthenticated")


def _names(mixed: Mixed) -> list[str]:
    return [principal.rpartition("/")[2] for principal in mixed.principals]


def _requests() -> list[dict[str, str]]:
    """That nobody made, at times when others were made."""
    now = datetime.now(UTC)
    return [{"request_id": str(request_id(now - LIFE * part / 16))} for part in range(16)]


def _days() -> list[dict[str, str]]:
    """All was recorded today."""
    today = datetime.now(UTC).date()
    return [{"from": f"{today - timedelta(days=ago + 1)}", "to": f"{today - timedelta(days=ago)}"} for ago in range(3)]


def _cycled(items: Sequence[Any], number: int) -> list[Any]:
    return [items[n % len(items)] for n in range(number)]


def _pages(
    server: KeyLedger, name: str, questions: Sequence[Mapping[str, str]], asks: int, tell: Listener
) -> dict[str, float]:
    """First pages and, where there are more rows, the ones behind them."""
    times = []
    connection = server.site.connection(timeout_seconds=120)
    try:
        for number in range(asks):
            filters: dict[str, str] = {**questions[number % len(questions)], "limit": str(PAGE)}
            for _ in range(2):
                began = time.perf_counter()
                answer = _asked(connection, server, "/audit/events", filters)
                times.append(1e3 * (time.perf_counter() - began))
                if "next_cursor" not in answer:
                    break
                filters["cursor"] = answer["next_cursor"]
            tell.asking(f"pages by {name}", 1)
    finally:
        connection.close()
    return {"p50_ms": round(median(times), 2), "p95_ms": round(quantiles(times, n=20)[18], 2), "asked": len(times)}


def _count(server: KeyLedger, asks: int, tell: Listener) -> float:
    """Seconds, in the median: all that was recorded, which is less than a month old, by principal."""
    times, connection = [], server.site.connection(timeout_seconds=120)
    try:
        for _ in range(max(3, asks // 10)):
            began = time.perf_counter()
            answer = _asked(connection, server, "/audit/counts", {"by": "principal"})
            times.append(time.perf_counter() - began)
            if not answer["groups"]:
                raise BenchError("The trail counts nobody.")
            tell.asking("counts by principal", 1)
    finally:
        connection.close()
    return round(median(times), 3)


def _asked(connection: HTTPConnection, server: KeyLedger, path: str, filters: Mapping[str, str]) -> dict[str, Any]:
    connection.request("GET", f"{path}?{urlencode(filters)}", headers=basic(server))
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise BenchError(f"{path} {dict(filters)}: {response.status} {body[:300]!r}")
    answer: dict[str, Any] = json.loads(body)
    return answer


# --- exports ---------------------------------------------------------------------------------------------------------


def _export(server: KeyLedger, form: str, tell: Listener) -> dict[str, float]:
    """Of the whole trail. ``memory_mib`` is what the workers' memory grew by, at its highest."""
    workers = [psutil.Process(process_id) for process_id in server.processes()["workers"]]
    before = _memory(workers)
    connection, highest, rows = server.site.connection(timeout_seconds=600), before, 0
    began = time.perf_counter()
    try:
        connection.request("GET", f"/audit/export?{urlencode({'format': form})}", headers=basic(server))
        response = connection.getresponse()
        if response.status != 200:
            raise BenchError(f"The export was refused: {response.status} {response.read()[:300]!r}")
        for chunk in _chunks(response):
            rows += chunk.count(b"\n")
            highest = max(highest, _memory(workers))
    finally:
        connection.close()
    seconds = time.perf_counter() - began
    tell.asking(f"export as {form}", 1)
    if rows < server.events() - 1_000:
        raise BenchError(f"The export has {rows} lines; the ledger has {server.events()} events.")
    return {"rows_per_second": round(rows / seconds), "memory_mib": round((highest - before) / 2**20, 1)}


def _chunks(response: Any) -> Iterator[bytes]:
    while chunk := response.read1(_CHUNK):
        yield chunk


def _memory(processes: Sequence[psutil.Process]) -> int:
    return sum(process.memory_info().rss for process in processes)


# --- the report ------------------------------------------------------------------------------------------------------


def print_trail(report: Mapping[str, Any], console: Console) -> None:
    limit = report["page_limit_ms"]
    rows = [
        [name, f"{page['p50_ms']:.1f}", f"{page['p95_ms']:.1f}", f"{page['p95_ms'] / limit:.2f}", f"{page['asked']}"]
        for name, page in report["pages"].items()
    ]
    title = f"Pages of {PAGE} rows of a trail of {report['events']:,} events, by what is asked for"
    print_table(console, title, ["filter", "p50 ms", "p95 ms", f"p95 / {limit:g} ms", "asked"], rows)
    seconds, count_limit = report["count_by_principal_seconds"], report["count_limit_seconds"]
    console.print(
        f"Counted by principal in {seconds:.2f} s: {seconds / count_limit:.2f} of the limit.", highlight=False
    )
    for form, export in report["exports"].items():
        rate = export["rows_per_second"]
        ratio = rate / report["export_limit_per_second"]
        said = f"{rate:,} rows/s ({ratio:.2f} of what is asked for), workers' memory +{export['memory_mib']:.1f} MiB"
        console.print(f"Export as {form}: {said}.", highlight=False)
    rebuilt, limit = report["rebuilt_per_second"], report["rebuild_limit_per_second"]
    said = f"{rebuilt:,} events/s ({rebuilt / limit:.2f} of what is asked for)"
    console.print(f"All projections rebuilt at {said}, row for row what stood.", highlight=False)
