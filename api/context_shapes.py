"""The three shapes in which clients send an EncryptionContext.

* ``EncryptionContext={"a":"1"}``: a JSON string (Python, Terraform, oss2; REST). Empty and ``{}`` mean none.
* ``EncryptionContext.a=1``: flattened (npm ``@alicloud/kms20160120`` 1.2.0).
* ``EncryptionContext.1.Key=a&EncryptionContext.1.Value=1``: indexed (Go ``aliyungo``).

To read only one of them would drop the context silently: a ciphertext bound to nothing. A flattened context whose names
are ``1.Key`` and ``1.Value`` looks like an indexed one; no client says which it means. So names of the form ``<n>.Key``
and ``<n>.Value`` always mean the indexed shape, every pair must be whole, and no other name may stand beside them: what
remains ambiguous is refused, and the JSON string can say it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from api import strict_json
from domain.encryption_context import NO_CONTEXT, EncryptionContext, checked
from domain.errors import InvalidParameter

_EXPECTED: Final = "Expected a JSON object that maps strings to strings."
_PAIR: Final = {"Key", "Value"}
_INDEXED: Final = re.compile(r"([0-9]+)\.(Key|Value)")


def read(values: Mapping[str, str], parameter: str = "EncryptionContext") -> EncryptionContext:
    """The context among ``values``, whichever shape it has.

    :raises InvalidParameter: malformed, too large, of two shapes at once, or one that could be two shapes.
    """
    text = values.get(parameter, "")
    prefix = parameter + "."
    members = {name[len(prefix) :]: value for name, value in values.items() if name.startswith(prefix)}
    if members:
        if text:
            raise InvalidParameter(parameter, f"It is sent both as {parameter} and as {prefix}<name>; choose one.")
        return checked(_unflattened(members, parameter))
    if text in ("", "{}"):
        return NO_CONTEXT
    context = strict_json.read(text, parameter, _EXPECTED)
    if not isinstance(context, dict):
        raise InvalidParameter(parameter, _EXPECTED)
    return checked(context)


def _unflattened(members: Mapping[str, str], parameter: str) -> Mapping[object, object]:
    if not any(map(_INDEXED.fullmatch, members)):
        return dict[object, object](members.items())
    pairs = _pairs(members)
    context: dict[object, object] = {pair["Key"]: pair["Value"] for pair in pairs if pair.keys() == _PAIR}
    if len(context) != len(pairs):
        raise InvalidParameter(
            parameter,
            f"Names such as {parameter}.1.Key and {parameter}.1.Value must come in pairs of distinct keys, without "
            "other names beside them; send a JSON string instead.",
        )
    return context


def _pairs(members: Mapping[str, str]) -> list[dict[str, str]]:
    """One dict an index. A name that is not indexed makes an entry of its own, which is never a pair."""
    pairs: dict[str, dict[str, str]] = {}
    for name, value in members.items():
        found = _INDEXED.fullmatch(name)
        index, part = found.groups() if found else (name, name)
        pairs.setdefault(index, {})[part] = value
    return list(pairs.values())
