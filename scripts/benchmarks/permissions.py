"""A caller with many attached policies, and questions about it, in Alibaba's policy language and in Cedar's.

Policy ``n`` of a caller has three statements: the use of one named key and of keys whose ids begin alike, a Deny of
deleting keys that are tagged as production, and looking at keys from its own network. Questions are about what only the
last policy says, so that no order of looking is lucky.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from domain.call import Call, Caller
from domain.vocabulary import Operation

ACCOUNT: Final = "1234567890123456"
PRINCIPAL: Final = f"acs:ram::{ACCOUNT}:user/bench"
USES: Final = ("kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey")
POLICIES_MAX: Final = 250
"""Each policy has a network 10.n.0.0/16 of its own."""


def key(policy: int, number: int) -> str:
    """ARN of one of the keys that the policy is about; number 0 is the one that it names."""
    return f"acs:kms:cn-hangzhou:{ACCOUNT}:key/{policy:08x}-0000-4000-8000-{number:012x}"


def document(policy: int) -> str:
    own, network = f"{policy:08x}-", f"10.{policy}.0.0/16"
    use = {"Effect": "Allow", "Action": list(USES), "Resource": [key(policy, 0), f"acs:kms:*:{ACCOUNT}:key/{own}*"]}
    keep = {
        "Effect": "Deny",
        "Action": "kms:ScheduleKeyDeletion",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:tag/stage": "production"}},
    }
    look = {
        "Effect": "Allow",
        "Action": ["kms:Describe*", "kms:List*"],
        "Resource": f"acs:kms:*:{ACCOUNT}:key*",
        "Condition": {"IpAddress": {"acs:SourceIp": network}},
    }
    return json.dumps({"Version": "1", "Statement": [use, keep, look]})


def in_cedar(policy: int) -> str:
    """The same statements. Cedar has actions as entities, so the published wildcards are spelled out."""
    own, network = f"{policy:08x}-", f"10.{policy}.0.0/16"
    uses = ", ".join(f'Action::"{action}"' for action in USES)
    return f"""
permit (principal == User::"bench", action in [{uses}], resource)
when {{ context.arn == "{key(policy, 0)}" || context.arn like "acs:kms:*:{ACCOUNT}:key/{own}*" }};
forbid (principal == User::"bench", action == Action::"kms:ScheduleKeyDeletion", resource)
when {{ context.tags has stage && context.tags.stage == "production" }};
permit (principal == User::"bench", action in [Action::"kms:DescribeKey", Action::"kms:ListKeys"], resource)
when {{ context.arn like "acs:kms:*:{ACCOUNT}:key*" && context.ip.isInRange(ip("{network}")) }};
"""


@dataclass(frozen=True, slots=True)
class Question:
    """:param resources: asked about in turn, for ever."""

    name: str
    action: str
    resources: tuple[str, ...]
    is_allowed: bool

    def turns(self) -> Iterator[str]:
        return itertools.cycle(self.resources)


def questions(policies: int) -> list[Question]:
    last = policies - 1
    many = tuple(key(last, number) for number in range(1, 10_001))
    return [
        Question("the same key again", "kms:Encrypt", (key(last, 0),), True),
        Question("another key every time", "kms:Encrypt", many, True),
        Question("a condition in every policy", "kms:DescribeKey", (key(last, 0),), True),
        Question("nothing allows it", "kms:Encrypt", (key(policies, 0),), False),
        Question("another key every time, and nothing allows it", "kms:CreateKey", many, False),
    ]


def call(policies: int) -> Call:
    """From the last policy's network."""
    by = Caller(account_id=ACCOUNT, kind="ram-user", principal=PRINCIPAL, access_key_id="LTAIbench", user_name="bench")
    return Call(
        by=by,
        operation=Operation.ENCRYPT,
        request_id=UUID(int=1),
        stream=UUID(int=2),
        at=datetime(2026, 11, 24, 12, tzinfo=UTC),
        region_id="cn-hangzhou",
        source_ip=f"10.{policies - 1}.2.3",
    )


def cedar_request(action: str, resource: str, policies: int) -> dict[str, Any]:
    """With the facts in it, since Cedar's context is made before it is asked for."""
    address = {"__extn": {"fn": "ip", "arg": f"10.{policies - 1}.2.3"}}
    return {
        "principal": {"type": "User", "id": "bench"},
        "action": {"type": "Action", "id": action},
        "resource": {"type": "Key", "id": resource},
        "context": {"arn": resource, "ip": address, "tags": {}},
    }
