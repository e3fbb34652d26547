"""What ``audit what-if`` supposes: options, made into exactly one hypothesis, with the documents that they name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

import typer

from scripts.envelope.endpoints import Source
from scripts.envelope.failure import WrongUse

_DOCUMENT_MAX: Final = 65_536
_TYPES: Final = ("Custom", "System")
_ONE: Final = (
    "Give one of: --policy-name N --document FILE; --attach FILE --to user/NAME; "
    "--detach Custom/N --from-target user/NAME; --role NAME --trust FILE."
)


@dataclass(frozen=True, kw_only=True)
class Supposition:
    """Options."""

    TITLE: ClassVar = "What is supposed (one of the four)"

    policy_name: Annotated[
        str | None, typer.Option("--policy-name", metavar="NAME", help="That this custom policy had said …")
    ] = None
    document: Annotated[str | None, typer.Option("--document", metavar="FILE", help="… what stands in this file.")] = (
        None
    )
    attach: Annotated[
        str | None, typer.Option("--attach", metavar="FILE", help="That the policy in this file had been attached …")
    ] = None
    to: Annotated[
        str | None, typer.Option("--to", metavar="TARGET", help="… to user/NAME, group/NAME or role/NAME.")
    ] = None
    detach: Annotated[
        str | None,
        typer.Option("--detach", metavar="TYPE/NAME", help="That Custom/NAME or System/NAME had been detached …"),
    ] = None
    from_target: Annotated[
        str | None, typer.Option("--from-target", metavar="TARGET", help="… from user/NAME, group/NAME or role/NAME.")
    ] = None
    role: Annotated[str | None, typer.Option("--role", metavar="NAME", help="That this role had trusted …")] = None
    trust: Annotated[
        str | None, typer.Option("--trust", metavar="FILE", help="… whom the trust policy in this file names.")
    ] = None

    def content(self) -> dict[str, Any]:
        """As the service takes it.

        :raises WrongUse: not exactly one. :raises FileTrouble: a file cannot be read.
        """
        pairs = {
            "policy": (self.policy_name, self.document),
            "attach": (self.attach, self.to),
            "detach": (self.detach, self.from_target),
            "trust": (self.role, self.trust),
        }
        given = [name for name, pair in pairs.items() if any(part is not None for part in pair)]
        if len(given) != 1:
            raise WrongUse("One thing is supposed at a time, and one must be.", _ONE)
        first, second = pairs[given[0]]
        if first is None or second is None:
            raise WrongUse("Half of what is supposed is missing.", _ONE)
        return _MADE[given[0]](first, second)


def _policy(name: str, file: str) -> dict[str, Any]:
    return {"policy_name": name, "document": _read(file)}


def _attach(file: str, target: str) -> dict[str, Any]:
    return {"attach": {"document": _read(file), "to": _checked(target, "--to")}}


def _detach(policy: str, target: str) -> dict[str, Any]:
    kind, _, name = policy.partition("/")
    if kind not in _TYPES or not name:
        raise WrongUse(f"--detach {policy!r} names no policy.", "Write it like Custom/NAME or System/NAME .")
    return {"detach": {"policy_type": kind, "policy_name": name, "from": _checked(target, "--from-target")}}


def _trust(role: str, file: str) -> dict[str, Any]:
    return {"role_name": role.removeprefix("role/"), "trust_policy": _read(file)}


_MADE: Final = {"policy": _policy, "attach": _attach, "detach": _detach, "trust": _trust}


def _checked(target: str, option: str) -> str:
    kind, _, name = target.partition("/")
    if kind not in ("user", "group", "role") or not name:
        raise WrongUse(f"{option} {target!r} is nobody.", "Write it like user/NAME, group/NAME or role/NAME .")
    return target


def _read(file: str) -> dict[str, Any]:
    """A policy document: what it means, and whether it is one, the service says."""
    return json_object(file, "policy document", "Write it as CreatePolicy takes it.")


def json_object(file: str, what: str, advice: str) -> dict[str, Any]:
    """:param what: it should be, for whoever gave another file.

    :raises WrongUse: it is none. :raises FileTrouble: it cannot be read.
    """
    with Source(file) as source:
        content = bytearray()
        while piece := source.read(_DOCUMENT_MAX):
            content += piece
            if len(content) > _DOCUMENT_MAX:
                raise WrongUse(f"{file} is too large for a {what}.", "Name the file of one.")
    try:
        document = json.loads(bytes(content), object_pairs_hook=_members)
    except RecursionError:
        raise WrongUse(f"{file} is nested too deeply.", advice) from None
    except ValueError as trouble:
        raise WrongUse(f"{file} is not JSON: {trouble}.", advice) from None
    if not isinstance(document, dict):
        raise WrongUse(f"{file} is no {what}.", advice)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """:raises ValueError: a name that comes twice, of which one would be ignored."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice in one object")
    return found
