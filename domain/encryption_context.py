"""EncryptionContext: a map of strings that Decrypt must repeat, in one canonical form.

Here: the value, its limits and the bytes that bind it (Alibaba: "EncryptionContext"; equality is equality of maps).
Not here: the three shapes in which the wire delivers it (:mod:`api.parameters`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from domain.errors import InvalidParameter
from domain.vocabulary import ENCRYPTION_CONTEXT_CHARACTERS_MAX

EncryptionContext = Mapping[str, str]

NO_CONTEXT: Final[EncryptionContext] = {}

_FORMAT: Final = b"key-ledger/aad/1"
_LENGTH: Final = struct.Struct(">I")
_FRAMED_FORMAT: Final = _LENGTH.pack(len(_FORMAT)) + _FORMAT
_UUID_LENGTH: Final = _LENGTH.pack(16)


def checked(context: Mapping[object, object]) -> EncryptionContext:
    """``context`` if it maps text to text within the limit.

    :raises InvalidParameter: something else than text, or more than 8,192 characters of names and values.
    """
    characters = 0
    for name, value in context.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise InvalidParameter("EncryptionContext", "Expected a JSON object that maps strings to strings.")
        _refuse_what_is_no_text(name)
        _refuse_what_is_no_text(value)
        characters += len(name) + len(value)
    if characters > ENCRYPTION_CONTEXT_CHARACTERS_MAX:
        raise InvalidParameter(
            "EncryptionContext", f"It has {characters} characters; at most {ENCRYPTION_CONTEXT_CHARACTERS_MAX} fit."
        )
    return context  # type: ignore[return-value]  # every name and value was seen to be a string


def _refuse_what_is_no_text(string: str) -> None:
    """A lone surrogate has no UTF-8, so it could not be bound; U+0000 has no place in the databases of an audit."""
    try:
        string.encode()
    except UnicodeEncodeError:
        raise InvalidParameter("EncryptionContext", "A name or value has a lone surrogate.") from None
    if "\0" in string:
        raise InvalidParameter("EncryptionContext", "A name or value has the character U+0000.")


def authenticated_data(context: EncryptionContext, key_version_id: UUID, region_id: str) -> bytes:
    """The additional authenticated data of a ciphertext: format, key version, region, then sorted names and values.

    Every part is preceded by its length as 4 big-endian bytes, so no two different inputs share a form (the joined
    form ``a=b&c=d`` of some SDKs does not have that property).
    """
    pack = _LENGTH.pack
    region = region_id.encode()
    pieces = [_FRAMED_FORMAT, _UUID_LENGTH, key_version_id.bytes, pack(len(region)), region]
    for name in sorted(context):
        for part in (name.encode(), context[name].encode()):
            pieces += (pack(len(part)), part)
    return b"".join(pieces)
