"""The header fields of a request as the parser finds them, and what they say of how it is to be taken.

Not here: what they mean to the operation (:mod:`adapters.signatures`), and how large they may be
(:mod:`api.connection`).
"""

from __future__ import annotations

from typing import Final

from adapters.signatures import Headers

_NO_HOST: Final = "The header Host is missing. HTTP/1.1 requires it (RFC 9112, section 3.2)."
_OTHER_CODING: Final = "Transfer-Encoding is not understood. Send the body chunked or with Content-Length, not coded."


class Head:
    """Of one connection's requests, one after the other. Fields become a dict at once: of a use, nothing else is
    needed, and a dozen pairs would be made first for it to be made of.
    """

    __slots__ = ("_fields", "_repeated")

    def __init__(self) -> None:
        self._fields: dict[bytes, bytes] = {}
        """By lower-case name, the first value of each."""
        self._repeated: list[tuple[bytes, bytes]] = []
        """Further values of names that occur more than once."""

    def begin(self) -> None:
        """The next request. What was found before is not changed: whoever took it may keep it."""
        self._fields, self._repeated = {}, []

    def add(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in self._fields:
            self._repeated.append((name, value))
        else:
            self._fields[name] = value

    @property
    def headers(self) -> Headers:
        return self.pairs() if self._repeated else self._fields

    def pairs(self) -> list[tuple[bytes, bytes]]:
        """Values of the same name in the order of the request."""
        return [*self._fields.items(), *self._repeated]

    @property
    def expects_continue(self) -> bool:
        return b"expect" in self._fields and b"100-continue" in self._values(b"expect")

    def refusal(self, version: str) -> str | None:
        """Why nobody should go on with this request: who passed it on might have understood it otherwise. The body of
        ``gzip, chunked`` would be taken for what is in it; without a host, HTTP/1.1 does not say whom it is for.
        """
        if b"transfer-encoding" in self._fields and self._values(b"transfer-encoding") != [b"chunked"]:
            return _OTHER_CODING
        if b"host" not in self._fields and version != "1.0":
            return _NO_HOST
        return None

    def _values(self, name: bytes) -> list[bytes]:
        """In lower case, without the white space around them."""
        return [value.strip(b" \t").lower() for given, value in self.pairs() if given == name]
