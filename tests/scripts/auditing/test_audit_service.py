"""A security officer with no other permission asks the real service."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.cast import trusting
from tests.fixtures.service import Service
from tests.fixtures.signed import Credentials
from tests.scripts.auditing.terminals import seen
from tests.scripts.envelope.conftest import KeyLedger, Outcome


@dataclass(frozen=True)
class Officer:
    """:param user_name: whose access key asks."""

    service: Service
    user_name: str
    command: KeyLedger

    def __call__(self, *words: str | Path) -> Outcome:
        outcome = self.command("audit", *words)
        assert outcome.exit_code == 0, outcome.said
        return outcome

    def json(self, *words: str | Path) -> Any:
        return json.loads(self("search", *words, "--json").output)


def user(service: Service, folder: Path, name: str = "") -> Officer:
    name = name or f"user-{uuid4().hex[:12]}"
    ram = service.ram()
    ram("CreateUser", UserName=name)
    made = ram("CreateAccessKey", UserName=name)["AccessKey"]
    known = {"access_key_id": made["AccessKeyId"], "access_key_secret": made["AccessKeySecret"]}
    folder.mkdir(exist_ok=True)
    credentials = folder / f"{made['AccessKeyId']}.json"
    credentials.write_text(json.dumps({**known, "endpoint": service.endpoint, "ca_file": service.ca_file}))
    return Officer(service, name, KeyLedger(folder, {"KEY_LEDGER_CREDENTIALS": str(credentials)}))


@pytest.fixture
def nobody(service: Service, tmp_path: Path) -> Officer:
    """A user who may do nothing."""
    return user(service, tmp_path / "work")


@pytest.fixture
def officer(service: Service, tmp_path: Path) -> Officer:
    made = user(service, tmp_path / "work")
    service.ram()(
        "AttachPolicyToUser",
        PolicyType="System",
        PolicyName="KeyLedgerAuditReadOnlyAccess",
        UserName=made.user_name,
    )
    return made


def refused_use(service: Service, key_id: str, by: Officer) -> None:
    known = json.loads(Path(by.command.environment["KEY_LEDGER_CREDENTIALS"]).read_text())
    who = Credentials(known["access_key_id"], known["access_key_secret"])
    answer = service.sdk("Tea, ACS3", who)
    with pytest.raises(Exception, match=r"Forbidden\.NoPermission"):
        answer("Encrypt", KeyId=key_id, Plaintext="x", EncryptionContext={"a b": "c=ü*"})


def test_what_was_just_done_is_found_at_once(officer: Officer, nobody: Officer) -> None:
    key_id = officer.service.create_key()
    refused_use(officer.service, key_id, nobody)
    answer = officer.json("--key", key_id, "--oldest-first")
    assert [each["operation"] for each in answer["events"]] == ["CreateKey", "Encrypt"]
    assert answer["complete"] is True
    (event,) = officer.json("--principal", f"user/{nobody.user_name}", "-c", "a b=c=ü*", "--from", "1h")["events"]
    assert (event["outcome"], event["error_code"]) == ("refused", "Forbidden.NoPermission")


def test_asking_is_recorded_and_asking_without_permission_is_refused(officer: Officer, nobody: Officer) -> None:
    outcome = nobody.command("audit", "search")
    assert outcome.exit_code == 4
    assert "or to allow the action audit:SearchEvents on acs:audit:*:*:trail." in outcome.said
    (event,) = officer.json("--operation", "SearchEvents", "--user", nobody.user_name)["events"]
    assert event["outcome"] == "refused"
    own = officer.json("--operation", "SearchEvents", "--user", officer.user_name)["events"]
    assert {each["outcome"] for each in own} == {"read"}
    assert own[0]["user_agent"] == "key-ledger audit"


@pytest.mark.parametrize("columns", [80, 160])
def test_a_key_and_its_users_have_pages(columns: int, officer: Officer) -> None:
    key_id = officer.service.create_key()
    officer.service.encrypt(key_id)
    page = seen(officer.command, ["audit", "key", key_id], columns)
    assert "uses        1, " in page
    assert "created key" in " ".join(page.split())
    assert "root" in seen(officer.command, ["audit", "principal", "root", "--from", "1h"], columns)


def test_people_who_had_one_name_one_after_the_other_are_told_apart(officer: Officer, tmp_path: Path) -> None:
    """Alice becomes anna, and somebody else alice."""
    service = officer.service
    first = user(service, tmp_path / "work")
    alice, anna = first.user_name, f"{first.user_name}-anna"
    first.command("audit", "coverage")
    service.ram()("UpdateUser", UserName=alice, NewUserName=anna)
    first.command("audit", "search")
    second = user(service, tmp_path / "work", alice)
    second.command("audit", "search")

    def page(*words: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(officer("principal", *words, "--json").output)
        return found

    ids = {each["principal_id"] for each in page(f"user/{alice}")["identities"]}
    assert len(ids) == 2
    assert page(f"user/{alice}")["remarks"][0].startswith(f"2 identities have been called user/{alice}: ")
    (remark,) = page(f"user/{anna}")["remarks"]
    assert f"has also been called user/{alice} (1 event)." in remark
    by_id = page(remark.split()[0])
    assert {each["principal"].rpartition("/")[2] for each in by_id["identities"]} == {alice, anna}
    assert {each["operation"] for each in by_id["operations"]} == {"GetCoverage", "SearchEvents"}
    (other,) = ids - {remark.split()[0]}
    assert [each["operation"] for each in page(other)["operations"]] == ["SearchEvents"]


def test_what_a_role_did_is_found_by_its_id(officer: Officer) -> None:
    service, ram, name = officer.service, officer.service.ram(), f"role-{uuid4().hex[:12]}"
    trust = trusting(service.account_id)
    role_id = ram("CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["RoleId"]
    arn = f"acs:ram::{service.account_id}:role/{name}"
    given = service.sdk("Tea, ACS3", product="Sts")("AssumeRole", RoleArn=arn, RoleSessionName="nightly")["Credentials"]
    who = Credentials(given["AccessKeyId"], given["AccessKeySecret"])
    session = service.sdk("Tea, ACS3", who, security_token=given["SecurityToken"])
    with pytest.raises(Exception, match=r"Forbidden\.NoPermission"):
        session("Encrypt", KeyId=service.create_key(), Plaintext="x")
    for words in (role_id, f"{role_id}:nightly", f"role/{name}", who.access_key_id):
        (found,) = json.loads(officer("principal", words, "--json").output)["identities"]
        assert (found["principal"], found["principal_id"]) == (f"{arn}/nightly", f"{role_id}:nightly"), words


def test_counts_and_coverage_are_as_complete_as_they_say(officer: Officer) -> None:
    key_id = officer.service.create_key()
    outcome = officer("count", "--by", "operation,outcome", "--key", key_id, "--json")
    assert json.loads(outcome.output)["rows"][0].items() >= {"operation": "CreateKey", "events": 1}.items()
    assert b"audit_trail" in officer("coverage").output
    assert "ledger head" in officer("coverage").said


@pytest.mark.parametrize("format_", ["ndjson", "csv"])
def test_an_export_has_the_events_that_a_search_finds(format_: str, officer: Officer) -> None:
    key_id = officer.service.create_key()
    blob = officer.service.encrypt(key_id)
    for _ in range(3):
        officer.service.rpc("Decrypt", {"CiphertextBlob": blob})
    said = officer("export", "-o", "trail", "--format", format_, "--key", key_id).said
    assert said.startswith("Exported 5 events, ")
    lines = (officer.command.folder / "trail").read_text().splitlines()
    assert len(lines) == 5 + (format_ == "csv")
    if format_ == "ndjson":
        assert [json.loads(line) for line in lines] == officer.json("--key", key_id, "--oldest-first")["events"]


def test_a_trail_is_followed(officer: Officer) -> None:
    key_id = officer.service.create_key()
    with officer.command.start("audit", "tail", "-f", "-n", "1", "--json", "--key", key_id) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["operation"] == "CreateKey"
        officer.service.encrypt(key_id)
        assert json.loads(process.stdout.readline())["operation"] == "Encrypt"
        process.terminate()
        process.communicate()
    assert process.returncode == 143


# --- what the service works out ---------------------------------------------------------------------------------------


def allowed(service: Service, by: Officer, key_id: str, *actions: str) -> str:
    """A policy of its own for ``by``; its name."""
    name, ram = f"policy-{uuid4().hex[:12]}", service.ram()
    arn = f"acs:kms:cn-hangzhou:{service.account_id}:key/{key_id}"
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": arn}
    ram("CreatePolicy", PolicyName=name, PolicyDocument=json.dumps({"Version": "1", "Statement": [statement]}))
    ram("AttachPolicyToUser", PolicyType="Custom", PolicyName=name, UserName=by.user_name)
    return name


def use(service: Service, by: Officer, key_id: str) -> None:
    known = json.loads(Path(by.command.environment["KEY_LEDGER_CREDENTIALS"]).read_text())
    who = Credentials(known["access_key_id"], known["access_key_secret"])
    service.sdk("Tea, ACS3", who)("Encrypt", KeyId=key_id, Plaintext="x")


def test_who_could_use_a_key_and_since_when(officer: Officer, nobody: Officer) -> None:
    key_id = officer.service.create_key()
    created = officer.json("--key", key_id)["events"][0]["position"]
    allowed(officer.service, nobody, key_id, "kms:Decrypt")
    after = officer("at", key_id).output.decode()
    assert f"user/{nobody.user_name} " in after
    assert "Enabled" in after
    before = officer("at", key_id, "--position", str(created)).output.decode()
    assert nobody.user_name not in before
    granted = officer("authority", "--subject", f"user/{nobody.user_name}").output.decode()
    assert "attachment" in granted
    assert "attachment" in officer("unused").output.decode()


def test_a_least_policy_is_enough_and_less_is_not(officer: Officer, nobody: Officer) -> None:
    key_id = officer.service.create_key()
    name = allowed(officer.service, nobody, key_id, "kms:*")
    use(officer.service, nobody, key_id)
    said = officer("least-policy", f"user/{nobody.user_name}", "--output", "least.json").said
    assert "From 1 answered call, with 1 permission." in said
    statement = json.loads((officer.command.folder / "least.json").read_text())["Statement"]
    assert statement == [
        {
            "Effect": "Allow",
            "Action": ["kms:Encrypt"],
            "Resource": [f"acs:kms:cn-hangzhou:{officer.service.account_id}:key/{key_id}"],
        }
    ]
    officer("what-if", "--policy-name", name, "--document", "least.json", "--days", "1", "--check")
    target = f"user/{nobody.user_name}"
    broken = officer.command("audit", "what-if", "--detach", f"Custom/{name}", "--from-target", target, "--check")
    assert broken.exit_code == 1
    assert b"would have been refused  1\n" in broken.output
    typing_error = officer.command("audit", "what-if", "--detach", "Custom/nmae", "--from-target", target, "--check")
    assert typing_error.exit_code == 1
    assert b"about nothing that was there" in typing_error.output
