"""What a caller writes where a key is wanted: a bare key id, the key's ARN, or an alias.

Here: the published shapes. Not here: whether the key exists, or whose it is; that is decided on the ledger.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from domain.errors import AliasNotFound, InvalidParameter

_UUID: Final = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ARN: Final = r"acs:kms:(?P<region>[a-z0-9-]{1,64}):(?P<account>[0-9]{1,32}):"
_KEY: Final = re.compile(rf"(?:{_ARN}key/)?(?P<key>{_UUID})")
_ALIAS: Final = re.compile(rf"(?:{_ARN})?alias/[A-Za-z0-9_/-]{{1,249}}")

_EXPECTED: Final = "Expected a key id (a UUID in lower case), acs:kms:<region>:<account>:key/<key id>, or alias/<name>."


class KeyReference(NamedTuple):
    """A key by its id; region and account are known only where an ARN named them."""

    key_id: UUID
    region_id: str | None = None
    account_id: str | None = None

    def may_be_in(self, region_id: str, account_id: str) -> bool:
        """Whether it is no ARN, or one of this region and account."""
        return self.region_id in (None, region_id) and self.account_id in (None, account_id)


@lru_cache(maxsize=4_096)
def parse(text: str, parameter: str = "KeyId") -> KeyReference:
    """Read ``text``, the value of ``parameter``. Remembered: a key is used more than once.

    :raises InvalidParameter: none of the shapes (the live service tells a wrong shape from an unknown key).
    :raises AliasNotFound: the shape of an alias of 1 to 255 characters, ``alias/`` included: no alias exists yet.
    """
    found = _KEY.fullmatch(text)
    if found is not None:
        return KeyReference(UUID(found["key"]), found["region"], found["account"])
    if _ALIAS.fullmatch(text) is not None:
        raise AliasNotFound
    raise InvalidParameter(parameter, _EXPECTED)
