"""Prometheus metrics of one process. ``api`` exposes them, summed over all workers (multiprocess mode).

Names follow Prometheus' conventions: base units, ``_total`` for counters. No label ever holds an identifier of a caller
or a key: their number is not bounded.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)

REQUESTS = Counter(
    "key_ledger_requests_total", "Requests by operation and code (OK or the error's).", ("operation", "code")
)
REQUEST_SECONDS = Histogram(
    "key_ledger_request_seconds", "From the request's last byte to the answer.", ("operation",), buckets=_FAST
)
THROTTLED = Counter(
    "key_ledger_throttled_total", "Calls refused by a rate limit: of the account or the principal.", ("limit",)
)
BATCH_SIZE = Histogram(
    "key_ledger_batch_submissions", "Submissions per commit.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
COMMIT_SECONDS = Histogram("key_ledger_commit_seconds", "Round trip of one append, durable.", buckets=_FAST)
QUEUE_DEPTH = Histogram(
    "key_ledger_queue_submissions",
    "Submissions waiting when a batch was taken.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
)
HSM_SECONDS = Histogram("key_ledger_hsm_seconds", "Time in the HSM by operation.", ("operation",), buckets=_FAST)
HANDLES = Counter(
    "key_ledger_hsm_handles_total", "Lookups of unwrapped handles (hit, miss), and handles evicted.", ("result",)
)

# Gauges of the projector's process, whichever of its lives set them last.
PROJECTION_POSITION = Gauge(
    "key_ledger_projection_position",
    "Position of the last event that a projection has taken.",
    ("projection",),
    multiprocess_mode="mostrecent",
)
PROJECTION_BEHIND = Gauge(
    "key_ledger_projection_behind_events",
    "Events between a projection and the ledger's head; 0 where it has taken all that concern it.",
    ("projection",),
    multiprocess_mode="mostrecent",
)
PROJECTION_STOPPED = Gauge(
    "key_ledger_projection_stopped",
    "1 where an event that it cannot take has stopped a projection.",
    ("projection",),
    multiprocess_mode="mostrecent",
)
