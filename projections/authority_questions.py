"""Questions about who was granted what: the facts of an account, at a time or over all of it, page by page.

Rows of :mod:`projections.authority` are asked as they stood at a position: what ended after it had not ended yet. So
pages of one question are pages of one list, whatever is granted and taken away between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from domain.audit.filters import Texts
from projections.authority import AuthorityRows
from projections.pages import Connection

NAME: Final = AuthorityRows.name


@dataclass(frozen=True, slots=True)
class Asked:
    """:param at: only what stood after this position; None for all that ever stood.
    :param subject: whose; None for everybody's. :param what: of what; None for everything.
    """

    at: int | None = None
    subject: Texts | None = None
    what: Texts | None = None


async def grants(
    connection: Connection, account_id: str, asked: Asked, until: int, offset: int, limit: int
) -> list[dict[str, Any]]:
    """In the order in which they began. :param until: as it stood at this position."""
    values: dict[str, Any] = {"account": account_id, "until": until, "offset": offset, "limit": limit}
    conditions = ["account_id = %(account)s", "since_position <= %(until)s"]
    if asked.at is not None:
        values["at"] = asked.at
        conditions += ["since_position <= %(at)s", "(until_position is null or until_position > %(at)s)"]
    for column, texts in (("subject", asked.subject), ("object", asked.what)):
        if texts is not None:
            values[column] = (*texts.exact, *texts.prefixes)[0]
            conditions.append(f"{column} {'^@' if texts.prefixes else '='} %({column})s")
    statement = _GRANTS.format(conditions=" and ".join(conditions))
    cursor = await connection.execute(statement.encode(), values, prepare=False)
    return [_told(row) for row in await cursor.fetchall()]


_COLUMNS: Final = (
    "kind", "subject", "object", "details", "since", "since_position", "began_with", "granted_by", "granted_at",
    "granted_position", "until", "until_position", "ended_by", "ended_with",
)  # fmt: skip


def _told(row: Sequence[Any]) -> dict[str, Any]:
    return {name: value for name, value in zip(_COLUMNS, row, strict=True) if value is not None}


_GRANTS: Final = """
select kind, subject, object, details, since, since_position, began_with, granted_by, granted_at, granted_position,
    case when ended then until end, case when ended then until_position end,
    case when ended then ended_by end, case when ended then ended_with end
from (select *, until_position <= %(until)s as ended from projections.authority) a
where {conditions}
order by since_position, kind, subject, object
offset %(offset)s limit %(limit)s
"""
