"""Texts with ``*`` (any run of characters, also none) and ``?`` (exactly one), as actions and resources have them.

Matching never goes back over what it has matched, whatever the pattern: its time grows with the length of the text, and
no more than linearly with that of the pattern. There is no regular expression in it, so nothing in a pattern can become
one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Matches = Callable[[str], bool]


def any_of(patterns: Iterable[str]) -> Matches:
    """Whether a whole text is matched by at least one of ``patterns``; the letters' case counts.

    Compiled to the fewest steps: what has no wildcard is one look into a set, what ends in its only wildcard is one
    comparison of beginnings. Such are nearly all patterns that people write.
    """
    literals: set[str] = set()
    beginnings: list[str] = []
    globs: list[Matches] = []
    for pattern in patterns:
        if "?" in pattern:
            globs.append(_with_question_marks(pattern))
        elif "*" not in pattern:
            literals.add(pattern)
        elif pattern.strip("*") == "" or pattern.index("*") == len(pattern) - 1:
            beginnings.append(pattern.rstrip("*"))
        else:
            globs.append(_with_stars(pattern))
    return _combined(frozenset(literals), tuple(beginnings), tuple(globs))


def _combined(literals: frozenset[str], beginnings: tuple[str, ...], globs: tuple[Matches, ...]) -> Matches:
    if "" in beginnings:
        return _anything
    if not beginnings and not globs:
        return literals.__contains__
    if not globs:
        return lambda text: text in literals or text.startswith(beginnings)
    if not beginnings and len(globs) == 1:
        (glob,) = globs
        return lambda text: text in literals or glob(text)
    return lambda text: text in literals or text.startswith(beginnings) or any(glob(text) for glob in globs)


def _anything(_: str) -> bool:
    return True


def _with_stars(pattern: str) -> Matches:
    """For a pattern without ``?``: what it begins with, what it ends with, and the parts in between, each of which is
    taken where it is found first: a later place would only leave less text for the rest.
    """
    first, *rest = pattern.split("*")
    last = rest.pop()
    between = tuple(part for part in rest if part)

    def matches(text: str) -> bool:
        if not (text.startswith(first) and text.endswith(last)):
            return False
        at, end = len(first), len(text) - len(last)
        for part in between:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
        return at <= end

    return matches


def _with_question_marks(pattern: str) -> Matches:
    """For any pattern, by the bits of one integer: bit ``n`` says that the text so far is matched by the first ``n``
    characters of the pattern, stars not counted. Each character of the text takes one step of all bits at once: the
    algorithm Shift-And of Baeza-Yates and Gonnet, with stars as places where a bit may stay.
    """
    stays, anything, length = 0, 0, 0
    masks: dict[str, int] = {}
    for character in pattern:
        here = 1 << length
        if character == "*":
            stays |= here
            continue
        length += 1
        if character == "?":
            anything |= here
        else:
            masks[character] = masks.get(character, 0) | here
    steps = {character: mask | anything for character, mask in masks.items()}

    def matches(text: str) -> bool:
        state = 1
        for character in text:
            state = (state & steps.get(character, anything)) << 1 | state & stays
        return state >> length == 1

    return matches
