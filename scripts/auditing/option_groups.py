"""Options that several commands have in common, declared once: a group is a dataclass, and its fields are options.

A command takes the group as one parameter; its users see the options. Typer knows no such groups, but it reads a
function's signature, and that is made here. Help shows the options of a group together, under its ``TITLE``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from copy import copy
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, get_args, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with an option for each field of its groups."""
    given = inspect.signature(command, eval_str=True).parameters.values()
    groups: dict[str, Any] = {each.name: each.annotation for each in given if is_dataclass(each.annotation)}

    @wraps(command)
    def expanded(**values: Any) -> None:
        made = {
            name: group(**{field.name: values.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**values, **made)

    parameters: list[inspect.Parameter] = []
    for each in given:
        parameters += _options(each.annotation) if each.name in groups else [each]
    expanded.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks for first
    expanded.__annotations__ = {each.name: each.annotation for each in parameters}
    return expanded


def _options(group: Any) -> list[inspect.Parameter]:
    annotations = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(field),
            annotation=_titled(annotations[field.name], group.TITLE),
        )
        for field in fields(group)
    ]


def _titled(annotation: Any, title: str) -> Any:
    """A copy: options may be shared with commands that have no groups."""
    kind, option = get_args(annotation)
    option = copy(option)
    option.rich_help_panel = title
    return Annotated[kind, option]


def _default(field: Field[Any]) -> Any:
    return inspect.Parameter.empty if field.default is MISSING else field.default
