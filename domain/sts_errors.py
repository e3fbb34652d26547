"""What AssumeRole says of its parameters (Alibaba Cloud STS, "AssumeRole": error codes)."""

from __future__ import annotations

from domain.errors import InvalidRequest


class InvalidRoleArn(
    InvalidRequest,
    code="InvalidParameter.RoleArn",
    message="The parameter RoleArn is wrongly formed. Expected acs:ram::<account id>:role/<role name>.",
): ...


class InvalidRoleSessionName(
    InvalidRequest,
    code="InvalidParameter.RoleSessionName",
    message="The parameter RoleSessionName is wrongly formed. Expected 2 to 64 letters, digits, '.', '@', '-' and '_'.",
): ...


class InvalidDurationSeconds(
    InvalidRequest,
    code="InvalidParameter.DurationSeconds",
    message="The parameter DurationSeconds is wrongly formed. Expected 900 to the role's MaxSessionDuration.",
): ...
