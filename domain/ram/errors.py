"""What RAM (2015-05-01) and STS (2015-04-01) refuse with, in the families of :mod:`domain.errors`.

Codes and messages as Alibaba Cloud RAM, "Error codes", publishes them, but for slips of the pen there; what follows a
published message says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.errors import Denied, InvalidRequest, NotFound, StateConflict


class RamNoPermission(
    Denied, code="NoPermission", message="You are not authorized to do this action. You should be authorized by RAM."
):
    """RAM's and STS's code for what KMS calls Forbidden.NoPermission."""


# --- parameters ---


class MalformedPolicyDocument(
    InvalidRequest, code="MalformedPolicyDocument", message="The policy document is not valid."
): ...


class InvalidSessionPolicy(
    InvalidRequest, code="InvalidParameter.PolicyGrammar", message="The session policy is not valid."
): ...


class SessionPolicyTooLong(
    InvalidRequest, code="InvalidParameter.PolicySize", message="The session policy is too long."
): ...


class InvalidVersionId(
    InvalidRequest,
    code="InvalidParameter.VersionId.Format",
    message='The format of the parameter - "VersionId" is incorrect. Expected v1, v2 and so on.',
): ...


def _of_parameter(parameter: str, fault: str, message: str) -> type[InvalidRequest]:
    code = f"InvalidParameter.{parameter}.{fault}"
    return type(
        f"Invalid{parameter}{fault}",
        (InvalidRequest,),
        {},
        code=code,
        message=f'The parameter - "{parameter}" {message}',
    )


_WRITTEN: Final = (
    *("UserName", "NewUserName", "GroupName", "NewGroupName", "PolicyName", "RoleName"),
    *("DisplayName", "NewDisplayName", "MobilePhone", "NewMobilePhone", "Email", "NewEmail", "Comments", "NewComments"),
    *("Description", "NewDescription"),
)
"""Parameters whose text is anybody's to write."""

INVALID_CHARS: Final[Mapping[str, type[InvalidRequest]]] = MappingProxyType(
    {name: _of_parameter(name, "InvalidChars", "contains invalid chars.") for name in _WRITTEN}
)
"""By parameter."""

INVALID_LENGTH: Final[Mapping[str, type[InvalidRequest]]] = MappingProxyType(
    {name: _of_parameter(name, "Length", "beyond the length limit.") for name in _WRITTEN}
)
"""By parameter."""


# --- what does not exist ---


class UserNotFound(NotFound, code="EntityNotExist.User", message="The user does not exist."): ...


class UserAccessKeyNotFound(
    NotFound, code="EntityNotExist.User.AccessKey", message="The user access key does not exist."
): ...


class UserNotInGroup(NotFound, code="EntityNotExist.User.Group", message="The user has not joined the group."): ...


class GroupNotFound(NotFound, code="EntityNotExist.Group", message="The group does not exist."): ...


class RoleNotFound(NotFound, code="EntityNotExist.Role", message="The role does not exist."): ...


class PolicyNotFound(NotFound, code="EntityNotExist.Policy", message="The policy does not exist."): ...


class PolicyVersionNotFound(
    NotFound, code="EntityNotExist.Policy.Version", message="The policy version does not exist."
): ...


class UserHasNotPolicy(
    NotFound, code="EntityNotExist.User.Policy", message="The policy is not attached to the user."
): ...


class GroupHasNotPolicy(
    NotFound, code="EntityNotExist.Group.Policy", message="The policy is not attached to the group."
): ...


class RoleHasNotPolicy(
    NotFound, code="EntityNotExist.Role.Policy", message="The policy is not attached to the role."
): ...


# --- what exists already ---


class UserExists(
    StateConflict,
    code="EntityAlreadyExists.User",
    message="The user does already EXIST. Names that differ in case only are the same name.",
): ...


class GroupExists(
    StateConflict,
    code="EntityAlreadyExists.Group",
    message="The group does already EXIST. Names that differ in case only are the same name.",
): ...


class RoleExists(
    StateConflict,
    code="EntityAlreadyExists.Role",
    message="The role does already EXIST. Names that differ in case only are the same name.",
): ...


class PolicyExists(
    StateConflict,
    code="EntityAlreadyExists.Policy",
    message="The policy does already EXIST. Names that differ in case only are the same name, system policies' too.",
): ...


class UserInGroup(
    StateConflict, code="EntityAlreadyExists.User.Group", message="The user has already joined the group."
): ...


class UserHasPolicy(
    StateConflict,
    code="EntityAlreadyExists.User.Policy",
    message="The user has already been attached this policy.",
): ...


class GroupHasPolicy(
    StateConflict,
    code="EntityAlreadyExists.Group.Policy",
    message="The group has already been attached this policy.",
): ...


class RoleHasPolicy(
    StateConflict,
    code="EntityAlreadyExists.Role.Policy",
    message="The role has already been attached this policy.",
): ...


# --- what stands in the way of a deletion ---


class UserHasAccessKeys(
    StateConflict,
    code="DeleteConflict.User.AccessKey",
    message="The user CAN NOT has any access key while deleting the user. Delete its access keys first.",
): ...


class UserIsInGroups(
    StateConflict,
    code="DeleteConflict.User.Group",
    message="The user CAN NOT be in any group while deleting the user. Remove it from its groups first.",
): ...


class UserHasPolicies(
    StateConflict,
    code="DeleteConflict.User.Policy",
    message="The user CAN NOT has any attached policy while deleting the user. Detach its policies first.",
): ...


class GroupHasUsers(
    StateConflict,
    code="DeleteConflict.Group.User",
    message="The group CAN NOT has any user member while deleting the group. Remove its users first.",
): ...


class GroupHasPolicies(
    StateConflict,
    code="DeleteConflict.Group.Policy",
    message="The entity CAN NOT has any attached policy while deleting the group. Detach its policies first.",
): ...


class RoleHasPolicies(
    StateConflict,
    code="DeleteConflict.Role.Policy",
    message="The role CAN NOT has any attached policy while deleting the role. Detach its policies first.",
): ...


class PolicyOnUsers(
    StateConflict,
    code="DeleteConflict.Policy.User",
    message="The policy CAN NOT been attached to any user while deleting the policy. Detach it first.",
): ...


class PolicyOnGroups(
    StateConflict,
    code="DeleteConflict.Policy.Group",
    message="The policy CAN NOT been attached to any group while deleting the policy. Detach it first.",
): ...


class PolicyOnRoles(
    StateConflict,
    code="DeleteConflict.Policy.Role",
    message="The policy CAN NOT been attached to any role while deleting the policy. Detach it first.",
): ...


class PolicyHasVersions(
    StateConflict,
    code="DeleteConflict.Policy.Version",
    message=(
        "The policy CAN NOT has any version except the default version. Delete the others first, or set "
        "CascadingDelete."
    ),
): ...


class PolicyVersionIsDefault(
    StateConflict,
    code="DeleteConflict.Policy.Version.Default",
    message="The default policy version CAN NOT been deleted directly. Set another version as default first.",
): ...


# --- what there may be no more of ---


class TooManyUsers(
    StateConflict, code="LimitExceeded.User", message="The count of users beyond the current limits."
): ...


class TooManyGroups(
    StateConflict, code="LimitExceeded.Group", message="The count of groups beyond the current limits."
): ...


class TooManyRoles(
    StateConflict, code="LimitExceeded.Role", message="The count of roles beyond the current limits."
): ...


class TooManyPolicies(
    StateConflict, code="LimitExceeded.Policy", message="The count of policy beyond the current limits."
): ...


class TooManyAccessKeys(
    StateConflict,
    code="LimitExceeded.User.AccessKey",
    message="The access key count of the user access keys beyond the current limits. Delete one first.",
): ...


class TooManyGroupsOfUser(
    StateConflict,
    code="LimitExceeded.User.Group",
    message="The count of groups the target user joined beyond the current limits.",
): ...


class TooManyPolicyVersions(
    StateConflict,
    code="LimitExceeded.Policy.Version",
    message=(
        "The count of policy version beyond the current limits. Delete one first, or set RotateStrategy to "
        "DeleteOldestNonDefaultVersionWhenLimitExceeded."
    ),
): ...


class TooManyPoliciesOfUser(
    StateConflict,
    code="LimitExceeded.User.Policy",
    message="The policy count of the user attached policies beyond the current limits.",
): ...


class TooManyPoliciesOfGroup(
    StateConflict,
    code="LimitExceeded.Group.Policy",
    message="The policy count of the group beyond the current limits.",
): ...


class TooManyPoliciesOfRole(
    StateConflict,
    code="LimitExceeded.Role.Policy",
    message="The count of policies attached to the role beyond the current limits.",
): ...
