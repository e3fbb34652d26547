"""What a line of the table of operations says: the product it belongs to, its handler, effect, resources, parameters.

Not here: the lines themselves (:mod:`api.kms_operations`, :mod:`api.ram_operations`, :mod:`api.audit_operations`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from api.parameters import KEY_ID, Parameters
from api.services import Services
from api.streaming import Stream
from domain.recording import Case
from domain.vocabulary import Operation

Fields = Mapping[str, Any]
Told = Fields | Stream
Handler = Callable[[Services, Case, Parameters], Awaitable[Told]]


class Product(Enum):
    """RAM's prefix of actions, and the version of the API by which a request says which product it means.

    AUDIT is no product of Alibaba's: what its ActionTrail cannot be asked.

    :ivar is_regional: all but KMS are the same everywhere: what a request says of regions means nothing to them.
    """

    KMS = ("kms", "2016-01-20")
    RAM = ("ram", "2015-05-01")
    STS = ("sts", "2015-04-01")
    AUDIT = ("audit", "2026-11-25")
    ACTIONTRAIL = ("actiontrail", "2020-07-06")

    def __init__(self, prefix: str, version: str) -> None:
        self.prefix = prefix
        self.version = version
        self.is_regional = prefix == "kms"


class Effect(StrEnum):
    """What an operation does to keys, or to who may do what."""

    READS = "reads"
    CHANGES = "changes"
    USES = "uses"


@dataclass(frozen=True, slots=True)
class Parameter:
    """:param kind: JSON's type on REST routes; RPC sends every value as a string."""

    name: str
    kind: str
    required: bool
    text: str
    example: Any


@dataclass(frozen=True, slots=True)
class Action:
    """:param resources: what RAM authorises the operation on: the last parts of ARNs, with parameters in braces. All of
        them must be allowed.
    :param route: method and path of its REST route; empty where only the RPC endpoint has it.
    :param answer: what OpenAPI says of its answer's content, by media type.
    """

    product: Product
    operation: Operation
    handler: Handler
    effect: Effect
    resources: tuple[str, ...]
    route: str
    summary: str
    parameters: tuple[Parameter, ...]
    answer: Mapping[str, Any] = field(default_factory=dict)

    name: str = field(init=False)
    changes_authority: bool = field(init=False)
    """Whether it changes who may do what in the caller's account."""
    names_key: bool = field(init=False)
    """Whether a parameter of it names a CMK."""
    xml_root: str = field(init=False)
    """Of an answer: KMS has one for all of them (Alibaba: "Response results")."""

    def __post_init__(self) -> None:
        """What follows from the rest; kept, because every request asks."""
        name = self.operation.value
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "changes_authority", self.product is Product.RAM and self.effect is Effect.CHANGES)
        object.__setattr__(self, "names_key", any(parameter.name == KEY_ID for parameter in self.parameters))
        object.__setattr__(self, "xml_root", "KMS" if self.product is Product.KMS else f"{name}Response")

    @property
    def ram_action(self) -> str:
        return f"{self.product.prefix}:{self.name}"
