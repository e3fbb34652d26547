"""Parameters of a query or a form body: decoded once, and their canonical text kept for the signature.

Canonical is what every Alibaba signature is made over: RFC 3986 escapes in upper case, nothing escaped that need not
be, exactly one ``=`` (Alibaba Cloud: "Request signatures"). Most clients send their query in that very form, and then
its segments are taken as they are: that is a quarter of the cost of decoding and quoting each. What else arrives
(``+`` for a space, ``*`` unescaped, escapes in lower case, no ``=``) is decoded form-style and quoted first.
Not here: which parameters mean what (:mod:`api.parameters`), and what a family signs of them.
"""

from __future__ import annotations

import binascii
import re
import string
from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from domain.errors import InvalidParameter, MalformedRequest

BYTES_MAX: Final = 131_072
"""Of one query or form body. The largest legitimate one seen: 49 KB (6,144 bytes of plaintext, all to be escaped, and
8,100 characters of context); 32,768 bytes of policy or secret, all to be escaped, make 98 KB."""

PARAMETERS_MAX: Final = 1_024

_CANONICAL: Final = (string.ascii_letters + string.digits + "-_.~%&=").encode()
_NEEDLESS_ESCAPE: Final = re.compile(rb"%(?!(?:[0189A-F][0-9A-F]|2[0-9A-CF]|3[A-F]|[46]0|5[B-E]|7[BCDF]))")
"""Escapes that canonical form does not have: malformed, in lower case, or of an unreserved character."""
_BAD_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Form(NamedTuple):
    """:param values: decoded, by name. :param segments: the canonical ``name=value`` of each, by decoded name.

    A tuple, as are :class:`~adapters.signatures.received.Received` and :class:`~adapters.signatures.claim.Claim`: a
    frozen dataclass takes 1 to 4 µs to make, and every use of a key makes all three.
    """

    values: Mapping[str, str]
    segments: Mapping[str, str]

    def __repr__(self) -> str:
        """Names only: values may be plaintexts."""
        return f"Form({', '.join(self.values)})"

    def canonical(self, without: str | None = None) -> str:
        """All segments, sorted by decoded name. Not by segment: ``A.1`` sorts after ``A``, ``A.1=`` before ``A=``."""
        segments = self.segments
        return "&".join([segments[name] for name in sorted(segments) if name != without])


EMPTY: Final = Form({}, {})


def parse(raw: bytes) -> Form:
    """Read ``raw``, an ``application/x-www-form-urlencoded`` text of at most 131,072 bytes and 1,024 parameters.

    :raises MalformedRequest: too much, a broken escape, not UTF-8, the character U+0000, or no name.
    :raises InvalidParameter: a name occurs twice. Readers of the first and readers of the last would see different
        requests under one signature.
    """
    if not raw:
        return EMPTY
    if len(raw) > BYTES_MAX or raw.count(b"&") >= PARAMETERS_MAX:
        raise MalformedRequest(f"At most {BYTES_MAX} bytes and {PARAMETERS_MAX} parameters are read.")
    if b"+" in raw:
        # Some official clients write spaces so, and escape all else canonically: no reason to leave the fast path.
        raw = raw.replace(b"+", b"%20")
    segments = _canonical_segments(raw)
    if segments is None:
        segments = [_quoted(segment) for segment in raw.split(b"&") if segment]
    return _decoded(segments)


def union(one: Form, other: Form) -> Form:
    """:raises InvalidParameter: a name occurs in both."""
    if not other.values:
        return one
    if not one.values:
        return other
    for name in other.values:
        if name in one.values:
            raise _repeated(name)
    return Form({**one.values, **other.values}, {**one.segments, **other.segments})


def _canonical_segments(raw: bytes) -> list[str] | None:
    """The segments of ``raw`` if it is canonical already, else None."""
    if raw.translate(None, _CANONICAL) or _NEEDLESS_ESCAPE.search(raw):
        return None
    segments = raw.decode("ascii").split("&")
    named = [segment for segment in segments if "=" in segment]
    return segments if len(named) == len(segments) == raw.count(b"=") else None


def _quoted(segment: bytes) -> str:
    if canonical := _canonical_segments(segment):
        return canonical[0]
    name, _, value = segment.partition(b"=")
    if _BAD_ESCAPE.search(segment):
        raise MalformedRequest(f"The parameter {_shown(name)} has a % that no two hexadecimal digits follow.")
    return f"{_requoted(name)}={_requoted(value)}"


def _requoted(text: bytes) -> str:
    return quote(unquote_to_bytes(text), safe="~")


def _decoded(segments: list[str]) -> Form:
    values: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for segment in segments:
        name, _, value = segment.partition("=")
        if "%" in name:
            name = _unquoted(name, name)
        values[name] = _unquoted(value, name) if "%" in value else value
        by_name[name] = segment
    if len(values) != len(segments):
        raise _repeated(_first_repeated(segments))
    if "" in values:
        raise MalformedRequest("A parameter has no name.")
    return Form(values, by_name)


def _unquoted(text: str, parameter: str) -> str:
    """The characters behind the escapes of a canonical ``text``.

    Quoted-printable (RFC 2045 section 6.7) has the same escapes under ``=``, and its decoder is written in C: see the
    test that times it against ``unquote_to_bytes``. Canonical text has no ``=``, no white space and no broken escape,
    so nothing in which the two encodings differ can occur.
    """
    try:
        plain = binascii.a2b_qp(text.replace("%", "=")).decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedRequest(f"The parameter {_shown(parameter.encode())} is not UTF-8.") from None
    if "\0" in plain:
        raise MalformedRequest(f"The parameter {_shown(parameter.encode())} has the character U+0000.")
    return plain


def _first_repeated(segments: list[str]) -> str:
    names = Counter(_unquoted(segment.partition("=")[0], "") for segment in segments)
    return names.most_common(1)[0][0]


def _repeated(name: str) -> InvalidParameter:
    return InvalidParameter(_shown(name.encode()), "It occurs more than once; send it once, in the query or the body.")


def _shown(name: bytes) -> str:
    """``name`` as a message may carry it: bounded, printable."""
    return ascii(name[:64].decode("utf-8", "replace"))[1:-1]
