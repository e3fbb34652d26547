"""What names and texts may be; each refusal says what was expected.

Names are plain ASCII: they stand in ARNs, in policies and in what people compare by eye, so two of them must look
different where they are different. Texts are anybody's, in any language.
"""

from __future__ import annotations

import re
from typing import Final

from domain.ram import limits
from domain.ram.errors import INVALID_CHARS, INVALID_LENGTH, InvalidVersionId

_USER: Final = re.compile(r"[A-Za-z0-9._@-]+")
_GROUP_OR_ROLE: Final = re.compile(r"[A-Za-z0-9._-]+")
_POLICY: Final = re.compile(r"[A-Za-z0-9-]+")
_VERSION: Final = re.compile(r"v[1-9][0-9]{0,8}")
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
"""What has no UTF-8, and what no database of an audit would hold."""


def user_name(name: str, parameter: str = "UserName") -> None:
    _name(name, parameter, _USER, limits.NAME_CHARACTERS, "'.', '_', '@' or '-'")


def group_name(name: str, parameter: str = "GroupName") -> None:
    _name(name, parameter, _GROUP_OR_ROLE, limits.NAME_CHARACTERS, "'.', '_' or '-'")


def role_name(name: str) -> None:
    _name(name, "RoleName", _GROUP_OR_ROLE, limits.NAME_CHARACTERS, "'.', '_' or '-'")


def policy_name(name: str) -> None:
    _name(name, "PolicyName", _POLICY, limits.POLICY_NAME_CHARACTERS, "'-'")


def version_id(version: str) -> None:
    """:raises InvalidVersionId: not ``v1``, ``v2`` and so on."""
    if _VERSION.fullmatch(version) is None:
        raise InvalidVersionId()


def description(text: str, parameter: str = "Description") -> None:
    _text(text, parameter, limits.DESCRIPTION_CHARACTERS)


def texts(**given: str) -> None:
    """Short texts by parameter, such as ``Comments``."""
    for parameter, text in given.items():
        _text(text, parameter, limits.TEXT_CHARACTERS)


def _name(name: str, parameter: str, allowed: re.Pattern[str], characters_max: int, marks: str) -> None:
    expected = f"Expected 1 to {characters_max} characters, each an ASCII letter, a digit, {marks}."
    if not 1 <= len(name) <= characters_max:
        raise INVALID_LENGTH[parameter](f"{INVALID_LENGTH[parameter].default} {expected}")
    if allowed.fullmatch(name) is None:
        raise INVALID_CHARS[parameter](f"{INVALID_CHARS[parameter].default} {expected}")


def _text(text: str, parameter: str, characters_max: int) -> None:
    if len(text) > characters_max:
        expected = f"Expected at most {characters_max} characters."
        raise INVALID_LENGTH[parameter](f"{INVALID_LENGTH[parameter].default} {expected}")
    if _NO_TEXT.search(text) is not None:
        expected = "It has a lone surrogate or U+0000, which is not text."
        raise INVALID_CHARS[parameter](f"{INVALID_CHARS[parameter].default} {expected}")
