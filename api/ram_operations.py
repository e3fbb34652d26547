"""The operations of RAM, API version 2015-05-01. Parameters and answers: Alibaba Cloud RAM API reference.

A line of :data:`TABLE` is an operation: handler, effect, RAM resources, parameters. RPC only: RAM has no REST routes.
Resources are those of "API authentication rules" (Alibaba Cloud RAM): what is created or listed is ``user/*``, and
what touches two entities needs both.
"""

from __future__ import annotations

from typing import Final

from api.action import Action, Effect, Handler, Parameter, Product
from api.ram import access_keys, attachments, groups, policies, roles, users
from api.ram.authorised import authorised
from domain.vocabulary import Operation

USER = Parameter("UserName", "string", True, "1 to 64 letters, digits, '.', '_', '@' and '-'.", "alice")
OWNER = Parameter("UserName", "string", False, "The user; without it, whoever asks.", "alice")
GROUP = Parameter("GroupName", "string", True, "1 to 64 letters, digits, '.', '_' and '-'.", "developers")
ROLE = Parameter("RoleName", "string", True, "1 to 64 letters, digits, '.', '_' and '-'.", "shop")
POLICY = Parameter("PolicyName", "string", True, "1 to 128 letters, digits and '-'.", "use-one-key")
POLICY_TYPE = Parameter("PolicyType", "string", True, "System or Custom.", "Custom")
ANY_TYPE = Parameter("PolicyType", "string", False, "System or Custom; without it, both.", "Custom")
DOCUMENT = Parameter("PolicyDocument", "string", True, "JSON of the policy language, version 1.", '{"Version":"1",…}')
VERSION = Parameter("VersionId", "string", True, "v1, v2 and so on.", "v2")
AS_DEFAULT = Parameter("SetAsDefault", "boolean", False, "The new version takes effect at once.", True)
ROTATE = Parameter("RotateStrategy", "string", False, "None, or which version goes where there are five.", "None")
DISPLAY_NAME = Parameter("DisplayName", "string", False, "At most 128 characters.", "Alice")
MOBILE = Parameter("MobilePhone", "string", False, "Kept as it is given.", "86-18600008888")
EMAIL = Parameter("Email", "string", False, "Kept as it is given.", "alice@example.com")
COMMENTS = Parameter("Comments", "string", False, "At most 128 characters.", "of the web shop")
NEW_USER = Parameter("NewUserName", "string", False, "As UserName.", "alice.b")
NEW_DISPLAY_NAME = Parameter("NewDisplayName", "string", False, "As DisplayName.", "Alice B.")
NEW_MOBILE = Parameter("NewMobilePhone", "string", False, "As MobilePhone.", "86-18600008889")
NEW_EMAIL = Parameter("NewEmail", "string", False, "As Email.", "alice.b@example.com")
NEW_COMMENTS = Parameter("NewComments", "string", False, "As Comments.", "left the web shop")
NEW_GROUP = Parameter("NewGroupName", "string", False, "As GroupName.", "engineers")
ACCESS_KEY = Parameter("UserAccessKeyId", "string", True, "The access key's id.", "LTAI…")
STATUS = Parameter("Status", "string", True, "Active or Inactive.", "Inactive")
DESCRIPTION = Parameter("Description", "string", False, "At most 1,024 characters.", "encrypts for the shop")
NEW_DESCRIPTION = Parameter("NewDescription", "string", True, "At most 1,024 characters.", "encrypts and decrypts")
TRUST = Parameter("AssumeRolePolicyDocument", "string", True, "JSON: who may assume the role.", '{"Version":"1",…}')
DURATION = Parameter("MaxSessionDuration", "integer", False, "3,600 to 43,200 seconds.", 3600)
NEW_TRUST = Parameter("NewAssumeRolePolicyDocument", "string", False, "As AssumeRolePolicyDocument.", "{…}")
NEW_DURATION = Parameter("NewMaxSessionDuration", "integer", False, "As MaxSessionDuration.", 7200)
NEW_ROLE_DESCRIPTION = Parameter("NewDescription", "string", False, "At most 1,024 characters.", "of the shop")
CASCADING = Parameter("CascadingDelete", "boolean", False, "All its versions go with it.", False)
MARKER = Parameter("Marker", "string", False, "Of the answer before, where IsTruncated was true.", "")
MAX_ITEMS = Parameter("MaxItems", "integer", False, "1 to 1000; 100 by default.", 100)

_O, _R, _C = Operation, Effect.READS, Effect.CHANGES
_USERS, _USER, _OWNER = ("user/*",), ("user/{UserName}",), ("user/{Owner}",)
_GROUPS, _GROUP = ("group/*",), ("group/{GroupName}",)
_RENAMED_USER, _RENAMED_GROUP = (*_USER, "user/{NewUserName?}"), (*_GROUP, "group/{NewGroupName?}")
_POLICIES, _POLICY, _TYPED = ("policy/*",), ("policy/{PolicyName}",), ("{PolicyType}:policy/{PolicyName}",)
_ROLES, _ROLE = ("role/*",), ("role/{RoleName}",)
_PAGE = (MARKER, MAX_ITEMS)


def _line(
    operation: Operation,
    handler: Handler,
    effect: Effect,
    resources: tuple[str, ...],
    summary: str,
    *parameters: Parameter,
) -> Action:
    decided = authorised(f"ram:{operation.value}", resources, handler)
    return Action(Product.RAM, operation, decided, effect, resources, "", summary, parameters)


# fmt: off
TABLE: Final = (
    _line(_O.CREATE_USER, users.create_user,                              _C, _USERS,           "Create a RAM user",                   USER, DISPLAY_NAME, MOBILE, EMAIL, COMMENTS),
    _line(_O.GET_USER, users.get_user,                                    _R, _USER,            "Describe a RAM user",                 USER),
    _line(_O.UPDATE_USER, users.update_user,                              _C, _RENAMED_USER,    "Rename it or describe it otherwise",  USER, NEW_USER, NEW_DISPLAY_NAME, NEW_MOBILE, NEW_EMAIL, NEW_COMMENTS),
    _line(_O.LIST_USERS, users.list_users,                                _R, _USERS,           "List RAM users",                      *_PAGE),
    _line(_O.DELETE_USER, users.delete_user,                              _C, _USER,            "Delete a RAM user",                   USER),
    _line(_O.CREATE_ACCESS_KEY, access_keys.create_access_key,            _C, _OWNER,           "Create an access key",                OWNER),
    _line(_O.UPDATE_ACCESS_KEY, access_keys.update_access_key,            _C, _OWNER,           "Activate or deactivate it",           OWNER, ACCESS_KEY, STATUS),
    _line(_O.LIST_ACCESS_KEYS, access_keys.list_access_keys,              _R, _OWNER,           "List access keys",                    OWNER),
    _line(_O.DELETE_ACCESS_KEY, access_keys.delete_access_key,            _C, _OWNER,           "Delete an access key",                OWNER, ACCESS_KEY),
    _line(_O.CREATE_GROUP, groups.create_group,                           _C, _GROUPS,          "Create a group of users",             GROUP, COMMENTS),
    _line(_O.GET_GROUP, groups.get_group,                                 _R, _GROUP,           "Describe a group",                    GROUP),
    _line(_O.UPDATE_GROUP, groups.update_group,                           _C, _RENAMED_GROUP,   "Rename it or describe it otherwise",  GROUP, NEW_GROUP, NEW_COMMENTS),
    _line(_O.LIST_GROUPS, groups.list_groups,                             _R, _GROUPS,          "List groups",                         *_PAGE),
    _line(_O.DELETE_GROUP, groups.delete_group,                           _C, _GROUP,           "Delete a group",                      GROUP),
    _line(_O.ADD_USER_TO_GROUP, groups.add_user_to_group,                 _C, _USER + _GROUP,   "Let a user have a group's policies",  USER, GROUP),
    _line(_O.REMOVE_USER_FROM_GROUP, groups.remove_user_from_group,       _C, _USER + _GROUP,   "Let it have them no more",            USER, GROUP),
    _line(_O.LIST_GROUPS_FOR_USER, groups.list_groups_for_user,           _R, _USER,            "List the groups of a user",           USER),
    _line(_O.LIST_USERS_FOR_GROUP, groups.list_users_for_group,           _R, _GROUP,           "List the users of a group",           GROUP, *_PAGE),
    _line(_O.CREATE_POLICY, policies.create_policy,                       _C, _POLICIES,        "Create a custom policy",              POLICY, DOCUMENT, DESCRIPTION),
    _line(_O.GET_POLICY, policies.get_policy,                             _R, _TYPED,           "Describe a policy",                   POLICY, POLICY_TYPE),
    _line(_O.LIST_POLICIES, policies.list_policies,                       _R, _POLICIES,        "List policies",                       ANY_TYPE, *_PAGE),
    _line(_O.UPDATE_POLICY_DESCRIPTION, policies.update_policy_description, _C, _POLICY,        "Describe it otherwise",               POLICY, NEW_DESCRIPTION),
    _line(_O.DELETE_POLICY, policies.delete_policy,                       _C, _POLICY,          "Delete a custom policy",              POLICY, CASCADING),
    _line(_O.CREATE_POLICY_VERSION, policies.create_policy_version,       _C, _POLICY,          "Write a policy anew",                 POLICY, DOCUMENT, AS_DEFAULT, ROTATE),
    _line(_O.GET_POLICY_VERSION, policies.get_policy_version,             _R, _TYPED,           "Describe a version of a policy",      POLICY, POLICY_TYPE, VERSION),
    _line(_O.LIST_POLICY_VERSIONS, policies.list_policy_versions,         _R, _TYPED,           "List the versions of a policy",       POLICY, POLICY_TYPE),
    _line(_O.DELETE_POLICY_VERSION, policies.delete_policy_version,       _C, _POLICY,          "Delete a version of a policy",        POLICY, VERSION),
    _line(_O.SET_DEFAULT_POLICY_VERSION, policies.set_default_policy_version, _C, _POLICY,      "Let another version be in force",     POLICY, VERSION),
    _line(_O.ATTACH_POLICY_TO_USER, attachments.attach_policy_to_user,    _C, _USER + _TYPED,   "Let a policy apply to a user",        POLICY_TYPE, POLICY, USER),
    _line(_O.ATTACH_POLICY_TO_GROUP, attachments.attach_policy_to_group,  _C, _GROUP + _TYPED,  "Let a policy apply to a group",       POLICY_TYPE, POLICY, GROUP),
    _line(_O.ATTACH_POLICY_TO_ROLE, attachments.attach_policy_to_role,    _C, _ROLE + _TYPED,   "Let a policy apply to a role",        POLICY_TYPE, POLICY, ROLE),
    _line(_O.DETACH_POLICY_FROM_USER, attachments.detach_policy_from_user, _C, _USER + _TYPED,  "Let it apply to the user no more",    POLICY_TYPE, POLICY, USER),
    _line(_O.DETACH_POLICY_FROM_GROUP, attachments.detach_policy_from_group, _C, _GROUP + _TYPED,  "Let it apply to the group no more", POLICY_TYPE, POLICY, GROUP),
    _line(_O.DETACH_POLICY_FROM_ROLE, attachments.detach_policy_from_role, _C, _ROLE + _TYPED,  "Let it apply to the role no more",    POLICY_TYPE, POLICY, ROLE),
    _line(_O.LIST_POLICIES_FOR_USER, attachments.list_policies_for_user,  _R, _USER,            "List the policies of a user",         USER),
    _line(_O.LIST_POLICIES_FOR_GROUP, attachments.list_policies_for_group, _R, _GROUP,          "List the policies of a group",        GROUP),
    _line(_O.LIST_POLICIES_FOR_ROLE, attachments.list_policies_for_role,  _R, _ROLE,            "List the policies of a role",         ROLE),
    _line(_O.LIST_ENTITIES_FOR_POLICY, attachments.list_entities_for_policy, _R, _TYPED,        "List whom a policy applies to",       POLICY_TYPE, POLICY),
    _line(_O.CREATE_ROLE, roles.create_role,                              _C, _ROLES,           "Create a role",                       ROLE, TRUST, DESCRIPTION, DURATION),
    _line(_O.GET_ROLE, roles.get_role,                                    _R, _ROLE,            "Describe a role",                     ROLE),
    _line(_O.UPDATE_ROLE, roles.update_role,                              _C, _ROLE,            "Trust others, or describe it otherwise", ROLE, NEW_TRUST, NEW_ROLE_DESCRIPTION, NEW_DURATION),
    _line(_O.LIST_ROLES, roles.list_roles,                                _R, _ROLES,           "List roles",                          *_PAGE),
    _line(_O.DELETE_ROLE, roles.delete_role,                              _C, _ROLE,            "Delete a role",                       ROLE),
)
# fmt: on
