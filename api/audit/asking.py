"""What every operation on the audit trail reads from a request, and what every answer says of how current it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from api.audit.trail import Trail
from api.parameters import Parameters, spelled
from domain import key_reference
from domain.audit.filters import CONTEXT, DETAILS, FILTERS, Filters, read_filters
from domain.errors import InvalidParameter
from projections.audit_questions import NAME, Currency, Place

_OF_REQUESTS: Final = frozenset((
    "Action", "Version", "Format", "RegionId", "AccessKeyId", "SecurityToken", "Signature", "SignatureMethod",
    "SignatureNonce", "SignatureType", "SignatureVersion", "Timestamp",
))  # fmt: skip
"""Parameters that any request may have, by whatever signature."""


@dataclass(frozen=True, slots=True)
class Asked:
    """:param given: the filters as they were written."""

    filters: Filters
    given: Mapping[str, str]


def check_names(given: Parameters, known: frozenset[str]) -> None:
    """A misspelt filter that was ignored would answer another question than was asked.

    :raises InvalidParameter: a name that means nothing here, or see :func:`check_format`.
    """
    check_format(given)
    for name in given.values:
        if name not in known and name not in _OF_REQUESTS and not _is_pair(name, known):
            raise InvalidParameter(spelled(name), f"There is no such parameter; there are {', '.join(sorted(known))}.")


def check_format(given: Parameters) -> None:
    """:raises InvalidParameter: Format is XML, whose elements cannot have the names that an encryption context may."""
    if given.optional("Format").upper() == "XML":
        raise InvalidParameter("Format", "Answers about the audit trail are JSON. Leave it out.")


def read(given: Parameters, known: frozenset[str], account_id: str) -> Asked:
    """:param account_id: whose trail is asked for.
    :raises InvalidParameter: a filter, by name. :raises domain.errors.AliasNotFound: an alias in a key's place.
    """
    check_names(given, known)
    filters = {
        name: value for name, value in given.values.items() if value and (name in FILTERS or _is_pair(name, known))
    }
    read_ = read_filters(filters)
    _check_whose(filters.get("key_id", ""), account_id)
    return Asked(read_, filters)


def _check_whose(key: str, account_id: str) -> None:
    """A key of another account is in this trail where somebody was refused it, under the id that they sent."""
    reference = key_reference.parse(key, "key_id") if key else None
    if reference is not None and reference.account_id not in (None, account_id):
        raise InvalidParameter(
            "key_id", f"The ARN is that of a key of another account than {account_id}. Ask by the key's id alone."
        )


async def goal(trail: Trail, given: Parameters, projection: str = NAME) -> Place | None:
    """The ledger's head at the time of the question, waited for; None where nobody asked to wait."""
    return await trail.awaited(projection) if given.boolean("wait") else None


def how_current(currency: Currency, wanted: Place | None = None, as_of: Place | None = None) -> dict[str, Any]:
    """The members that every answer has.

    :param wanted: see :func:`goal`. :param as_of: where an answer is about an earlier place than the newest.
    """
    shown, head = as_of or currency.as_of, wanted or currency.head
    if head.position < shown.position <= currency.head.position:
        # The ledger went on while the answer was waited for: its head is no earlier than what is shown of it.
        head = shown
    # Rows beyond the ledger's own head were not appended by this service: whatever is shown then is not all of it.
    complete = head.position <= shown.position <= currency.head.position
    stopped = {} if complete or currency.stopped_at is None else {"stopped_at": currency.stopped_at}
    return {"as_of": place(shown), "ledger_head": place(head), "complete": complete, **stopped}


def place(at: Place) -> dict[str, Any]:
    return {"position": at.position, "recorded_at": moment(at.recorded_at) if at.recorded_at else None}


def moment(at: datetime) -> str:
    """RFC 3339, microseconds, UTC: as rows have it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _is_pair(name: str, known: frozenset[str]) -> bool:
    return any(name.startswith(kind) and f"{kind}NAME" in known for kind in (CONTEXT, DETAILS))
