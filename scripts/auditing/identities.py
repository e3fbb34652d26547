"""Who is behind a name. Names change and are given again, and ids do neither; events keep both, as they were then.

Sessions count as the role that they are of: its name and its id, without the session's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from domain.audit.facts import Outcome
from domain.call import SYSTEM_PRINCIPAL
from scripts.auditing.answers import number, part, rows, text
from scripts.auditing.completeness import counted
from scripts.auditing.count import counts_table
from scripts.auditing.page import Section
from scripts.auditing.principals import brief

if TYPE_CHECKING:
    from scripts.auditing.service import AuditService

Group = Mapping[str, Any]

BY: Final = ("principal", "principal_id")
_GROUPS: Final = 10_000
"""As many as the service tells: each session of a role is one."""
_SHOWN: Final = 20
_NOTED: Final = 10


def asked(service: AuditService, query: Mapping[str, str]) -> dict[str, Any]:
    """Under which names and ids there are events: groups, those with most events first."""
    return service.get("CountEvents", "/audit/counts", {**query, "by": ",".join(BY), "limit": str(_GROUPS)})


def of(answer: Mapping[str, Any]) -> list[Group]:
    """A group for each name and id, whatever the sessions."""
    together: dict[tuple[str, str], list[Group]] = {}
    for group in rows(answer, "groups"):
        who = (_without_session(text(group, "principal")), text(group, "principal_id").partition(":")[0])
        together.setdefault(who, []).append(group)
    found = [_sum(who, groups) for who, groups in together.items()]
    return sorted(found, key=lambda group: -number(group, "count"))


def _without_session(arn: str) -> str:
    account, colon, name = arn.rpartition(":")
    return f"{account}{colon}{'/'.join(name.split('/')[:2])}" if name.startswith("role/") else arn


def _sum(who: tuple[str, str], groups: Sequence[Group]) -> Group:
    return {
        **dict(zip(BY, who, strict=True)),
        **{name: sum(number(group, name) for group in groups) for name in ("count", "requests")},
        "first": min((part(group, "first") for group in groups), key=_position),
        "last": max((part(group, "last") for group in groups), key=_position),
    }


def _position(place: Mapping[str, Any]) -> int:
    return number(place, "position")


def section(found: Sequence[Group]) -> Section:
    some = f": {_SHOWN} of {len(found):,}" if len(found) > _SHOWN else ""
    return Section(
        title=f"Under which names and ids{some}", table=counts_table(found[:_SHOWN], BY), empty="Under none."
    )


def of_access_key(found: Sequence[Group]) -> list[Group]:
    """The service itself has none: what it has told of one is that somebody failed to be its owner."""
    failed = {"outcome": Outcome.UNAUTHENTICATED}
    return [{**each, **(failed if text(each, "principal") == SYSTEM_PRINCIPAL else {})} for each in found]


def notes(answer: Mapping[str, Any], found: Sequence[Group]) -> Iterator[str]:
    """What keeps events under one name from being one identity's."""
    for name, ids in [(name, ids) for name, ids in _ids(found).items() if len(ids) > 1][:_NOTED]:
        more = f" and {len(ids) - _NOTED:,} more" if len(ids) > _NOTED else ""
        yield (
            f"{len(ids):,} identities have been called {brief(name)}: {', '.join(ids[:_NOTED])}{more}. "
            "Give an id instead of the name to ask about one of them."
        )
    if answer.get("more_groups"):
        yield f"Only the {_GROUPS:,} most frequent names and sessions were looked at for ids."


def _ids(found: Sequence[Group]) -> dict[str, list[str]]:
    """By name. What was recorded before there were users has no id; root did it."""
    ids: dict[str, list[str]] = {}
    for each in found:
        if each["principal_id"]:
            ids.setdefault(each["principal"], []).append(each["principal_id"])
    return ids


def only_user(found: Sequence[Group]) -> str:
    """The id of whom alone all is, where that is a user: nobody else is ever renamed. Empty otherwise."""
    (each, *others) = found or [{}]
    return text(each, "principal_id") if ":user/" in text(each, "principal") and not others else ""


def renaming(found: Sequence[Group], everywhere: Sequence[Group]) -> Iterator[str]:
    """A note of the other names that :func:`only_user` has had.

    :param everywhere: under which names there are events of this id.
    """
    known = {each["principal"] for each in found}
    others = [each for each in everywhere if each["principal"] not in known]
    if others:
        named = ", ".join(f"{brief(each['principal'])} ({counted(each['count'], 'event')})" for each in others)
        yield f"{only_user(found)} has also been called {named}. Give this id to ask about all that it did."
