"""A request as it arrived, read once: what the signature check and the parameters share.

Raw bytes in, values out. Not here: any judgement of the signature, any meaning of a parameter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from adapters.signatures import form
from adapters.signatures.form import Form
from domain.errors import IncompleteSignature

_ONCE: Final = frozenset((b"authorization", b"content-type", b"host"))
_NONE: Final = frozenset[bytes]()
_FORM: Final = b"application/x-www-form-urlencoded"


Headers = Sequence[tuple[bytes, bytes]] | dict[bytes, bytes]
"""Names in lower case, in the order of the request; a dict where none occurs twice."""


class Received(NamedTuple):
    """:param path: as sent, still escaped. :param headers: by lower-case name, stripped of nothing.
    :param repeated: names of headers that occur more than once; ``headers`` has one of their values.
    :param query: parameters of the query alone. :param parameters: of query and form body together.
    :param unread_body: there is a body, and its Content-Type is not that of a form.
    """

    method: str
    path: bytes
    headers: Mapping[bytes, bytes]
    repeated: frozenset[bytes]
    query: Form
    parameters: Form
    body: bytes
    unread_body: bool

    def __repr__(self) -> str:
        """Neither values nor headers: they may be plaintexts and credentials."""
        return f"Received({self.method} {self.path!r}, {self.parameters!r}, body of {len(self.body)} bytes)"


def receive(method: str, path: bytes, query: bytes, headers: Headers, body: bytes = b"") -> Received:
    """Read a request.

    :param path: raw; ``/`` where it is empty. :param query: raw, without ``?``.
    :raises IncompleteSignature: Authorization, Content-Type, Host or an ``x-acs-`` header occurs twice.
    :raises MalformedRequest: see :func:`adapters.signatures.form.parse`.
    :raises InvalidParameter: a parameter occurs twice.
    """
    if isinstance(headers, dict):
        by_name, repeated = headers, _NONE
    else:
        by_name = dict(headers)
        repeated = _NONE if len(by_name) == len(headers) else _repeated(name for name, _ in headers)
    in_query = parameters = form.parse(query)
    is_form = body != b"" and by_name.get(b"content-type", b"").partition(b";")[0].strip().lower() == _FORM
    if is_form:
        parameters = form.union(in_query, form.parse(body))
    return Received(
        method, path or b"/", by_name, repeated, in_query, parameters, body, unread_body=body != b"" and not is_form
    )


def _repeated(names: Iterable[bytes]) -> frozenset[bytes]:
    repeated = frozenset(name for name, count in Counter(names).items() if count > 1)
    for name in sorted(repeated):
        if name in _ONCE or name.startswith(b"x-acs-"):
            raise IncompleteSignature(f"The header {name.decode('latin-1')} occurs more than once.")
    return repeated
