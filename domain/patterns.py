"""Texts with ``*`` (any run of characters, also none) and ``?`` (exactly one), as actions and resources have them.

Matching never goes back over what it has matched: each part between two stars is taken where it is found first, which
is right because a later place only leaves less text for the rest. So the time is bounded by the lengths of pattern and
text multiplied, and is linear where a part has no ``?``. There is no regular expression in it, so nothing in a pattern
can become one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

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

    def matches(text: str) -> bool:
        if text in literals or text.startswith(beginnings):
            return True
        for glob in globs:  # noqa: SIM110 - any() on a generator costs as much as three patterns
            if glob(text):
                return True
        return False

    return matches


def _anything(_: str) -> bool:
    return True


def _with_stars(pattern: str) -> Matches:
    """For a pattern without ``?``: what it begins with, what it ends with, and what must be found in between."""
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
    """The same for any pattern."""
    first, *rest = [_Part(part) for part in pattern.split("*")]
    if not rest:
        return lambda text: len(text) == first.length and first.stands_at(text, 0)
    last = rest.pop()

    def matches(text: str) -> bool:
        at, end = first.length, len(text) - last.length
        if end < at or not first.stands_at(text, 0) or not last.stands_at(text, end):
            return False
        for part in rest:
            at = part.find(text, at, end)
            if at < 0:
                return False
            at += part.length
        return True

    return matches


class _Part:
    """What stands between two stars: literal pieces at fixed distances, with a ``?`` for each character between."""

    __slots__ = ("_anchor", "_offset", "_pieces", "length")

    def __init__(self, part: str) -> None:
        self.length = len(part)
        self._pieces = _pieces(part)
        self._offset, self._anchor = max(self._pieces, key=lambda piece: len(piece[1]), default=(0, ""))

    def stands_at(self, text: str, at: int) -> bool:
        return all(text.startswith(piece, at + offset) for offset, piece in self._pieces)

    def find(self, text: str, start: int, end: int) -> int:
        """The first place from ``start`` on where all of this stands before ``end``; -1 for nowhere."""
        latest = end - self.length
        at = text.find(self._anchor, start + self._offset, end) - self._offset
        while start <= at <= latest:
            if self.stands_at(text, at):
                return at
            at = text.find(self._anchor, at + self._offset + 1, end) - self._offset
        return -1


def _pieces(part: str) -> Sequence[tuple[int, str]]:
    """``a??bc`` is ``a`` at 0 and ``bc`` at 3."""
    pieces, at = [], 0
    for piece in part.split("?"):
        if piece:
            pieces.append((at, piece))
        at += len(piece) + 1
    return pieces
