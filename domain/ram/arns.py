"""Names of principals and of RAM's resources (ARN: Alibaba Cloud Resource Name).

Principals stand in ``acs:ram::<uid>:…``, resources that somebody asks about in ``acs:ram:*:<uid>:…``, as Alibaba's
pages about RAM's authorisation write them.
"""

from __future__ import annotations


def root(account_id: str) -> str:
    return f"acs:ram::{account_id}:root"


def user(account_id: str, user_name: str) -> str:
    return f"acs:ram::{account_id}:user/{user_name}"


def role(account_id: str, role_name: str) -> str:
    return f"acs:ram::{account_id}:role/{role_name}"


def session(account_id: str, role_name: str, session_name: str) -> str:
    """Of who acts as the role, as STS tells it (AssumedRoleUser.Arn)."""
    return f"acs:ram::{account_id}:role/{role_name}/{session_name}"


def matched(resource: str) -> str:
    """Any resource, as policies' patterns are matched with it: RAM has no regions, so policies write ``acs:ram:*:`` as
    well as ``acs:ram::``, and both are to match."""
    return resource.replace("acs:ram:*:", "acs:ram::", 1)
