"""What ``--context NAME=VALUE`` says, in every command that has it."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.envelope.failure import WrongUse


def parts_of(options: Iterable[str]) -> dict[str, str]:
    """Names and values; a value may contain further equals signs.

    :raises WrongUse: one of them has no name or no equals sign, or a name comes twice.
    """
    parts: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not name or not equals:
            raise WrongUse(
                f"--context {option!r} has no name or no equals sign.", "Write it like --context project=apollo ."
            )
        if name in parts:
            raise WrongUse(f"--context names {name!r} twice.", "Give each name once.")
        parts[name] = value
    return parts
