"""When the sessions of roles began that made calls: an event of a session does not repeat it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from projections.pages import Connection

_BEGUN: Final = """
select details ->> 'access_key_id', called_at
from projections.audit_trail
where topic = 'sts.role.assumed' and details ->> 'access_key_id' = any(%s)
"""


async def begun_at(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """By access key of a session, of those that made the calls in ``rows``."""
    keys = {row["access_key_id"] for row in rows if row["principal_kind"] == "assumed-role"}
    if not keys:
        return {}
    cursor = await connection.execute(_BEGUN, (sorted(keys),), prepare=False)
    return dict(await cursor.fetchall())
