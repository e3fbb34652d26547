"""What ``--context NAME=VALUE`` says, in every command that has it, and options that are written likewise."""

from __future__ import annotations

from collections.abc import Iterable

from scripts.envelope.failure import WrongUse


def parts_of(options: Iterable[str], named: str = "--context", example: str = "project=apollo") -> dict[str, str]:
    """Names and values; a value may contain further equals signs.

    :param named: the option, as it is called. :param example: of what it takes.
    :raises WrongUse: one of them has no name or no equals sign, or a name comes twice.
    """
    parts: dict[str, str] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not name or not equals:
            raise WrongUse(f"{named} {option!r} has no name or no equals sign.", f"Write it like {named} {example} .")
        if name in parts:
            raise WrongUse(f"{named} names {name!r} twice.", "Give each name once.")
        parts[name] = value
    return parts
