"""What every test may ask for; each fixture's own module says what it gives."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "tests.fixtures.clusters",
    "tests.fixtures.hsm",
    "tests.fixtures.faults",
    "tests.fixtures.postgres",
    "tests.fixtures.service",
    "tests.fixtures.own_postgres",
]

# A shell's background job ignores Ctrl-C, and so would every process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes tells of the machine, and of whoever else works there.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
