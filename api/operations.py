"""The one table of operations: RPC, REST routes, OpenAPI page, authorisation and audit test are made from it.

Its lines stand in one module a product; here they are found by what a request asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api import audit_operations, kms_operations, ram_operations, sts
from api.action import Action

OPERATIONS: Final[Mapping[tuple[str, str], Action]] = {
    (action.product.version, action.name): action
    for action in (*kms_operations.TABLE, *ram_operations.TABLE, *sts.TABLE, *audit_operations.TABLE)
}
"""By version of the API and name: Alibaba's products share one endpoint, and the version says which is meant."""
