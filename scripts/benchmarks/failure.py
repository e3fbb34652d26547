"""The one error of the benchmarks. Its message is a sentence that says what to do."""

from __future__ import annotations


class BenchError(Exception):
    """A measurement could not be made, or is not valid. Shown without a traceback; the exit status is 1."""
