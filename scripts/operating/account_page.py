"""What ``key-ledger account show`` tells of one account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.ram.entities import AccessKey
from scripts.operating.table import Form, Table
from scripts.operating.table import show as show_table


@dataclass(frozen=True, slots=True)
class Region:
    region_id: str
    keys: int
    quota: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """:param policies: custom ones. :param regions: all of the deployment."""

    account_id: str
    created_at: datetime
    created_by: str
    root_access_keys: Sequence[AccessKey]
    users: int
    groups: int
    roles: int
    policies: int
    regions: Sequence[Region]


def show(page: Page, *, as_json: bool) -> None:
    """On standard output."""
    facts: dict[str, str | int] = {
        "account_id": page.account_id,
        "created": _time(page.created_at),
        "created_by": page.created_by,
        "users": page.users,
        "groups": page.groups,
        "roles": page.roles,
        "policies": page.policies,
    }
    keys = [(key.access_key_id, key.status.value, _time(key.created_at)) for key in page.root_access_keys]
    root = Table(("root_access_key", "status", "created"), keys)
    regions = Table(("region", "keys", "quota"), [(one.region_id, one.keys, one.quota) for one in page.regions])
    if as_json:
        told = {**facts, "root_access_keys": root.objects(), "regions": regions.objects()}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    for name, value in facts.items():
        print(f"{name.replace('_', ' '):<11} {value}")
    print()
    show_table(root, Form.TABLE, {})
    print()
    show_table(regions, Form.TABLE, {}, [one.keys / one.quota if one.quota else 1.0 for one in page.regions])


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
