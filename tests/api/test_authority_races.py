"""Two workers, people who use a key all the time, and an administrator who takes permissions and gives them back.

Afterwards a judge reads the whole ledger: no use, no session and no refusal stands where authority says otherwise.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import httpx
import psutil
import psycopg
import pytest

from adapters.ledger.mapper import decode
from domain.events import Event
from tests.fixtures import signed
from tests.fixtures.cast import STS, allowing, ask, fresh, user_with
from tests.fixtures.judge import Judge
from tests.fixtures.service import Service, running
from tests.fixtures.signed import Credentials

SECONDS: Final = 6.0
USERS: Final = 3


@pytest.fixture(scope="module")
def own_service() -> Iterator[Service]:
    """The judge reads all of it, so it must not be the one in which every other test makes its keys."""
    with running(workers=2) as started:
        yield started


@dataclass
class Use:
    """Somebody who encrypts all the time, through a connection of their own."""

    service: Service
    given: dict[str, str]
    who: Credentials
    codes: Counter[str] = field(default_factory=Counter)

    def until(self, end: float) -> None:
        with self.service.http() as client:
            while time.monotonic() < end:
                answer = self.service.send(signed.rpc(self.who, "Encrypt", self.given), client)
                self.codes[answer.json().get("Code", "answered")] += 1


@dataclass
class Administrator:
    """Root, who changes one thing after another."""

    service: Service
    names: list[str]
    keys: list[str]
    policy: str
    role: str
    changes: int = 0

    def until(self, end: float) -> None:
        with self.service.http() as client:
            while time.monotonic() < end:
                for action, given in self._turns():
                    ask(self.service, action, client, **given)
                    self.changes += 1

    def _turns(self) -> Iterator[tuple[str, dict[str, str]]]:
        policy = {"PolicyType": "Custom", "PolicyName": self.policy}
        for action in ("DetachPolicyFromUser", "AttachPolicyToUser"):
            for name in self.names:
                yield action, {**policy, "UserName": name}
        for status in ("Inactive", "Active"):
            for name, key in zip(self.names, self.keys, strict=True):
                yield "UpdateAccessKey", {"UserName": name, "UserAccessKeyId": key, "Status": status}
        for action in ("DetachPolicyFromRole", "AttachPolicyToRole"):
            yield action, {**policy, "RoleName": self.role}


def test_changes_and_uses_race_and_the_ledger_stands(own_service: Service) -> None:
    service = own_service
    key_id, policy, role = service.create_key(), fresh("policy"), fresh("role")
    users = [user_with(service, name=fresh("user")) for _ in range(USERS)]
    ask(service, "CreatePolicy", PolicyName=policy, PolicyDocument=allowing("kms:Encrypt"))
    for name, _ in users:
        ask(service, "AttachPolicyToUser", PolicyType="Custom", PolicyName=policy, UserName=name)
    session, token = _session(service, role, policy)
    given = {"KeyId": key_id, "Plaintext": "x"}
    uses = [Use(service, given, who) for _, who in users]
    uses.append(Use(service, {**given, "SecurityToken": token}, session))
    names, keys = [name for name, _ in users], [who.access_key_id for _, who in users]
    administrator = Administrator(service, names, keys, policy, role)
    _together(uses, administrator)
    told = sum((use.codes for use in uses), Counter())
    expected = {"answered", "Forbidden.NoPermission", "InvalidAccessKeyId.Inactive", "Rejected.StateModifiedFailed"}
    assert set(told) <= expected, told
    assert min(told["answered"], told["Forbidden.NoPermission"], told["InvalidAccessKeyId.Inactive"]) > 0, told
    assert administrator.changes > 20
    judge = Judge()
    assert judge.follow(_history(service)) == []
    assert judge.judged >= told["answered"] + told["Forbidden.NoPermission"]


def test_a_deleted_user_is_gone_on_every_worker_at_once(own_service: Service) -> None:
    service = own_service
    given = {"KeyId": service.create_key(), "Plaintext": "x"}
    name, who = user_with(service, allowing("kms:Encrypt"))
    workers = service.workers()
    for worker in workers:
        assert _asked(service, worker, who, given).status_code == 200
    service.replies(workers[0], lambda: _delete(service, name, who))
    for worker in reversed(workers):
        answer = _asked(service, worker, who, given)
        assert (answer.status_code, answer.json()["Code"]) == (404, "InvalidAccessKeyId.NotFound")
    assert Judge().follow(_history(service)) == []


def test_a_permission_that_is_given_counts_on_every_worker_at_once(own_service: Service) -> None:
    service = own_service
    given = {"KeyId": service.create_key(), "Plaintext": "x"}
    name, who = user_with(service)
    policy = fresh("policy")
    ask(service, "CreatePolicy", PolicyName=policy, PolicyDocument=allowing("kms:Encrypt"))
    workers = service.workers()
    for worker in workers:
        assert _asked(service, worker, who, given).status_code == 403
    attached = {"PolicyType": "Custom", "PolicyName": policy, "UserName": name}
    service.replies(workers[0], lambda: ask(service, "AttachPolicyToUser", **attached))
    for worker in reversed(workers):
        assert _asked(service, worker, who, given).status_code == 200


def _asked(service: Service, worker: psutil.Process, who: Credentials, given: dict[str, str]) -> httpx.Response:
    with service.only(worker):
        return service.send(signed.rpc(who, "Encrypt", given))


def _session(service: Service, role: str, policy: str) -> tuple[Credentials, str]:
    """Of root's, under a role that has the policy."""
    principal = {"RAM": [f"acs:ram::{service.account_id}:root"]}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    ask(
        service,
        "CreateRole",
        RoleName=role,
        AssumeRolePolicyDocument=json.dumps({"Version": "1", "Statement": [statement]}),
    )
    ask(service, "AttachPolicyToRole", PolicyType="Custom", PolicyName=policy, RoleName=role)
    given = {"RoleArn": f"acs:ram::{service.account_id}:role/{role}", "RoleSessionName": "races"}
    made = service.rpc("AssumeRole", given, version=STS).json()["Credentials"]
    return Credentials(made["AccessKeyId"], made["AccessKeySecret"]), made["SecurityToken"]


def _delete(service: Service, name: str, who: Credentials) -> None:
    for policy in ask(service, "ListPoliciesForUser", UserName=name)["Policies"]["Policy"]:
        given = {"PolicyType": "Custom", "PolicyName": policy["PolicyName"], "UserName": name}
        ask(service, "DetachPolicyFromUser", **given)
    ask(service, "DeleteAccessKey", UserName=name, UserAccessKeyId=who.access_key_id)
    ask(service, "DeleteUser", UserName=name)


def _together(uses: list[Use], administrator: Administrator) -> None:
    end = time.monotonic() + SECONDS
    failures: list[BaseException] = []

    def run(doing: Callable[[float], None]) -> None:
        try:
            doing(end)
        except BaseException as error:  # noqa: BLE001  # raised again below
            failures.append(error)

    doings = [*(use.until for use in uses), administrator.until]
    threads = [threading.Thread(target=run, args=(doing,)) for doing in doings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _history(service: Service) -> list[Event]:
    with psycopg.connect(service.database_url) as connection:
        rows = connection.execute(
            "select originator_id, originator_version, topic, state from ledger.events order by position"
        ).fetchall()
    return [decode(stream, version, topic, bytes(state)) for stream, version, topic, state in rows]
