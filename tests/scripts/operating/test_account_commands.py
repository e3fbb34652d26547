"""``key-ledger account``: recorded once, the secret seen once, and a killed run is finished by the next."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
from pathlib import Path

import psycopg
import pytest

from adapters.operator import operator_name
from scripts.envelope import credentials
from scripts.up_database import with_login
from tests.fixtures.future import from_the_future
from tests.fixtures.service import eventually
from tests.scripts.operating.conftest import Operate, Operated, ended, started

UID = "1234567890123456"

KILLED = """
import os, signal, sys
from adapters.ledger.writer import LedgerWriter
append, when = LedgerWriter.append, sys.argv.pop(1)
async def killed(self, submission):
    if when == "after":
        await append(self, submission)
    os.kill(os.getpid(), signal.SIGKILL)
LedgerWriter.append = killed
from scripts.key_ledger import main
main()
"""


AS_NOBODY = """
import os
from scripts.key_ledger import main
from scripts.operating import accounts
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
main()
"""


def accounts(operated: Operated) -> list[str]:
    rows = operated.rows("select state from ledger.events where topic = 'kms.account.created' order by position")
    return [json.loads(bytes(state))["account_id"] for (state,) in rows]


# --- create ----------------------------------------------------------------------------------------------------------


def test_an_account_is_created_and_its_secret_is_shown_once(operate: Operate, operated: Operated) -> None:
    outcome = operate("account", "create")
    assert outcome.exit_code == 0
    shown = dict(line.split(maxsplit=1) for line in outcome.output.splitlines())
    assert shown.keys() == {"account_id", "access_key_id", "access_key_secret"}
    assert shown["account_id"].isdigit()
    assert len(shown["account_id"]) == 16
    assert shown["access_key_id"].startswith("LTAI")
    assert accounts(operated) == [shown["account_id"]]
    assert shown["access_key_secret"] not in outcome.said
    assert "kept only sealed" in outcome.said
    kept = operated.rows("select state from ledger.events union all select sealed from ledger.sealed_secret")
    assert len(kept) == 3
    assert not any(shown["access_key_secret"].encode() in bytes(column) for (column,) in kept)
    later = operate("account", "show", shown["account_id"], "--json")
    assert shown["access_key_secret"] not in later.output
    assert later.json["root_access_keys"][0]["root_access_key"] == shown["access_key_id"]


def test_the_operators_name_is_recorded(operate: Operate, operated: Operated) -> None:
    uid = operate("account", "create", "--json").json["account_id"]
    ((state,),) = operated.rows("select state from ledger.events where position = 1")
    call = json.loads(bytes(state))["call"]
    assert (call["principal"], call["user_name"]) == ("acs:key-ledger::system", operator_name())
    assert operate("account", "show", uid, "--json").json["created_by"] == operator_name()


def test_with_an_output_the_secret_is_in_the_file_alone(operate: Operate, operated: Operated) -> None:
    outcome = operate("account", "create", "--output", "anne.json", "--json")
    assert outcome.exit_code == 0
    file = operated.folder / "anne.json"
    kept = json.loads(file.read_text())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in operated.folder.iterdir()] == ["anne.json"]
    assert outcome.json == {**{name: kept[name] for name in kept if name != "access_key_secret"}, "file": "anne.json"}
    assert kept["access_key_secret"] not in outcome.output + outcome.said


def test_the_file_is_credentials_for_the_other_commands(operate: Operate, operated: Operated) -> None:
    operate("account", "create", "--output", "anne.json")
    found = credentials.find("anne.json", None, None, {})
    assert (found.endpoint, found.region_id) == ("https://127.0.0.1:8443", "cn-hangzhou")
    assert "database_url" not in json.loads((operated.folder / "anne.json").read_text())


def test_a_uid_may_be_chosen_and_is_used_once(operate: Operate, operated: Operated) -> None:
    assert operate("account", "create", "--account-id", UID, "--json").json["account_id"] == UID
    again = operate("account", "create", "--account-id", UID, "--output", "again.json")
    assert (again.exit_code, again.output) == (4, "")
    assert f"There is an account {UID} already" in again.said
    assert list(operated.folder.iterdir()) == []
    assert accounts(operated) == [UID]


@pytest.mark.parametrize("uid", ["", "123", "12345678901234567", "123456789012345x", "١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦", "-" * 16])
def test_a_uid_has_sixteen_digits(operate: Operate, operated: Operated, uid: str) -> None:
    outcome = operate("account", "create", f"--account-id={uid}")
    assert outcome.exit_code == 2
    assert "16 digits" in outcome.said
    assert accounts(operated) == []


def test_a_file_that_is_there_is_never_replaced(operate: Operate, operated: Operated) -> None:
    file = operated.folder / "precious"
    file.write_text("of great value")
    outcome = operate("account", "create", "--output", file)
    assert outcome.exit_code == 3
    assert file.read_text() == "of great value"
    assert accounts(operated) == []


def test_a_file_that_cannot_be_made_leaves_no_account(operate: Operate, operated: Operated) -> None:
    outcome = operate("account", "create", "--output", "no/such/folder/file")
    assert outcome.exit_code == 3
    assert "Nothing was recorded" in outcome.said
    assert accounts(operated) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_run_is_finished_by_running_it_again(operate: Operate, operated: Operated, when: str) -> None:
    words = ("account", "create", "--account-id", UID, "--output", "anne.json", "--data", operated.data)
    process = started(operated, when, *words, program=(sys.executable, "-c", KILLED))
    assert ended(process).exit_code == -signal.SIGKILL
    assert len(accounts(operated)) == (when == "after")
    begun = json.loads((operated.folder / "anne.json.pending").read_text())
    for wrong in ("1111111111111111", "2222222222222222"):
        other = operate("account", "create", "--account-id", wrong, "--output", "anne.json")
        assert (other.exit_code, f"begun for account {UID}" in other.said) == (2, True)
    outcome = operate("account", "create", "--output", "anne.json", "--json")
    assert outcome.exit_code == 0
    assert json.loads((operated.folder / "anne.json").read_text()) == begun
    assert [path.name for path in operated.folder.iterdir()] == ["anne.json"]
    assert accounts(operated) == [UID]
    assert operated.rows("select name from ledger.sealed_secret") == [(begun["access_key_id"],)]


def test_a_run_that_was_killed_before_it_showed_the_secret_leaves_a_key_that_can_be_replaced(
    operate: Operate, operated: Operated
) -> None:
    words = ("account", "create", "--account-id", UID, "--data", operated.data)
    assert ended(started(operated, "after", *words, program=(sys.executable, "-c", KILLED))).output == ""
    (lost,) = operate("account", "show", UID, "--json").json["root_access_keys"]
    assert operate("account", "add-root-key", UID).exit_code == 0
    assert operate("account", "update-root-key", UID, lost["root_access_key"], "--status", "Inactive").exit_code == 0


def test_of_two_operators_who_make_one_account_one_is_refused(operated: Operated) -> None:
    words = ("account", "create", "--account-id", UID, "--json", "--data", operated.data)
    processes = [started(operated, *words, "--output", f"{number}.json") for number in range(3)]
    outcomes = [ended(process) for process in processes]
    assert sorted(outcome.exit_code for outcome in outcomes) == [0, 4, 4]
    (file,) = operated.folder.iterdir()
    kept = json.loads(file.read_text())
    assert operated.rows("select name from ledger.sealed_secret") == [(kept["access_key_id"],)]
    assert accounts(operated) == [UID]


def test_two_operators_with_one_file_make_one_account(operated: Operated) -> None:
    words = ("account", "create", "--output", "anne.json", "--json", "--data", operated.data)
    outcomes = [ended(process) for process in [started(operated, *words) for _ in range(3)]]
    assert {outcome.exit_code for outcome in outcomes} <= {0, 3, 4}
    assert accounts(operated) == [json.loads((operated.folder / "anne.json").read_text())["account_id"]]


# --- the root identity's access keys ---------------------------------------------------------------------------------


def test_a_root_key_is_changed_for_another(operate: Operate) -> None:
    first = operate("account", "create", "--account-id", UID, "--json").json["access_key_id"]
    assert operate("account", "delete-root-key", UID, first).exit_code == 4
    second = operate("account", "add-root-key", UID, "--json").json
    assert second["account_id"] == UID
    assert second["access_key_secret"]
    third = operate("account", "add-root-key", UID)
    assert (third.exit_code, "has 2 access keys" in third.said) == (4, True)
    for words in (("update-root-key", UID, first, "--status", "Inactive"), ("delete-root-key", UID, first)):
        assert operate("account", *words).exit_code == 0
    keys = operate("account", "show", UID, "--json").json["root_access_keys"]
    assert [(key["root_access_key"], key["status"]) for key in keys] == [(second["access_key_id"], "Active")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", UID), f"There is no account {UID}"),
        (("add-root-key", UID), f"There is no account {UID}"),
        (("delete-root-key", UID, "LTAI"), f"There is no account {UID}"),
        (("update-root-key", UID, "LTAI", "--status", "Active"), f"There is no account {UID}"),
    ],
)
def test_an_account_that_is_not_there_is_named(operate: Operate, words: tuple[str, ...], said: str) -> None:
    outcome = operate("account", *words)
    assert (outcome.exit_code, said in outcome.said) == (4, True)


def test_a_key_of_nobody_is_named(operate: Operate) -> None:
    operate("account", "create", "--account-id", UID)
    outcome = operate("account", "update-root-key", UID, "LTAI9", "--status", "Inactive")
    assert (outcome.exit_code, "has no access key LTAI9" in outcome.said) == (4, True)
    assert operate("account", "update-root-key", UID, "LTAI9", "--status", "Sleeping").exit_code == 2


# --- looking ---------------------------------------------------------------------------------------------------------


def test_accounts_are_listed_in_three_forms(operate: Operate) -> None:
    uids = [operate("account", "create", "--json").json["account_id"] for _ in range(2)]
    rows = operate("account", "list", "--json").json["rows"]
    assert [(row["account"], row["users"], row["keys"]) for row in rows] == [(uid, 0, 0) for uid in uids]
    plain = operate("account", "list").output.splitlines()
    assert plain[0].split() == ["Account", "Created", "Created", "by", "Users", "Keys"]
    assert [line.split()[0] for line in plain[1:]] == uids
    csv = operate("account", "list", "--csv").output.splitlines()
    assert csv[0] == "account,created,created_by,users,keys"
    assert len(csv) == 3
    assert operate("account", "list", "--csv", "--json").exit_code == 2


def test_accounts_that_cannot_be_told_whole_are_not_told(operate: Operate, operated: Operated) -> None:
    operate("account", "create")
    position = from_the_future(operated.database.admin_url)
    done = operate("account", "list")
    assert (done.exit_code, done.output) == (1, "")
    assert f"cannot take the event at position {position}. A newer program may know that event." in done.said


def test_one_account_is_shown_with_its_regions(operate: Operate) -> None:
    operate("account", "create", "--account-id", UID)
    page = operate("account", "show", UID, "--json").json
    assert page["regions"] == [{"region": name, "keys": 0, "quota": 200} for name in ("cn-hangzhou", "cn-shanghai")]
    assert (page["users"], page["groups"], page["roles"], page["policies"]) == (0, 0, 0, 0)
    assert "cn-shanghai" in operate("account", "show", UID).output


# --- what is away, wrong or forbidden --------------------------------------------------------------------------------


def test_a_database_that_is_away_is_said_at_once_and_nothing_is_begun(operate: Operate, operated: Operated) -> None:
    operated.set(database_url="postgresql://nobody:hush@127.0.0.1:1/nothing")
    outcome = operate("account", "create", "--output", "anne.json")
    assert outcome.exit_code == 5
    assert "Connection refused" in outcome.said
    assert "hush" not in outcome.said
    assert list(operated.folder.iterdir()) == []


def test_a_database_without_a_ledger_is_told_apart(operate: Operate, operated: Operated, database_url: str) -> None:
    operated.set(database_url=database_url)
    outcome = operate("account", "list")
    assert (outcome.exit_code, "scripts/migrate" in outcome.said) == (2, True)


def test_a_role_without_rights_is_told_so(operate: Operate, operated: Operated) -> None:
    with psycopg.connect(operated.database.admin_url, autocommit=True) as admin:
        admin.execute("drop role if exists a_stranger")
        admin.execute("create role a_stranger login password 'strange'")
    operated.set(database_url=with_login(operated.database.admin_url, "a_stranger", "strange"))
    outcome = operate("account", "create")
    assert (outcome.exit_code, "permission denied" in outcome.said) == (2, True)
    with psycopg.connect(operated.database.admin_url, autocommit=True) as admin:
        admin.execute("drop role a_stranger")


def test_an_hsm_that_does_not_open_leaves_no_account(operate: Operate, operated: Operated) -> None:
    (operated.data / "software-pin").write_text("the wrong one")
    outcome = operate("account", "create", "--output", "anne.json")
    assert outcome.exit_code == 5
    assert accounts(operated) == []
    (operated.data / "software-pin").write_text("correct horse")
    assert operate("account", "create", "--output", "anne.json").exit_code == 0
    assert len(accounts(operated)) == 1


def test_no_data_folder_is_a_sentence(operated: Operated) -> None:
    outcome = ended(started(operated, "account", "list"))
    assert (outcome.exit_code, "--data" in outcome.said) == (2, True)
    missing = ended(started(operated, "account", "list", "--data", "nowhere"))
    assert (missing.exit_code, "no data folder" in missing.said) == (2, True)


def test_the_environment_names_a_deployment_as_it_does_for_the_service(operated: Operated) -> None:
    settings = operated.settings()
    environment = {
        "DATABASE_URL": settings["database_url"],
        "KEY_LEDGER_HSM_MODE": "software",
        "KEY_LEDGER_HSM_SOFTWARE_FILE": settings["hsm_software_file"],
        "KEY_LEDGER_HSM_PIN_FILE": settings["hsm_pin_file"],
        "KEY_LEDGER_REGIONS": "cn-hangzhou",
    }
    outcome = ended(started(operated, "account", "create", "--json", environment=environment))
    assert outcome.exit_code == 0, outcome.said
    assert outcome.json.keys() == {"account_id", "access_key_id", "access_key_secret"}


def test_a_data_folder_wins_over_the_environment(operated: Operated) -> None:
    environment = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "KEY_LEDGER_HSM_MODE": "pkcs11"}
    words = ("account", "create", "--json", "--data", operated.data)
    assert ended(started(operated, *words, environment=environment)).exit_code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_who_may_not_read_the_data_folder_is_told_so(operated: Operated, reachable: Path) -> None:
    hidden = reachable / "data"
    shutil.copytree(operated.data, hidden)
    hidden.chmod(0o700)
    outcome = ended(started(operated, "account", "list", "--data", hidden, program=(sys.executable, "-c", AS_NOBODY)))
    assert (outcome.exit_code, "Permission denied" in outcome.said) == (2, True), outcome.said


def test_ctrl_c_while_it_is_being_recorded_ends_with_a_sentence(operate: Operate, operated: Operated) -> None:
    """What was handed to the ledger is recorded before the end, and the next run finds it."""
    waiting = "select from pg_stat_activity where application_name = 'key-ledger writer' and wait_event_type = 'Lock'"
    with psycopg.connect(operated.database.admin_url) as admin:
        admin.execute("select from ledger.ledger_head for update")
        process = started(operated, "account", "create", "--output", "anne.json", "--data", operated.data)
        eventually(lambda: bool(operated.rows(waiting)), what="the append")
        process.send_signal(signal.SIGINT)
    outcome = ended(process)
    assert (outcome.exit_code, outcome.output, "Interrupted" in outcome.said) == (130, "", True)
    assert operate("account", "create", "--output", "anne.json").exit_code == 0
    assert len(accounts(operated)) == 1
