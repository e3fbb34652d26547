"""RAM's entities as its API tells them: fields of Alibaba's reference, dates as ``yyyy-MM-ddTHH:mm:ssZ``.

What was just created is told from its event: by the time of the answer it may be gone again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from api.handlers import date
from domain import events
from domain.ram import arns
from domain.ram.entities import AccessKey, AccessKeyStatus, Group, ManagedPolicy, PolicyVersion, Role, User
from domain.ram.listing import Linked


def wrapped(outer: str, inner: str, entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """A list as Alibaba writes lists: ``{"Users": {"User": […]}}``; XML repeats the inner element."""
    return {outer: {inner: list(entries)}}


# --- users ---


def created_user(event: events.UserCreated) -> dict[str, str]:
    return {
        "UserId": event.user_id,
        "UserName": event.user_name,
        "DisplayName": event.display_name,
        "MobilePhone": event.mobile_phone,
        "Email": event.email,
        "Comments": event.comments,
        "CreateDate": date(event.timestamp),
    }


def user(one: User) -> dict[str, str]:
    return {
        "UserId": one.id,
        "UserName": one.name,
        "DisplayName": one.display_name,
        "MobilePhone": one.mobile_phone,
        "Email": one.email,
        "Comments": one.comments,
        "CreateDate": date(one.created_at),
        "UpdateDate": date(one.updated_at),
    }


def member(linked: Linked[User]) -> dict[str, str]:
    one, link = linked
    return {"UserName": one.name, "DisplayName": one.display_name, "JoinDate": date(link.at)}


def user_with_policy(linked: Linked[User]) -> dict[str, str]:
    one, link = linked
    return {"UserId": one.id, "UserName": one.name, "DisplayName": one.display_name, "AttachDate": date(link.at)}


# --- access keys ---


def created_access_key(event: events.UserAccessKeyCreated | events.AccessKeyCreated, secret: str) -> dict[str, str]:
    """The only time that the secret is told."""
    return {
        "AccessKeyId": event.access_key_id,
        "AccessKeySecret": secret,
        "Status": AccessKeyStatus.ACTIVE.value,
        "CreateDate": date(event.timestamp),
    }


def access_key(key: AccessKey) -> dict[str, str]:
    return {"AccessKeyId": key.access_key_id, "Status": key.status.value, "CreateDate": date(key.created_at)}


# --- groups ---


def created_group(event: events.GroupCreated) -> dict[str, str]:
    return {
        "GroupId": event.group_id,
        "GroupName": event.group_name,
        "Comments": event.comments,
        "CreateDate": date(event.timestamp),
    }


def group(one: Group) -> dict[str, str]:
    return {
        "GroupId": one.id,
        "GroupName": one.name,
        "Comments": one.comments,
        "CreateDate": date(one.created_at),
        "UpdateDate": date(one.updated_at),
    }


def joined_group(linked: Linked[Group]) -> dict[str, str]:
    one, link = linked
    return {"GroupId": one.id, "GroupName": one.name, "Comments": one.comments, "JoinDate": date(link.at)}


def group_with_policy(linked: Linked[Group]) -> dict[str, str]:
    one, link = linked
    return {"GroupName": one.name, "Comments": one.comments, "AttachDate": date(link.at)}


# --- policies ---


def created_policy(event: events.PolicyCreated) -> dict[str, str]:
    return {
        "PolicyName": event.policy_name,
        "PolicyType": "Custom",
        "Description": event.description,
        "DefaultVersion": "v1",
        "CreateDate": date(event.timestamp),
    }


def policy(one: ManagedPolicy) -> dict[str, Any]:
    return {
        "PolicyName": one.name,
        "PolicyType": one.policy_type.value,
        "Description": one.description,
        "DefaultVersion": one.default_version,
        "CreateDate": date(one.created_at),
        "UpdateDate": date(one.updated_at),
    }


def attached_policy(linked: Linked[ManagedPolicy]) -> dict[str, str]:
    one, link = linked
    return {
        "PolicyName": one.name,
        "PolicyType": one.policy_type.value,
        "Description": one.description,
        "DefaultVersion": one.default_version,
        "AttachDate": date(link.at),
    }


def created_version(event: events.PolicyVersionCreated) -> dict[str, Any]:
    return {
        "VersionId": event.version_id,
        "IsDefaultVersion": event.set_as_default,
        "PolicyDocument": event.document,
        "CreateDate": date(event.timestamp),
    }


def version(one: PolicyVersion, of: ManagedPolicy) -> dict[str, Any]:
    return {
        "VersionId": one.version_id,
        "IsDefaultVersion": one.version_id == of.default_version,
        "PolicyDocument": one.document,
        "CreateDate": date(one.created_at),
    }


# --- roles ---


def created_role(event: events.RoleCreated) -> dict[str, Any]:
    return {
        "RoleId": event.role_id,
        "RoleName": event.role_name,
        "Arn": arns.role(event.account_id, event.role_name),
        "Description": event.description,
        "AssumeRolePolicyDocument": event.trust_policy,
        "CreateDate": date(event.timestamp),
        "MaxSessionDuration": event.max_session_duration,
        "AllowConsoleLogin": False,
    }


def role(one: Role, account_id: str) -> dict[str, Any]:
    """As lists tell it: without the trust policy."""
    return {
        "RoleId": one.id,
        "RoleName": one.name,
        "Arn": arns.role(account_id, one.name),
        "Description": one.description,
        "CreateDate": date(one.created_at),
        "UpdateDate": date(one.updated_at),
        "MaxSessionDuration": one.max_session_duration,
        "AllowConsoleLogin": False,
    }


def whole_role(one: Role, account_id: str) -> dict[str, Any]:
    return {**role(one, account_id), "AssumeRolePolicyDocument": one.trust_policy}


def role_with_policy(linked: Linked[Role], account_id: str) -> dict[str, str]:
    one, link = linked
    return {
        "RoleId": one.id,
        "RoleName": one.name,
        "Arn": arns.role(account_id, one.name),
        "Description": one.description,
        "AttachDate": date(link.at),
    }
