"""Permission comes first: an operation of RAM, or on the audit trail, is decided only after all ARNs it touches were
allowed.

So nobody learns without permission whether a user, a policy or a role exists.
"""

from __future__ import annotations

import re
from typing import Final

from api.action import Handler, Told
from api.parameters import Parameters
from api.ram import reading
from api.services import Services
from domain.call import Caller
from domain.ram.entities import PolicyType
from domain.recording import Case

_BRACES: Final = re.compile(r"\{(\w+)\??\}")
_OPTIONAL: Final = re.compile(r"\{(\w+)\?\}")


def authorised(ram_action: str, resources: tuple[str, ...], handler: Handler) -> Handler:
    """``handler``, asked only where ``ram_action`` is allowed on all of ``resources``."""

    product = ram_action.partition(":")[0]

    async def decided(services: Services, case: Case, given: Parameters) -> Told:
        for resource in arns(resources, given, case.call.by, product):
            case.authorise(ram_action, resource)
        return await handler(services, case, given)

    return decided


def arns(resources: tuple[str, ...], given: Parameters, caller: Caller, product: str = "ram") -> tuple[str, ...]:
    """``acs:ram:*:<uid>:user/alice`` for ``user/{UserName}``.

    ``user/{NewUserName?}`` is asked about where it is sent: a rename needs permission on both names, or whoever may
    change one user could make it the one that another account's role trusts.
    ``{Owner}`` is the user whose access keys are meant; ``{PolicyType}:`` says whose a policy is: the account's or the
    system's. Only an operation that needs PolicyType has it: the others are about custom policies, whatever is sent.

    :raises MissingParameter: what an ARN is made of is absent.
    """
    return tuple(_arn(product, resource, given, caller) for resource in resources if _is_sent(resource, given))


def _is_sent(resource: str, given: Parameters) -> bool:
    optional = _OPTIONAL.search(resource)
    return optional is None or bool(given.optional(optional[1]))


def _arn(product: str, resource: str, given: Parameters, caller: Caller) -> str:
    whose, _, named = resource.rpartition(":")
    of_system = whose == "{PolicyType}" and given.required("PolicyType") == PolicyType.SYSTEM
    account = "system" if of_system else caller.account_id
    return f"acs:{product}:*:{account}:{_BRACES.sub(lambda braces: _value(braces[1], given, caller), named)}"


def _value(name: str, given: Parameters, caller: Caller) -> str:
    if name == "Owner":
        return reading.owner(given, caller) or "root"
    return given.required(name)
