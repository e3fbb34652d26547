"""Who signed a request, and is it true? Pure functions: no I/O, no clock, no randomness.

    raw request -> receive() -> identify() -> check_fresh() -> verify() -> request_stream()

* :mod:`~adapters.signatures.form` decodes parameters once and keeps their canonical text;
* :mod:`~adapters.signatures.received` is a request, read: shared with :mod:`api.parameters`;
* :mod:`~adapters.signatures.families` finds which family signed: :mod:`~adapters.signatures.rpc` (parameters),
  :mod:`~adapters.signatures.acs` (ACS3 and ACS4: headers), :mod:`~adapters.signatures.basic` (nothing; TLS only);
* :mod:`~adapters.signatures.claim` judges the claim; :mod:`~adapters.signatures.stream` names the request's stream.

``identify`` proves nothing: a claim counts after ``verify`` only. ``named_access_key_id`` tells whom a request that
failed was made against. What a family does not cover is refused, not ignored.
"""

from adapters.signatures.claim import Claim, Family, Scope, check_fresh, verify
from adapters.signatures.families import identify, named_access_key_id
from adapters.signatures.received import Headers, Received, receive
from adapters.signatures.stream import request_stream

__all__ = [
    "Claim",
    "Family",
    "Headers",
    "Received",
    "Scope",
    "check_fresh",
    "identify",
    "named_access_key_id",
    "receive",
    "request_stream",
    "verify",
]
