"""Changes of users and of access keys. Commands return the event and change nothing."""

from __future__ import annotations

from domain import events
from domain.call import Call
from domain.errors import InvalidParameter
from domain.ram import grammar, ids, limits
from domain.ram.authority import Authority
from domain.ram.entities import AccessKey, AccessKeyStatus, Target, TargetKind, User
from domain.ram.errors import (
    TooManyAccessKeys,
    TooManyUsers,
    UserAccessKeyNotFound,
    UserExists,
    UserHasAccessKeys,
    UserHasPolicies,
    UserIsInGroups,
    UserNotFound,
)


def create_user(
    authority: Authority,
    call: Call,
    user_name: str,
    *,
    display_name: str = "",
    comments: str = "",
    email: str = "",
    mobile_phone: str = "",
) -> events.UserCreated:
    """:raises UserExists: one of this name is there, whatever its case. :raises TooManyUsers: there is no room."""
    grammar.user_name(user_name)
    grammar.texts(DisplayName=display_name, Comments=comments, Email=email, MobilePhone=mobile_phone)
    if not authority.users.is_free(user_name):
        raise UserExists()
    if len(authority.users) >= limits.USERS:
        raise TooManyUsers()
    return events.UserCreated(
        **authority.next(call),
        user_name=user_name,
        user_id=ids.user_id(call),
        display_name=display_name,
        comments=comments,
        email=email,
        mobile_phone=mobile_phone,
    )


def update_user(
    authority: Authority,
    call: Call,
    user_name: str,
    *,
    new_user_name: str | None = None,
    new_display_name: str | None = None,
    new_comments: str | None = None,
    new_email: str | None = None,
    new_mobile_phone: str | None = None,
) -> events.UserUpdated:
    """None keeps what there is. Under another name it is the same user: what it has and where it belongs stays.

    :raises UserNotFound: there is none. :raises UserExists: another one has the new name, whatever its case.
    """
    user = existing(authority, user_name)
    name = user.name if new_user_name is None else new_user_name
    grammar.user_name(name, "NewUserName")
    if not authority.users.is_free(name, user.id):
        raise UserExists()
    display_name = user.display_name if new_display_name is None else new_display_name
    comments = user.comments if new_comments is None else new_comments
    email = user.email if new_email is None else new_email
    mobile_phone = user.mobile_phone if new_mobile_phone is None else new_mobile_phone
    grammar.texts(NewDisplayName=display_name, NewComments=comments, NewEmail=email, NewMobilePhone=mobile_phone)
    return events.UserUpdated(
        **authority.next(call),
        user_name=user.name,
        new_user_name=name,
        display_name=display_name,
        comments=comments,
        email=email,
        mobile_phone=mobile_phone,
    )


def delete_user(authority: Authority, call: Call, user_name: str) -> events.UserDeleted:
    """:raises UserNotFound: there is none.
    :raises UserHasAccessKeys, UserIsInGroups, UserHasPolicies: these would be left behind.
    """
    user = existing(authority, user_name)
    if user.access_keys:
        raise UserHasAccessKeys()
    if authority.memberships.of(user.id):
        raise UserIsInGroups()
    if authority.attachments.of(Target(TargetKind.USER, user.id)):
        raise UserHasPolicies()
    return events.UserDeleted(**authority.next(call), user_name=user.name, user_id=user.id)


def create_access_key(
    authority: Authority, call: Call, user_name: str, access_key_id: str
) -> events.UserAccessKeyCreated | events.AccessKeyCreated:
    """:param user_name: empty for the root identity. :param access_key_id: made outside, at random, like its secret.

    :raises UserNotFound: there is none. :raises TooManyAccessKeys: it has as many as it may.
    """
    if len(_access_keys(authority, user_name)) >= limits.ACCESS_KEYS:
        raise TooManyAccessKeys()
    next_event = authority.next(call)
    if not user_name:
        return events.AccessKeyCreated(**next_event, access_key_id=access_key_id)
    return events.UserAccessKeyCreated(**next_event, user_name=user_name, access_key_id=access_key_id)


def update_access_key(
    authority: Authority, call: Call, user_name: str, access_key_id: str, status: str
) -> events.AccessKeyUpdated:
    """:param user_name: empty for the root identity.

    :raises UserNotFound: there is no such user. :raises UserAccessKeyNotFound: it has no such access key.
    """
    if status not in set(AccessKeyStatus):
        raise InvalidParameter("Status", f"Expected one of {', '.join(AccessKeyStatus)}.")
    key = _access_key(authority, user_name, access_key_id)
    return events.AccessKeyUpdated(
        **authority.next(call), user_name=user_name, access_key_id=key.access_key_id, status=status
    )


def delete_access_key(authority: Authority, call: Call, user_name: str, access_key_id: str) -> events.AccessKeyDeleted:
    """:param user_name: empty for the root identity. The last one of the root identity goes as well, as Alibaba's does:
    the operator can make another.

    :raises UserNotFound: there is no such user. :raises UserAccessKeyNotFound: it has no such access key.
    """
    key = _access_key(authority, user_name, access_key_id)
    return events.AccessKeyDeleted(**authority.next(call), user_name=user_name, access_key_id=key.access_key_id)


def existing(authority: Authority, user_name: str) -> User:
    """:raises UserNotFound: there is none of exactly this name."""
    user = authority.users.get(user_name)
    if user is None:
        raise UserNotFound()
    return user


def _access_keys(authority: Authority, user_name: str) -> tuple[AccessKey, ...]:
    return existing(authority, user_name).access_keys if user_name else authority.root_access_keys


def _access_key(authority: Authority, user_name: str, access_key_id: str) -> AccessKey:
    for key in _access_keys(authority, user_name):
        if key.access_key_id == access_key_id:
            return key
    raise UserAccessKeyNotFound()
