"""JSON that clients send, read without a second opinion: what two readers could read differently is refused.

Not :mod:`orjson`, which keeps the last of two members of one name and so would drop half of an EncryptionContext.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, NoReturn

from domain.errors import InvalidParameter


def read(text: str, parameter: str, expected: str) -> Any:
    """The value of ``text``.

    :param parameter: named by the refusal, which goes on with ``expected``.
    :raises InvalidParameter: not JSON (RFC 8259), a member twice in one object, NaN or infinity, too deep, or a string
        with a lone surrogate or U+0000: such strings are neither UTF-8 nor text that PostgreSQL stores.
    """
    try:
        value = _DECODER.decode(text)
        # Only an escape can bring in what the strict UTF-8 around it cannot.
        if "\\u" in text and not all(map(_is_text, _strings(value))):
            raise InvalidParameter(parameter, f"{expected} A string has a lone surrogate or U+0000.")
    except _RepeatedMember:
        raise InvalidParameter(parameter, f"{expected} An object has two members of one name.") from None
    except (ValueError, RecursionError):
        raise InvalidParameter(parameter, f"{expected} It is not valid JSON.") from None
    return value


class _RepeatedMember(Exception):
    """Two members of one name."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RepeatedMember
    return members


def _finite(text: str) -> float:
    """:raises ValueError: beyond what a float holds."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(text)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _strings(member)
    elif isinstance(value, list):
        for element in value:
            yield from _strings(element)


def _is_text(string: str) -> bool:
    return "\0" not in string and not any("\ud800" <= character <= "\udfff" for character in string)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant, parse_float=_finite)
