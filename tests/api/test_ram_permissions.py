"""RAM decides about RAM: permission comes before everything else, and a change counts on every worker at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from api.ram_operations import TABLE
from tests.fixtures import signed
from tests.fixtures.cast import RAM, Cast, allowing, ask, cast, fresh, user_with
from tests.fixtures.ram_scenes import SCENES
from tests.fixtures.service import Service
from tests.fixtures.signed import Credentials

OPERATIONS = [action.name for action in TABLE]


@pytest.fixture(scope="module")
def everybody(service: Service) -> Cast:
    return cast(service)


@pytest.fixture(scope="module")
def powerless(service: Service) -> Credentials:
    return user_with(service)[1]


def _asked(service: Service, who: Credentials, action: str, **given: str) -> httpx.Response:
    return service.send(signed.rpc(who, action, given, version=RAM))


def _code(service: Service, who: Credentials, action: str, **given: str) -> str:
    told: dict[str, Any] = _asked(service, who, action, **given).json()
    return str(told.get("Code", "OK"))


@pytest.mark.parametrize("operation", OPERATIONS)
def test_who_may_nothing_learns_nothing_of_what_there_is(
    service: Service, everybody: Cast, powerless: Credentials, operation: str
) -> None:
    """Neither of what exists nor of what does not, nor whether the rest of the question makes sense."""
    for given in (SCENES[operation].answered(everybody), SCENES[operation].refused):
        named = {"UserName": "nobody", "PolicyType": "Custom", **given}
        before = service.head()
        answer = _asked(service, powerless, operation, **named)
        assert (answer.status_code, answer.json()["Code"]) == (403, "NoPermission"), answer.text
        (event,) = service.events(before)
        assert (event.topic, event.state["code"]) == ("kms.call.refused", "NoPermission")


def test_a_user_may_be_allowed_to_care_for_its_own_access_keys_only(service: Service, everybody: Cast) -> None:
    name = fresh("user")
    own = allowing("ram:*AccessKey*", resource=f"acs:ram:*:{service.account_id}:user/{name}")
    _, who = user_with(service, own, name=name)
    made = _asked(service, who, "CreateAccessKey").json()["AccessKey"]
    listed = _asked(service, who, "ListAccessKeys", UserName=name).json()["AccessKeys"]["AccessKey"]
    assert {key["AccessKeyId"] for key in listed} == {who.access_key_id, made["AccessKeyId"]}
    new = Credentials(made["AccessKeyId"], made["AccessKeySecret"])
    assert _code(service, new, "DeleteAccessKey", UserAccessKeyId=who.access_key_id) == "OK"
    assert _code(service, who, "ListAccessKeys") == "InvalidAccessKeyId.NotFound"
    assert _code(service, new, "ListAccessKeys", UserName=everybody.user) == "NoPermission"
    assert _code(service, new, "ListUsers") == "NoPermission"


def test_what_touches_two_entities_needs_both(service: Service, everybody: Cast) -> None:
    group = f"acs:ram:*:{service.account_id}:group/{everybody.empty}"
    user = f"acs:ram:*:{service.account_id}:user/{everybody.loner}"
    joining = {"UserName": everybody.loner, "GroupName": everybody.empty}
    for resources, code in (((group,), "NoPermission"), ((user,), "NoPermission"), ((group, user), "OK")):
        _, who = user_with(service, *(allowing("ram:AddUserToGroup", resource=one) for one in resources))
        assert _code(service, who, "AddUserToGroup", **joining) == code


def test_attaching_a_system_policy_needs_permission_on_the_systems(service: Service, everybody: Cast) -> None:
    on_user = allowing("ram:AttachPolicyToUser", resource=f"acs:ram:*:{service.account_id}:user/*")
    own = allowing("ram:AttachPolicyToUser", resource=f"acs:ram:*:{service.account_id}:policy/*")
    systems = allowing("ram:AttachPolicyToUser", resource="acs:ram:*:system:policy/AliyunKMSReadOnlyAccess")
    to = {"PolicyType": "System", "UserName": everybody.loner}
    _, modest = user_with(service, on_user, own)
    assert _code(service, modest, "AttachPolicyToUser", PolicyName="AliyunKMSReadOnlyAccess", **to) == "NoPermission"
    _, allowed = user_with(service, on_user, systems)
    assert _code(service, allowed, "AttachPolicyToUser", PolicyName="AdministratorAccess", **to) == "NoPermission"
    assert _code(service, allowed, "AttachPolicyToUser", PolicyName="AliyunKMSReadOnlyAccess", **to) == "OK"


def test_a_type_that_is_smuggled_in_does_not_make_an_own_policy_the_systems(service: Service, everybody: Cast) -> None:
    _, who = user_with(service, allowing("ram:*", resource="acs:ram:*:system:policy/*"))
    assert _code(service, who, "DeletePolicy", PolicyName=everybody.unused, PolicyType="System") == "NoPermission"
    assert ask(service, "GetPolicy", PolicyName=everybody.unused, PolicyType="Custom")


def test_a_deny_wins_over_an_allow(service: Service, everybody: Cast) -> None:
    resource = f"acs:ram:*:{service.account_id}:user/{everybody.user}"
    _, who = user_with(service, allowing("ram:*"), allowing("ram:*User", resource=resource, effect="Deny"))
    assert _code(service, who, "GetUser", UserName=everybody.user) == "NoPermission"
    assert _code(service, who, "GetUser", UserName=everybody.loner) == "OK"


def test_a_change_of_one_worker_counts_on_the_other_at_once(service: Service) -> None:
    name, who = user_with(service, allowing("ram:Get*"))
    one, other = service.workers()
    system = {"PolicyType": "System", "PolicyName": "AliyunRAMFullAccess", "UserName": name}
    for _ in range(5):
        for changer, user in ((one, other), (other, one)):
            with service.only(user):
                assert _code(service, who, "GetUser", UserName=name) == "OK"
                assert _code(service, who, "ListUsers") == "NoPermission"
            with service.only(changer):
                ask(service, "AttachPolicyToUser", **system)
            with service.only(user):
                assert _code(service, who, "ListUsers") == "OK"
            with service.only(changer):
                ask(service, "DetachPolicyFromUser", **system)
            with service.only(user):
                assert _code(service, who, "ListUsers") == "NoPermission"


def test_changes_at_the_same_time_are_all_made_one_after_the_other(service: Service) -> None:
    """Each is decided on what the one before it made of the account; whoever was overtaken decides again."""
    names = [fresh("user") for _ in range(24)]
    before = service.head()
    with ThreadPoolExecutor(8) as clients:
        told = list(clients.map(lambda name: _code(service, service.root, "CreateUser", UserName=name), names))
    assert told == ["OK"] * len(names)
    made = [event for event in service.events(before) if event.topic == "ram.user.created"]
    assert {event.state["user_name"] for event in made} == set(names)
    assert [event.version for event in made] == list(range(made[0].version, made[0].version + len(names)))


def test_of_many_who_want_the_same_name_one_gets_it(service: Service) -> None:
    name = fresh("user")
    spelled = [name, name.upper(), name.title(), name.swapcase()] * 3
    with ThreadPoolExecutor(8) as clients:
        told = list(clients.map(lambda one: _code(service, service.root, "CreateUser", UserName=one), spelled))
    assert sorted(told) == ["EntityAlreadyExists.User"] * (len(spelled) - 1) + ["OK"]
