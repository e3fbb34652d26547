"""The effective parameters of a request, and typed readers that refuse by name and say what was expected.

Effective are query and form body together on the RPC endpoint, path, query and JSON body on REST routes. They were
decoded once, for the signature (:mod:`adapters.signatures`). A parameter that no reader asks for is ignored, as the
live service does (RegionId, SignatureType, SourceIp ... come with every request of some SDK).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any, Final, TypeVar
from uuid import UUID

from adapters.signatures import Received
from api import context_shapes, strict_json
from domain import key_reference
from domain.encryption_context import EncryptionContext
from domain.errors import InvalidParameter, KeyLedgerError, MalformedRequest, MissingParameter
from domain.key_reference import KeyReference

Choice = TypeVar("Choice", bound=StrEnum)

KEY_ID: Final = "KeyId"
"""Of every operation on a CMK, whatever the product calls its own keys."""

TAGS_MAX: Final = 20
TAG_CHARACTERS_MAX: Final = 128
FILTER_VALUES_MAX: Final = 10
FILTERS: Final = frozenset(("KeyState", "KeySpec", "KeyUsage", "ProtectionLevel", "CreatorType"))

_BOOLEANS: Final = {"": None, "True": True, "true": True, "False": False, "false": False}
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_TAGS: Final = 'Expected JSON such as [{"TagKey":"team","TagValue":"shop"}].'
_FILTERS: Final = 'Expected JSON such as [{"Key":"KeyState","Values":["Enabled"]}].'


class Parameters:
    """Typed readers over strings. An empty value is as good as none: SDKs send unset parameters so."""

    __slots__ = ("action", "values", "version")

    def __init__(self, values: Mapping[str, str], action: str = "", version: str = "") -> None:
        self.values = values
        self.action = action
        self.version = version

    def optional(self, name: str) -> str:
        """Empty where it is absent."""
        return self.values.get(name, "")

    def required(self, name: str) -> str:
        """:raises MissingParameter: absent or empty."""
        value = self.values.get(name)
        if not value:
            raise MissingParameter(name)
        return value

    def text(self, name: str, characters_max: int, *, required: bool = False) -> str:
        """:raises InvalidParameter: longer than ``characters_max``. :raises MissingParameter: see :meth:`required`."""
        value = self.required(name) if required else self.optional(name)
        if len(value) > characters_max:
            raise InvalidParameter(name, f"It has {len(value)} characters; at most {characters_max} fit.")
        return value

    def integer(self, name: str, allowed: range, default: int | None = None) -> int:
        """:raises MissingParameter: absent without a ``default``. :raises InvalidParameter: not in ``allowed``."""
        value = self.optional(name) if default is not None else self.required(name)
        if not value and default is not None:
            return default
        if _INTEGER.fullmatch(value) is None or int(value) not in allowed:
            raise InvalidParameter(name, f"Expected an integer from {allowed[0]} to {allowed[-1]}.")
        return int(value)

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """``True`` and ``False`` as Python's SDKs write them, or ``true`` and ``false`` as the others do."""
        value = self.optional(name)
        if value not in _BOOLEANS:
            raise InvalidParameter(name, "Expected true or false.")
        read = _BOOLEANS[value]
        return default if read is None else read

    def choice(self, name: str, options: type[Choice], default: Choice) -> Choice:
        """A word of a vocabulary, in its exact spelling."""
        return options(self.one_of(name, [option.value for option in options], default.value))

    def one_of(self, name: str, options: Collection[str], default: str) -> str:
        """:raises InvalidParameter: none of ``options``; upper and lower case differ."""
        value = self.optional(name) or default
        if value not in options:
            raise InvalidParameter(name, f"Expected {' or '.join(options)}.")
        return value

    def json_list(self, name: str, expected: str) -> list[Any]:
        """Empty where it is absent. :raises InvalidParameter: not a JSON array; goes on with ``expected``."""
        value = self._json(name, expected, "[]")
        if not isinstance(value, list):
            raise InvalidParameter(name, expected)
        return value

    def json_object(self, name: str, expected: str) -> dict[str, Any]:
        """Empty where it is absent. :raises InvalidParameter: not a JSON object; goes on with ``expected``."""
        value = self._json(name, expected, "{}")
        if not isinstance(value, dict):
            raise InvalidParameter(name, expected)
        return value

    def encryption_context(self, name: str = "EncryptionContext") -> EncryptionContext:
        """See :mod:`api.context_shapes`."""
        return context_shapes.read(self.values, name)

    def key(self, name: str = KEY_ID) -> KeyReference:
        """:raises InvalidParameter: no shape of a key. :raises domain.errors.AliasNotFound: the shape of an alias."""
        return key_reference.parse(self.required(name), name)

    def key_named(self) -> UUID | None:
        """The CMK that is named, whatever else is wrong; None where it is none, or has not the shape of one."""
        try:
            return self.key().key_id
        except KeyLedgerError:
            return None

    def tags(self, name: str = "Tags") -> tuple[tuple[str, str], ...]:
        """Pairs of TagKey and TagValue: at most 20, of at most 128 characters each, TagKey distinct and not empty."""
        tags = [_members(tag, name, _TAGS, "TagKey", "TagValue") for tag in self.json_list(name, _TAGS)]
        pairs = tuple((_tag(key, name), _tag(value, name)) for key, value in tags)
        if len(pairs) > TAGS_MAX or len(dict(pairs)) != len(pairs) or not all(key for key, _ in pairs):
            raise InvalidParameter(name, f"Expected at most {TAGS_MAX} tags, with distinct TagKey.")
        return pairs

    def filters(self, name: str = "Filters") -> Mapping[str, frozenset[str]]:
        """Admitted values by property; a property without values restricts nothing, so it is left out."""
        read = [_members(one, name, _FILTERS, "Key", "Values") for one in self.json_list(name, _FILTERS)]
        filters = {key: _filter_values(values, name) for key, values in read if isinstance(key, str)}
        if len(filters) != len(read) or not filters.keys() <= FILTERS:
            raise InvalidParameter(name, f"Expected Key to be one of {', '.join(sorted(FILTERS))}, each at most once.")
        return {key: values for key, values in filters.items() if values}

    def _json(self, name: str, expected: str, default: str) -> Any:
        return strict_json.read(self.optional(name) or default, name, expected)


def spelled(name: str) -> str:
    """A name that somebody made up, for a message: short, and with nothing in it that a terminal would obey."""
    return ascii(name[:64])[1:-1]


def read_rpc(received: Received) -> Parameters:
    """Of a request to the RPC endpoint, with the Action and Version that it asks for.

    :raises MissingParameter: Action or Version. :raises MalformedRequest: a body that is not a form.
    """
    if received.unread_body:
        raise MalformedRequest("A body must have Content-Type: application/x-www-form-urlencoded.")
    action, version = _asked(received, "Action", b"x-acs-action"), _asked(received, "Version", b"x-acs-version")
    return Parameters(received.parameters.values, action, version)


def read_rest(received: Received, in_path: Mapping[str, str], action: str) -> Parameters:
    """Of a request to the REST route of ``action``: its path, its query (or a form body) and its JSON body.

    :raises InvalidParameter: a name in two places, or ``x-acs-action`` is signed for another operation.
    :raises MalformedRequest: a body that is neither a form nor a JSON object.
    """
    if _header(received, b"x-acs-action") not in ("", action):
        raise InvalidParameter("x-acs-action", f"This route is {action}.")
    values: dict[str, str] = {}
    for part in (in_path, received.parameters.values, _json_body(received)):
        for name, value in part.items():
            if name in values:
                raise InvalidParameter(spelled(name), "It occurs more than once; send it in path, query or body.")
            values[name] = value
    return Parameters(values, action)


def _asked(received: Received, name: str, header: bytes) -> str:
    """The parameter, else the header.

    An RPC signature covers no header. Whoever carries such a request could turn an Encrypt into a ScheduleKeyDeletion
    if the header counted; so it counts only beside an Authorization header, which signs it or came through TLS.
    """
    value = received.parameters.values.get(name, "")
    if b"authorization" in received.headers:
        in_header = _header(received, header)
        if value and in_header and value != in_header:
            raise InvalidParameter(name, f"It differs from the header {header.decode()}; send one of them.")
        value = value or in_header
    if not value:
        raise MissingParameter(name)
    return value


def _header(received: Received, name: bytes) -> str:
    return received.headers.get(name, b"").decode("latin-1").strip()


def _json_body(received: Received) -> dict[str, str]:
    """The members of a JSON body as RPC spells them: everything that is no string as JSON, null as absent."""
    if not received.unread_body:
        return {}
    media_type = _header(received, b"content-type").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise MalformedRequest("A body must have Content-Type: application/json.")
    try:
        text = received.body.decode()
    except UnicodeDecodeError:
        raise MalformedRequest("The body is not UTF-8.") from None
    members = strict_json.read(text, "body", "Expected a JSON object.")
    if not isinstance(members, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return {name: _spelled(value) for name, value in members.items() if value is not None}


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _members(value: object, parameter: str, expected: str, *names: str) -> list[Any]:
    """The members ``names`` of ``value``, which must have these and no others."""
    if not isinstance(value, dict) or value.keys() != set(names):
        raise InvalidParameter(parameter, expected)
    return [value[name] for name in names]


def _tag(value: object, parameter: str) -> str:
    if not isinstance(value, str) or len(value) > TAG_CHARACTERS_MAX:
        raise InvalidParameter(parameter, f"{_TAGS} At most {TAG_CHARACTERS_MAX} characters fit a key or a value.")
    return value


def _filter_values(values: object, parameter: str) -> frozenset[str]:
    strings = [value for value in values if isinstance(value, str)] if isinstance(values, list) else None
    if strings is None or len(strings) != len(values) or len(strings) > FILTER_VALUES_MAX:  # type: ignore[arg-type]
        raise InvalidParameter(parameter, f"{_FILTERS} At most {FILTER_VALUES_MAX} values fit.")
    return frozenset(strings)
