"""Sums out of a Prometheus text page: enough to say how long batches, commits and the HSM took during a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from scripts.benchmarks.web import Site

WATCHED: Final = ("request_seconds", "batch_submissions", "commit_seconds", "hsm_seconds")
"""Histograms of ``adapters.metrics``, without their common prefix ``key_ledger_``."""

Sums = Mapping[str, tuple[float, float]]
"""Histogram -> (sum of what was observed, number of observations), over all labels."""


def read_sums(site: Site) -> Sums:
    """Empty where the server shows no metrics (to us)."""
    try:
        answer = site.ask("GET", "/metrics")
    except OSError:
        return {}
    return parse_sums(answer.body.decode()) if answer.status == 200 else {}


def parse_sums(page: str) -> Sums:
    sums = {name: [0.0, 0.0] for name in WATCHED}
    for family in text_string_to_metric_families(page):
        name = family.name.removeprefix("key_ledger_")
        if name in sums:
            for sample in family.samples:
                if sample.name.endswith(("_sum", "_count")):
                    sums[name][sample.name.endswith("_count")] += sample.value
    return {name: (total, count) for name, (total, count) in sums.items() if count}


def sums_between(before: Sums, after: Sums) -> Sums:
    """What was observed between two readings; histograms that saw nothing are left out."""
    between = {}
    for name, (total, count) in after.items():
        earlier_total, earlier_count = before.get(name, (0.0, 0.0))
        if count > earlier_count:
            between[name] = (total - earlier_total, count - earlier_count)
    return between
