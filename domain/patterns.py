"""Texts with ``*`` (any run of characters, also none) and ``?`` (exactly one), as actions and resources have them.

Matching never goes back over what it has matched: each part between two stars is taken where it is found first, which
is right because a later place only leaves less text for the rest. So the time is bounded by the lengths of pattern and
text multiplied, and is linear where a part has no ``?``. There is no regular expression in it, so nothing in a pattern
can become one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Matches = Callable[[str], bool]


def matcher(pattern: str) -> Matches:
    """Whether a whole text is matched by ``pattern``; the letters' case counts."""
    return any_of((pattern,))


def any_of(patterns: Iterable[str]) -> Matches:
    """Whether a whole text is matched by at least one of ``patterns``.

    Compiled to the fewest steps: what has no wildcard is one look into a set, what ends in its only wildcard is one
    comparison of beginnings. Such are nearly all patterns that people write.
    """
    literals: set[str] = set()
    beginnings: list[str] = []
    globs: list[_Glob] = []
    for pattern in patterns:
        if "*" not in pattern and "?" not in pattern:
            literals.add(pattern)
        elif pattern.endswith("*") and "?" not in pattern and "*" not in pattern[:-1]:
            beginnings.append(pattern[:-1])
        else:
            globs.append(_Glob(pattern))
    return _combined(frozenset(literals), tuple(beginnings), tuple(globs))


def _combined(literals: frozenset[str], beginnings: tuple[str, ...], globs: tuple[_Glob, ...]) -> Matches:
    if "" in beginnings:
        return _anything
    if not beginnings and not globs:
        return literals.__contains__
    if not globs:
        return lambda text: text in literals or text.startswith(beginnings)
    return lambda text: text in literals or text.startswith(beginnings) or any(glob.matches(text) for glob in globs)


def _anything(_: str) -> bool:
    return True


class _Glob:
    """A pattern with a wildcard anywhere: what it begins with, what it ends with, and the parts in between."""

    __slots__ = ("_between", "_first", "_last")

    def __init__(self, pattern: str) -> None:
        first, *rest = pattern.split("*")
        self._first = _Part(first)
        self._last = _Part(rest.pop()) if rest else None
        self._between = tuple(_Part(part) for part in rest if part)

    def matches(self, text: str) -> bool:
        if self._last is None:
            return len(text) == self._first.length and self._first.stands_at(text, 0)
        at, end = self._first.length, len(text) - self._last.length
        if end < at or not self._first.stands_at(text, 0) or not self._last.stands_at(text, end):
            return False
        for part in self._between:
            at = part.find(text, at, end)
            if at < 0:
                return False
            at += part.length
        return True


class _Part:
    """What stands between two stars: literal pieces at fixed distances, with a ``?`` for each character between."""

    __slots__ = ("_anchor", "_anchor_at", "_pieces", "length")

    def __init__(self, part: str) -> None:
        self.length = len(part)
        self._pieces = _pieces(part)
        self._anchor_at, self._anchor = max(self._pieces, key=lambda piece: len(piece[1]), default=(0, ""))

    def stands_at(self, text: str, at: int) -> bool:
        return all(text.startswith(piece, at + offset) for offset, piece in self._pieces)

    def find(self, text: str, start: int, end: int) -> int:
        """The first place within ``text[start:end]`` where this stands; -1 for nowhere."""
        at = start
        while at + self.length <= end:
            found = text.find(self._anchor, at + self._anchor_at, end)
            if found < 0:
                return -1
            at = found - self._anchor_at
            if at + self.length > end:
                return -1
            if self.stands_at(text, at):
                return at
            at += 1
        return -1


def _pieces(part: str) -> tuple[tuple[int, str], ...]:
    """``a??bc`` is ``a`` at 0 and ``bc`` at 3."""
    pieces, at = [], 0
    for piece in part.split("?"):
        if piece:
            pieces.append((at, piece))
        at += len(piece) + 1
    return tuple(pieces)
