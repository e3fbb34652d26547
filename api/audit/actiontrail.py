"""LookupEvents of ActionTrail, version 2020-07-06: the audit trail for those who have Alibaba's SDK.

Parameters: Alibaba Cloud ActionTrail, "LookupEvents". An event's shape: :mod:`api.audit.actiontrail_shapes`. Failed
authentications are not told here, as they are not there: SearchEvents has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from api.action import Fields
from api.audit import asking, cursors
from api.audit.actiontrail_shapes import (
    KINDS_OF_RAM,
    OPERATIONS_BY_RESOURCE,
    OPERATIONS_BY_RW,
    OPERATIONS_BY_SERVICE,
    ROOT,
    shape,
)
from api.audit.events import next_page, pinned
from api.parameters import Parameters, spelled
from api.services import Services
from domain.audit.filters import Filters, Texts, moved, time_of
from domain.audit.request_parameters import ATTRIBUTE
from domain.errors import InvalidParameter
from domain.recording import Case
from projections import audit_pages
from projections.audit_pages import Slice
from projections.audit_sessions import begun_at

DAYS: Final = 7
"""Before the end, where no StartTime is given. One that is given may be as early as the ledger."""
WAIT_SECONDS: Final = 2.0

_NOBODY: Final = ("",)
_TOLD: Final = Texts(("changed", "used", "read", "refused"))
_DIRECTIONS: Final = ("BACKWARD", "FORWARD")


async def lookup_events(services: Services, case: Case, given: Parameters) -> Fields:
    asking.check_format(given)
    caller, now = case.call.by, case.call.at
    start, end = _period(given, now)
    filters = _filters(dict(_attributes(given)), start, moved(end, timedelta(seconds=1)))
    limit = given.integer("MaxResults", range(1, 51), 20)
    direction = given.one_of("Direction", _DIRECTIONS, "BACKWARD")
    names = ("StartTime", "EndTime", "Direction", *filter(ATTRIBUTE.fullmatch, given.values))
    of = cursors.question("LookupEvents", caller.account_id, {name: given.optional(name) for name in names})
    cursor = cursors.read(given.optional("NextToken"), of, "NextToken")
    await services.trail.awaited(seconds=WAIT_SECONDS)
    async with services.trail.snapshot() as (connection, currency):
        as_of = await pinned(connection, currency, cursor)
        part = Slice(as_of.position, limit + 1, direction == "BACKWARD", cursor.after if cursor else None)
        rows = await audit_pages.page(connection, caller.account_id, filters, part)
        sessions = await begun_at(connection, rows)
    await services.stewardship.answer(case)
    return {
        "Events": [shape(row, caller.account_id, services.default_region, sessions) for row in rows[:limit]],
        "StartTime": _written(start),
        "EndTime": _written(end),
        **next_page(rows, limit, cursor.until if cursor else as_of.position, of, "NextToken"),
    }


def _period(given: Parameters, now: datetime) -> tuple[datetime, datetime]:
    end_given, start_given = given.optional("EndTime"), given.optional("StartTime")
    end = time_of("EndTime", end_given) if end_given else now
    start = time_of("StartTime", start_given) if start_given else moved(end, timedelta(days=-DAYS))
    if start > end:
        raise InvalidParameter("StartTime", "Expected a time before EndTime.")
    return start, end


def _attributes(given: Parameters) -> Iterator[tuple[str, str]]:
    """:raises InvalidParameter: one that is not known, or twice; or that is not read as one, and would be ignored."""
    keys: set[str] = set()
    for name in given.values:
        if name.startswith("LookupAttribute") and ATTRIBUTE.fullmatch(name) is None:
            expected = "Expected LookupAttribute.1.Key and LookupAttribute.1.Value, and so on."
            raise InvalidParameter(spelled(name), expected)
    for number in sorted({found[1] for name in given.values if (found := ATTRIBUTE.fullmatch(name))}):
        key = given.required(f"LookupAttribute.{number}.Key")
        if key not in _ATTRIBUTES or key in keys:
            raise InvalidParameter(
                f"LookupAttribute.{number}.Key", f"Expected one of {', '.join(_ATTRIBUTES)}, each at most once."
            )
        keys.add(key)
        yield key, given.required(f"LookupAttribute.{number}.Value")


def _filters(attributes: Mapping[str, str], since: datetime, until: datetime) -> Filters:
    """All of the attributes; those that mean operations, together."""
    found: dict[str, Any] = {"texts": {"outcome": _TOLD}, "since": since, "until": until}
    operations: set[str] | None = None
    for key, value in attributes.items():
        if key in _OPERATIONS:
            named = _OPERATIONS[key](value)
            operations = set(named) if operations is None else operations & named
        else:
            _ATTRIBUTES[key](found, value)
    if operations is not None:
        found["texts"]["operation"] = Texts(tuple(sorted(operations)) or _NOBODY)
    kind = attributes.get("ResourceType", "")
    found |= {"about_keys": kind == "ACS::KMS::Key", "kind": KINDS_OF_RAM.get(kind, "")}
    return Filters(**found)


_OPERATIONS: Final[Mapping[str, Callable[[str], frozenset[str]]]] = {
    "ServiceName": lambda value: OPERATIONS_BY_SERVICE.get(value.lower(), frozenset()),
    "EventName": lambda value: frozenset((value,)),
    "ResourceType": lambda value: OPERATIONS_BY_RESOURCE.get(value, frozenset()),
    "EventRW": lambda value: OPERATIONS_BY_RW.get(value, frozenset()),
}


def _user(found: dict[str, Any], value: str) -> None:
    """Root identities have no name of their own; ``root`` is what both they and a user of that name are told as."""
    if value == ROOT:
        found["told_as_root"] = True
    else:
        found["texts"]["user_name"] = Texts((value,))


def _event_id(found: dict[str, Any], value: str) -> None:
    found["request_id"] = _uuid(value) or UUID(int=0)


def _resource_name(found: dict[str, Any], value: str) -> None:
    key_id = _uuid(value)
    found["named" if key_id is None else "key_id"] = value if key_id is None else key_id


def _access_key(found: dict[str, Any], value: str) -> None:
    found["texts"]["access_key_id"] = Texts((value,))


_ATTRIBUTES: Final[Mapping[str, Callable[[dict[str, Any], str], None]]] = {
    **dict.fromkeys(_OPERATIONS, lambda *_: None),
    "User": _user,
    "EventId": _event_id,
    "ResourceName": _resource_name,
    "EventAccessKeyId": _access_key,
}
"""How a value becomes a filter, by key."""


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _written(at: datetime) -> str:
    return f"{at.replace(tzinfo=None).isoformat(timespec='seconds')}Z"
