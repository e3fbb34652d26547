"""What nobody used, in sentences: permissions, statement by statement, and access keys, users and roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from scripts.auditing.answers import joined, number, part, rows, text, time

Row = tuple[str, str, str]
"""What, whose, and the sentence."""

_IDLE: Final = {
    "access_keys": ("access key", "was not used"),
    "users": ("user", "made no call"),
    "roles": ("role", "made no call in any session"),
    "roles_not_assumed": ("role", "was assumed by nobody"),
}
_YOUNGER: Final = " It is younger than the time that was looked at."


def unused_rights(answer: Mapping[str, Any]) -> list[Row]:
    return [row for attachment in rows(answer, "attachments") for row in _of_attachment(attachment)]


def idle(answer: Mapping[str, Any]) -> list[Row]:
    return [_idle(each, *_IDLE[name]) for name in _IDLE for each in rows(answer, name)]


def _of_attachment(attachment: Mapping[str, Any]) -> Iterator[Row]:
    policy, statements = _policy(attachment), rows(attachment, "statements")
    whose = f"{text(attachment, 'kind')}/{text(attachment, 'name')}"
    since = f"{policy}, attached at {time(attachment, 'attached_at')},"
    younger = _YOUNGER if attachment.get("younger") else ""
    if statements and not any(number(each, "times") for each in statements):
        yield policy, whose, f"{since} was not used.{younger}"
        return
    for statement in statements:
        if what := _unused_of(statement):
            yield policy, whose, f"{_named(statement)} of {since} {what}.{younger}"


def _unused_of(statement: Mapping[str, Any]) -> str:
    if not number(statement, "times"):
        return "was not used"
    told = {"for": joined(statement, "unused_actions"), "on": joined(statement, "unused_resources")}
    pairs = statement.get("unused_pairs")
    if isinstance(pairs, list):
        told["for both of"] = ", ".join(" on ".join(map(str, pair)) for pair in pairs if isinstance(pair, list))
    parts = ", nor ".join(f"{word} {what}" for word, what in told.items() if what)
    return f"was used, but not {parts}" if parts else ""


def _named(statement: Mapping[str, Any]) -> str:
    sid = text(statement, "sid")
    return f"Statement[{number(statement, 'index')}]{f' ({sid})' if sid else ''}"


def _policy(attachment: Mapping[str, Any]) -> str:
    """``Custom/web``."""
    policy = part(attachment, "policy")
    if not policy:
        return text(attachment, "policy")
    kind = text(policy, "policy_type") or text(policy, "type")
    return f"{kind}/{text(policy, 'policy_name') or text(policy, 'name')}"


def _idle(each: Mapping[str, Any], kind: str, what: str) -> Row:
    name, owner = text(each, "name") or text(each, "id"), text(each, "owner")
    younger = _YOUNGER if each.get("younger") else ""
    created = time(each, "created_at")
    return kind, owner or name, f"{kind.capitalize()} {name}, created at {created}, {what}.{younger}"
