"""Patterns of actions and resources: what they match, and that no pattern makes matching slow."""

from __future__ import annotations

import itertools
import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.patterns import any_of


def matched(pattern: str, text: str) -> bool:
    return any_of([pattern])(text)


def by_the_book(pattern: str, text: str) -> bool:
    """Every way to read it is tried: a star takes nothing, or one character and is still there."""

    @cache
    def rest(at: int, seen: int) -> bool:
        if at == len(pattern):
            return seen == len(text)
        if pattern[at] == "*":
            return rest(at + 1, seen) or (seen < len(text) and rest(at, seen + 1))
        return seen < len(text) and pattern[at] in ("?", text[seen]) and rest(at + 1, seen + 1)

    return rest(0, 0)


def words(letters: str, longest: int) -> list[str]:
    return ["".join(word) for length in range(longest + 1) for word in itertools.product(letters, repeat=length)]


def test_every_short_pattern_matches_every_short_text_as_the_book_says() -> None:
    for pattern in words("ab*?", 5):
        matches = any_of([pattern])
        for text in words("ab", 4):
            assert matches(text) == by_the_book(pattern, text), (pattern, text)


@given(st.text("ab.:*?\\[]()+{}|^$é\n", max_size=12), st.text("ab.:\\[]()+{}|^$é\n", max_size=14))
@settings(max_examples=500)
def test_characters_of_other_pattern_languages_mean_themselves(pattern: str, text: str) -> None:
    assert matched(pattern, text) == by_the_book(pattern, text)


@given(st.lists(st.text("ab*?", max_size=5), max_size=4), st.text("ab", max_size=6))
@settings(max_examples=500)
def test_several_patterns_match_where_one_of_them_does(patterns: list[str], text: str) -> None:
    assert any_of(patterns)(text) == any(by_the_book(pattern, text) for pattern in patterns)


@pytest.mark.parametrize(
    ("pattern", "text", "is_matched"),
    [
        ("acs:kms:*:*:key/*", "acs:kms:cn-hangzhou:1:key/2", True),
        ("acs:kms:*:*:key/*", "acs:kms:cn-hangzhou:1:key", False),
        ("acs:kms:*:*:key*", "acs:kms:cn-hangzhou:1:key", True),
        ("acs:kms:*:1:key/*", "acs:kms:cn-hangzhou:2:key/:1:key/", True),
        ("key/????", "key/1234", True),
        ("key/????", "key/123", False),
        ("?", "😈", True),
        ("*", "", True),
        ("", "", True),
        ("?*", "", False),
        ("a*a", "a", False),
        ("ab*ba", "aba", False),
        ("K", "k", False),
    ],
)
def test_published_forms(pattern: str, text: str, is_matched: bool) -> None:
    assert matched(pattern, text) is is_matched


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("*a" * 3_000 + "b", "a" * 8_000),
        ("*" * 6_000 + "b", "a" * 8_000),
        ("*aa" * 2_000 + "*b", "a" * 8_000),
        ("*a?a" * 1_500 + "b", "a" * 8_000),
        ("*" + "a?" * 1_000 + "b*", "a" * 8_000),
        ("*" + "?" * 3_000 + "b*", "a" * 8_000),
        ("*ab" * 2_000, "ab" * 1_999),
    ],
    ids=["stars", "only stars", "pairs", "question marks", "long part", "nothing but one", "one too few"],
)
def test_no_pattern_of_a_document_makes_matching_slow(pattern: str, text: str) -> None:
    """Going back, each of these would take longer than the universe has; forwards, each takes milliseconds."""
    started = time.process_time()
    assert not matched(pattern, text)
    assert time.process_time() - started < 0.5
