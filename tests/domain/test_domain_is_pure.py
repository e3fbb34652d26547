"""The domain has no clock, no chance and no world: this is the closed list of what it may import and from there use."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import domain

FILES: Final = sorted(Path(next(iter(domain.__path__))).rglob("*.py"))

ALLOWED: Final[dict[str, frozenset[str]]] = {
    "__future__": frozenset({"annotations"}),
    "binascii": frozenset(),
    "collections": frozenset({"Counter"}),
    "collections.abc": frozenset(
        {"Awaitable", "Callable", "Container", "Hashable", "Iterable", "Iterator", "Mapping", "Sequence"}
    ),
    "dataclasses": frozenset({"dataclass", "field", "replace"}),
    "datetime": frozenset({"UTC", "date", "datetime", "timedelta"}),
    "enum": frozenset({"StrEnum"}),
    "eventsourcing.domain": frozenset({"DomainEvent"}),
    "hashlib": frozenset(),
    "functools": frozenset({"lru_cache", "partial"}),
    "ipaddress": frozenset({"IPv4Network", "IPv6Network", "ip_network"}),
    "itertools": frozenset({"product"}),
    "json": frozenset(),
    "operator": frozenset(),
    "re": frozenset(),
    "struct": frozenset(),
    "types": frozenset({"MappingProxyType"}),
    "typing": frozenset({"Any", "ClassVar", "Final", "Generic", "Never", "NamedTuple", "Protocol", "TypeVar"}),
    "uuid": frozenset({"UUID", "uuid5"}),
}
"""Module -> names taken from it; an empty set where the module itself is imported. It grows only by purpose."""

WORLDLY: Final = (
    {"now", "utcnow", "today", "fromtimestamp", "time", "monotonic", "sleep"}
    | {"uuid1", "uuid4", "urandom", "random"}
    | {"getenv", "environ", "open", "print", "input", "eval", "exec", "__import__", "globals"}
)
"""Names that read a clock, throw dice, or reach out, whatever they are called on."""

THROUGH_PORTS: Final = {"custody": {"random"}}
"""The bytes of a data key: chance comes from the HSM, by ``Hsm.random``."""

every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def imports(tree: ast.AST) -> Iterator[tuple[str, frozenset[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, frozenset()) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module or ".", frozenset(alias.name for alias in node.names)


def called(tree: ast.AST) -> Iterator[str]:
    """The last part of every name that is called or read from something imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        if isinstance(node, ast.Attribute):
            yield node.attr


def test_the_whole_domain_is_looked_at() -> None:
    assert {"custody", "stewardship", "key", "recording", "ports"} <= {file.stem for file in FILES}


@every_file
def test_a_domain_module_imports_only_what_the_list_allows(file: Path) -> None:
    taken = [(module, names) for module, names in imports(ast.parse(file.read_text())) if not ours(module)]
    assert {module for module, _ in taken} <= ALLOWED.keys()
    assert {name for module, names in taken for name in names - ALLOWED[module]} == set()


def ours(module: str) -> bool:
    return module == "domain" or module.startswith("domain.")


@every_file
def test_a_domain_module_asks_neither_clock_nor_dice_nor_world(file: Path) -> None:
    assert set(called(ast.parse(file.read_text()))) & WORLDLY == THROUGH_PORTS.get(file.stem, set())


def test_nothing_in_the_list_is_unused() -> None:
    taken = [pair for file in FILES for pair in imports(ast.parse(file.read_text()))]
    assert ALLOWED.keys() == {module for module, _ in taken if not ours(module)}
    for module, allowed in ALLOWED.items():
        assert allowed == {name for taken_from, names in taken if taken_from == module for name in names}
