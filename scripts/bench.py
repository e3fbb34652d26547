"""``scripts/bench``: how fast it is, and what that costs as it grows. See :mod:`scripts.benchmarks`."""

from __future__ import annotations

from scripts.benchmarks.command import main

if __name__ == "__main__":
    main()
