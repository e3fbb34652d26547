"""Changes of groups and of who is in them. Commands return the event and change nothing."""

from __future__ import annotations

from domain import events
from domain.call import Call
from domain.ram import grammar, ids, limits, users
from domain.ram.authority import Authority
from domain.ram.entities import Group, Target, TargetKind
from domain.ram.errors import (
    GroupExists,
    GroupHasPolicies,
    GroupHasUsers,
    GroupNotFound,
    TooManyGroups,
    TooManyGroupsOfUser,
    UserInGroup,
    UserNotInGroup,
)


def create_group(authority: Authority, call: Call, group_name: str, *, comments: str = "") -> events.GroupCreated:
    """:raises GroupExists: one of this name is there, whatever its case. :raises TooManyGroups: there is no room."""
    grammar.group_name(group_name)
    grammar.texts(Comments=comments)
    if not authority.groups.is_free(group_name):
        raise GroupExists()
    if len(authority.groups) >= limits.GROUPS:
        raise TooManyGroups()
    return events.GroupCreated(
        **authority.next(call), group_name=group_name, group_id=ids.group_id(call), comments=comments
    )


def update_group(
    authority: Authority,
    call: Call,
    group_name: str,
    *,
    new_group_name: str | None = None,
    new_comments: str | None = None,
) -> events.GroupUpdated:
    """None keeps what there is. Under another name it is the same group: its users and policies stay.

    :raises GroupNotFound: there is none. :raises GroupExists: another one has the new name, whatever its case.
    """
    group = existing(authority, group_name)
    name = group.name if new_group_name is None else new_group_name
    comments = group.comments if new_comments is None else new_comments
    grammar.group_name(name, "NewGroupName")
    grammar.texts(NewComments=comments)
    if not authority.groups.is_free(name, group.id):
        raise GroupExists()
    return events.GroupUpdated(**authority.next(call), group_name=group.name, new_group_name=name, comments=comments)


def delete_group(authority: Authority, call: Call, group_name: str) -> events.GroupDeleted:
    """:raises GroupNotFound: there is none. :raises GroupHasUsers, GroupHasPolicies: these would be left behind."""
    group = existing(authority, group_name)
    if authority.memberships.to(group.id):
        raise GroupHasUsers()
    if authority.attachments.of(Target(TargetKind.GROUP, group.id)):
        raise GroupHasPolicies()
    return events.GroupDeleted(**authority.next(call), group_name=group.name, group_id=group.id)


def add_user_to_group(authority: Authority, call: Call, user_name: str, group_name: str) -> events.UserAddedToGroup:
    """:raises UserNotFound, GroupNotFound: there is none.
    :raises UserInGroup: it is a member already. :raises TooManyGroupsOfUser: of as many as it may be.
    """
    user, group = users.existing(authority, user_name), existing(authority, group_name)
    if authority.memberships.links(user.id, group.id):
        raise UserInGroup()
    if len(authority.memberships.of(user.id)) >= limits.GROUPS_OF_USER:
        raise TooManyGroupsOfUser()
    return events.UserAddedToGroup(**authority.next(call), group_name=group.name, user_name=user.name)


def remove_user_from_group(
    authority: Authority, call: Call, user_name: str, group_name: str
) -> events.UserRemovedFromGroup:
    """:raises UserNotFound, GroupNotFound: there is none. :raises UserNotInGroup: it is no member."""
    user, group = users.existing(authority, user_name), existing(authority, group_name)
    if not authority.memberships.links(user.id, group.id):
        raise UserNotInGroup()
    return events.UserRemovedFromGroup(**authority.next(call), group_name=group.name, user_name=user.name)


def existing(authority: Authority, group_name: str) -> Group:
    """:raises GroupNotFound: there is none of exactly this name."""
    group = authority.groups.get(group_name)
    if group is None:
        raise GroupNotFound()
    return group
