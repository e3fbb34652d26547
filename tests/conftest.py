"""What every test may ask for; each fixture's own module says what it gives."""

from __future__ import annotations

pytest_plugins = [
    "tests.fixtures.clusters",
    "tests.fixtures.hsm",
    "tests.fixtures.faults",
    "tests.fixtures.postgres",
    "tests.fixtures.service",
    "tests.fixtures.own_postgres",
]
