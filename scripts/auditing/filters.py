"""Which events are meant: the options of search, tail, count and export, as the service's parameters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Final, get_args, get_type_hints

import typer

from domain.audit.filters import CONTEXT, DETAILS, KINDS, OUTCOMES
from scripts.envelope.context_option import parts_of
from scripts.envelope.failure import WrongUse
from scripts.key_ids import key_id_of


def _option(name: str, metavar: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar=metavar, help=text)


Text = str | None


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Options. An event must fit all that are given."""

    TITLE: ClassVar = "Which events (all that is given must fit; texts may end with *)"

    key_id: Annotated[Text, _option("key", "ID", "About this CMK: its id or ARN.")] = None
    principal: Annotated[
        Text, _option("principal", "ARN", "By this principal: an ARN, or user/NAME, role/NAME, root of your account.")
    ] = None
    user_name: Annotated[Text, _option("user", "NAME", "By the user of this name.")] = None
    principal_id: Annotated[Text, _option("principal-id", "ID", "By whoever has this id, whatever the name.")] = None
    access_key_id: Annotated[Text, _option("access-key", "ID", "With this access key.")] = None
    assumed_by: Annotated[Text, _option("assumed-by", "ARN", "In sessions of a role that this principal assumed.")] = (
        None
    )
    principal_kind: Annotated[Text, _option("principal-kind", "KIND", ", ".join(KINDS) + ".")] = None
    operation: Annotated[Text, _option("operation", "NAMES", "Decrypt, CreateKey, …; several with commas.")] = None
    outcome: Annotated[Text, _option("outcome", "OUTCOMES", f"{', '.join(OUTCOMES)}; several with commas.")] = None
    error_code: Annotated[Text, _option("error", "CODES", "Refused with this code; several with commas.")] = None
    region_id: Annotated[Text, _option("region", "REGIONS", "In this region; several with commas.")] = None
    resource: Annotated[Text, _option("resource", "ARN", "About this resource.")] = None
    source_ip: Annotated[Text, _option("source", "ADDRESS", "From this address or network (10.0.0.0/8).")] = None
    user_agent: Annotated[Text, _option("agent", "TEXT", "By this program (User-Agent).")] = None
    request_id: Annotated[Text, _option("request", "ID", "The event of this RequestId.")] = None
    topic: Annotated[Text, _option("topic", "TOPICS", "Of this kind, such as kms.key.disabled.")] = None
    secure_transport: Annotated[
        bool | None, typer.Option("--over-tls/--not-over-tls", help="Whether the request came over TLS.")
    ] = None
    account_id: Annotated[Text, _option("account", "UID", "With this account on either side, or behind a role.")] = None
    context: Annotated[
        list[str] | None,
        typer.Option(
            "--context", "-c", metavar="NAME=VALUE", help="With this in its EncryptionContext; may be repeated."
        ),
    ] = None
    detail: Annotated[
        list[str] | None,
        typer.Option("--detail", metavar="NAME=VALUE", help="That says this of NAME; may be repeated."),
    ] = None
    called_from: Annotated[
        Text, _option("called-from", "TIME", "Whose request came then or later, by the service's clock.")
    ] = None
    called_to: Annotated[Text, _option("called-to", "TIME", "Whose request came before then, or on that last day.")] = (
        None
    )
    from_position: Annotated[
        int | None, typer.Option("--from-position", metavar="N", min=1, help="Not before this position.")
    ] = None
    to_position: Annotated[
        int | None, typer.Option("--to-position", metavar="N", min=1, help="Not after this position.")
    ] = None

    def query(self) -> dict[str, str]:
        """As the service takes them, except for principals without an account.

        :raises WrongUse: one of them cannot be meant.
        """
        _check_outcomes(self.outcome)
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _PAIRS}
        query = {name: _text(value) for name, value in given.items() if value is not None}
        if self.key_id is not None:
            query["key_id"] = str(key_id_of(self.key_id))
        context = parts_of(self.context or [])
        details = parts_of(self.detail or [], "--detail", "policy_name=use-one-key")
        for prefix, pairs in ((CONTEXT, context), (DETAILS, details)):
            query |= {f"{prefix}{name}": value for name, value in pairs.items()}
        return query


def in_options(message: str) -> str:
    """What the service says of a question about events, with our options where it names its parameters.

    Within a sentence only those that are no words of English: ``key_id``.
    """
    options = _options()
    told = re.sub(r"^The specified parameter (\S+) is not valid", lambda found: _refused(found, options), message)
    return re.sub(r"\b[a-z]+_[a-z_]+\b", lambda found: options.get(found[0], found[0]), told)


def _refused(found: re.Match[str], options: Mapping[str, str]) -> str:
    prefix, dot, _ = found[1].partition(".")
    option = options.get(f"{prefix}{dot}" if dot else prefix)
    return f"What {option} says is not valid" if option else found[0]


@cache
def _options() -> Mapping[str, str]:
    """By the names of the service's parameters."""
    hints = get_type_hints(Filters, include_extras=True)
    # Within Annotated, Typer takes the first declaration for the default.
    named = {field.name: str(get_args(hints[field.name])[1].default) for field in fields(Filters)}
    flag = {"secure_transport": "--over-tls"}
    return {**named, **flag, "from": "--from", "to": "--to", CONTEXT: named["context"], DETAILS: named["detail"]}


_PAIRS: Final = frozenset(("context", "detail"))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_outcomes(given: str | None) -> None:
    for outcome in (given or "").split(",") if given else ():
        if outcome.strip() not in OUTCOMES:
            raise WrongUse(f"There is no outcome {outcome!r}.", f"An event's outcome is one of {', '.join(OUTCOMES)}.")
