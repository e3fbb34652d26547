"""``scripts/compliance_report``: the same bytes again, numbers that a naive reader counts, and no half report ever."""

from __future__ import annotations

import csv
import itertools
import json
import os
import signal
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain import events
from domain.audit.evidence.activity import ORDER
from domain.audit.evidence.listing import acting
from domain.audit.facts import OUTCOMES, account_of, accounts_of
from domain.events import AuthenticationFailed, Event
from domain.history.asked import asked_of
from domain.ports import Submission
from domain.ram.arns import matched
from domain.vocabulary import Operation
from scripts import compliance_report
from scripts.compliance.document import exact
from scripts.compliance_report import application
from tests.fixtures.ledger import ACCOUNT, a_call, a_new_key
from tests.fixtures.months import BANK, START, VENDOR, Months, recorded
from tests.scripts.operating.conftest import Operate, Operated, Outcome, ended, started
from tests.scripts.operating.ledgers import FROM, TO, digest, history, ran, with_months

PROGRAM = (sys.executable, "-m", "scripts.compliance_report")
PERIOD = ("--from", FROM, "--to", TO)
NOBODY = "9999999999999999"


@pytest.fixture
def made(operate: Operate, operated: Operated) -> Any:
    """A report in a folder of its own, and what became of it."""

    def run(*words: object, folder: str = "report") -> tuple[Path, Outcome]:
        return operated.folder / folder, ran(application, operated, *words, "--output", operated.folder / folder)

    return run


def whole(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def told(folder: Path) -> dict[str, Any]:
    """The JSON's sections by name."""
    document = json.loads((folder / "compliance-report.json").read_text())
    return {section["name"]: section for section in document["sections"]}


def rows(section: dict[str, Any], table: str) -> list[dict[str, Any]]:
    return next(one["rows"] for one in section["tables"] if one["name"] == table)


def within(found: list[Event]) -> list[Event]:
    since, until = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 6, 29, tzinfo=UTC)
    return [event for event in found if since <= event.timestamp < until]


def requests(event: Event) -> int:
    return event.count if isinstance(event, AuthenticationFailed) else 1


# --- the same bytes --------------------------------------------------------------------------------------------------


def test_the_same_position_gives_the_same_bytes_in_another_process_after_more_was_recorded(operated: Operated) -> None:
    months = Months()
    submissions = list(months.submissions(600))
    recorded(operated.database.service_url, submissions[:450])
    (head,) = operated.rows("select next_position - 1 from ledger.ledger_head")[0]
    reports = []
    for number, zone in enumerate(("UTC", "Asia/Shanghai")):
        environment = {"TZ": zone, "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": str(number)}
        at = () if number == 0 else ("--at", head)
        words = (*PERIOD, *at, "--data", operated.data, "-o", f"report{number}")
        outcome = ended(started(operated, *words, program=PROGRAM, environment=environment))
        assert outcome.exit_code == 0, outcome.said
        assert f"--at {head}" in outcome.said
        reports.append(whole(operated.folder / f"report{number}"))
        recorded(operated.database.service_url, submissions[450:])
    assert reports[0].keys() == reports[1].keys()
    assert {name for name in reports[0] if reports[0][name] != reports[1][name]} == set()
    assert {"compliance-report.pdf", "compliance-report.html", "compliance-report.json"} < reports[0].keys()
    assert reports[0]["compliance-report.pdf"].startswith(b"%PDF-")


def test_the_digest_is_that_of_a_replay(operated: Operated, made: Any) -> None:
    with_months(operated)
    folder, _ = made(*PERIOD, "--at", 100, "--format", "json")
    range_read = {row["what"]: row["value"] for row in rows(told(folder)["completeness"], "range")}
    assert range_read["SHA-256 of the range"] == digest(operated, 1, 100)
    assert range_read["last position"] == "100"


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_totals_are_those_of_a_naive_count(operated: Operated, made: Any) -> None:
    with_months(operated, calls=1_500)
    found = within(history(operated))
    folder, _ = made(*PERIOD, "--format", "json,csv")
    sections = told(folder)
    numbers = sections["summary"]["numbers"]
    outcomes = Counter[str]()
    for event in found:
        outcomes[OUTCOMES[type(event)]] += requests(event)
    assert numbers["requests in the period"] == outcomes.total()
    assert numbers["uses of keys"] == outcomes["used"]
    assert numbers["refused"] == outcomes["refused"]
    assert numbers["failed authentications"] == outcomes["unauthenticated"]
    principals = rows(sections["use"], "principals")
    assert sum(row["used"] for row in principals) == outcomes["used"]
    keys = rows(sections["use"], "keys")
    uses = Counter(str(event.key_id) for event in found if isinstance(event, events.KeyUsed))
    assert {row["key_id"]: row["used"] for row in keys if row["used"]} == uses
    reasons = Counter(event.code for event in found if isinstance(event, events.CallRefused))
    assert {row["error_code"]: row["requests"] for row in rows(sections["refusals"], "reasons")} == reasons
    bins = sections["summary"]["figures"][0]["bins"]
    assert sum(bin_.get(outcome, 0) for bin_ in bins for outcome in ORDER) == outcomes.total()
    with (folder / "04-use-keys.csv").open() as file:
        assert {row["key_id"]: int(row["used"]) for row in csv.DictReader(file) if row["used"] != "0"} == uses


def test_each_key_is_told_with_each_principal_from_where_and_with_what(operated: Operated, made: Any) -> None:
    with_months(operated, calls=800)
    found = [event for event in within(history(operated)) if isinstance(event, events.KeyUsed)]
    folder, _ = made(*PERIOD, "--format", "json")
    told_rows = rows(told(folder)["use"], "keys-and-principals")
    naive = Counter((str(event.key_id), acting(event)) for event in found)
    assert {(row["key_id"], row["principal"]): row["used"] for row in told_rows if row["used"]} == naive
    for row in told_rows:
        mine = [each for each in found if (str(each.key_id), acting(each)) == (row["key_id"], row["principal"])]
        if not row["refused"]:
            (source, _), *_ = Counter(each.call.source_ip for each in mine).most_common()
            assert source in row["sources"]
            assert any(each.call.user_agent[:60] in row["clients"] for each in mine)
            assert row["last_at"] == exact(max(each.timestamp for each in mine))
    with_context = [row for row in told_rows if row["contexts"]]
    assert with_context
    assert all("purpose=" in row["contexts"] for row in with_context)


def test_each_access_key_and_session_is_told_by_itself(operated: Operated, made: Any) -> None:
    with_months(operated, calls=800)
    callers = [
        event.call.by
        for event in within(history(operated))
        if event.call.by.kind != "system" and not isinstance(event, AuthenticationFailed)
    ]
    naive = Counter((by.principal, "" if by.kind == "assumed-role" else by.access_key_id) for by in callers)
    folder, _ = made(*PERIOD, "--format", "json")
    told_rows = rows(told(folder)["use"], "access-keys-and-sessions")
    outcomes = ("used", "read", "changed", "refused")
    assert {
        (row["principal"], row["access_key_id"]): sum(row[outcome] for outcome in outcomes) for row in told_rows
    } == naive
    assert any("/backup/" in row["principal"] and not row["access_key_id"] for row in told_rows)


def test_what_was_refused_is_told_with_what_was_asked_for(operated: Operated, made: Any) -> None:
    with_months(operated, calls=800)
    refused = [event for event in within(history(operated)) if isinstance(event, events.CallRefused)]
    naive = Counter((acting(one), one.call.operation.value, one.resource, one.code) for one in refused)
    folder, _ = made(*PERIOD, "--format", "json")
    told_rows = rows(told(folder)["refusals"], "refused-principals")
    asked = ("principal", "operation", "resource", "error_code")
    assert {tuple(row[name] for name in asked): row["requests"] for row in told_rows} == naive


def test_keys_to_look_at_are_those_that_a_naive_reader_finds(operated: Operated, made: Any) -> None:
    with_months(operated, calls=800)
    found = [event for event in history(operated) if event.timestamp < datetime(2026, 6, 29, tzinfo=UTC)]
    folder, _ = made(*PERIOD, "--format", "json", "--cryptoperiod-days", 800, "--unused-days", 20, "--recent-days", 9)
    sections = told(folder)
    findings = rows(sections["key-findings"], "findings")
    standing = {row["key_id"]: row for row in rows(sections["key-inventory"], "keys") if row["state"] != "Destroyed"}
    used = {str(event.key_id) for event in found if isinstance(event, events.KeyUsed)}
    alive = {key_id for key_id, row in standing.items() if row["state"] in {"Enabled", "Disabled"}}
    by_kind: defaultdict[str, set[str]] = defaultdict(set)
    for row in findings:
        by_kind[row["kind"]].add(row["key_id"])
    assert by_kind["never used"] == alive - used
    assert by_kind["asked for yet disabled"] == {
        key_id for key_id in alive if standing[key_id]["state"] == "Disabled" and _asked_since(key_id, found)
    }
    assert by_kind["past its cryptoperiod"] <= alive
    assert all("past the 800 days" in row["sentence"] for row in findings if "cryptoperiod" in row["kind"])
    assert by_kind["unused for long"] <= alive & used
    assert sections["key-findings"]["numbers"]["never used"] == len(by_kind["never used"])


def _asked_since(key_id: str, found: list[Event]) -> bool:
    """Whether anybody of its account was refused a disabled key since it was disabled for the last time."""
    disabled = max(
        place for place, event in enumerate(found)
        if isinstance(event, events.KeyDisabled) and str(event.originator_id) == key_id
    )  # fmt: skip
    return any(
        isinstance(event, events.CallRefused) and str(event.key_id) == key_id and event.code == "Rejected.Disabled"
        for event in found[disabled:]
    )


def test_the_least_policies_allow_exactly_what_was_answered(operated: Operated, made: Any) -> None:
    with_months(operated, calls=400)
    answered: dict[str, set[tuple[str, str]]] = {}
    for event in within(history(operated)):
        asked = None if isinstance(event, events.CallRefused | AuthenticationFailed) else asked_of(event)
        if asked is not None and event.call.by.kind in {"ram-user", "assumed-role"}:
            answered.setdefault(acting(event), set()).update((asked.action, matched(of)) for of in asked.resources)
    folder, _ = made(*PERIOD, "--format", "json")
    allowed: dict[str, set[tuple[str, str]]] = {}
    for row in rows(told(folder)["least-policies"], "policies"):
        who = f"acs:ram::{row['account_id']}:{row['principal'].replace(' ', '/')}"
        for statement in json.loads(row["document"])["Statement"]:
            assert statement.keys() == {"Effect", "Action", "Resource"}
            pairs = itertools.product(statement["Action"], statement["Resource"])
            allowed.setdefault(who, set()).update(pairs)
    assert allowed == {who: pairs for who, pairs in answered.items() if who in allowed}
    assert len(allowed) >= 5


def test_what_another_policy_would_have_decided_otherwise_is_told_where_that_is_asked(
    operated: Operated, made: Any
) -> None:
    with_months(operated, calls=400)
    alice, file = f"acs:ram::{BANK}:user/alice", operated.folder / "hypothesis.json"
    denied = {"Version": "1", "Statement": [{"Effect": "Deny", "Action": "kms:*", "Resource": "*"}]}
    file.write_text(json.dumps({"attach": {"document": denied, "to": "user/alice"}}))
    folder, outcome = made(*PERIOD, "--account", BANK, "--format", "json,pdf", "--what-if", file)
    assert outcome.exit_code == 0, outcome.said
    section = told(folder)["what-if"]
    mine = [event for event in within(history(operated)) if event.call.by.principal == alice]
    answered = [asked_of(event) for event in mine if not isinstance(event, events.CallRefused)]
    uses = [asked for asked in answered if asked is not None and asked.action.startswith("kms:")]
    reason = "explicitly denied by Statement[0] of the policy supposed for user alice"
    found = [row for row in rows(section, "differences") if row["reason"] == reason]
    assert {(row["supposed"], row["principal"]) for row in found} == {("would have been refused", alice)}
    assert sum(row["calls"] for row in found) == len(uses)
    # Whoever made these months asked no policy: more of their calls would have been decided otherwise.
    assert sum(row["calls"] for row in rows(section, "differences")) == (
        section["numbers"]["would have been refused"] + section["numbers"]["would have been allowed"]
    )
    assert json.loads(rows(section, "supposed")[0]["document"]) == denied
    assert "what-if" not in told(made(*PERIOD, "--format", "json", folder="without")[0])


def test_policies_are_the_same_in_every_region_and_so_is_their_use(operated: Operated, made: Any) -> None:
    """Whoever attached the least policy of one region would be locked out in the others."""
    with_months(operated, calls=400)
    everywhere = told(made(*PERIOD, "--format", "json")[0])
    somewhere = told(made(*PERIOD, "--region", "eu-central-1", "--format", "json", folder="region")[0])
    for section, table in (("least-policies", "policies"), ("unused-permissions", "permissions")):
        assert rows(somewhere[section], table) == rows(everywhere[section], table) != []
    assert somewhere["summary"]["numbers"] != everywhere["summary"]["numbers"]


def test_a_policy_that_was_made_after_the_period_was_not_there(operated: Operated, made: Any) -> None:
    with_months(operated, calls=400)
    file = operated.folder / "hypothesis.json"
    document = {"Version": "1", "Statement": [{"Effect": "Deny", "Action": "kms:*", "Resource": "*"}]}
    file.write_text(json.dumps({"policy_name": "extra-4", "document": document}))
    period = ("--account", BANK, "--format", "json", "--what-if", file)
    february = told(made("--from", "2026-02-01", "--to", "2026-02-27", *period)[0])["what-if"]
    later = told(made(*PERIOD, *period, folder="later")[0])["what-if"]
    said = "What is supposed is about nothing that was there in this period"
    assert [any(text.startswith(said) for text in one["paragraphs"]) for one in (february, later)] == [True, False]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is not JSON"),
        ("[" * 30_000, "is nested too deeply"),
        ('{"role_name": "a", "role_name": "b", "trust_policy": {}}', "a name comes twice in one object"),
        ("[]", "is no hypothesis. Write one of"),
        ("{}", "is no hypothesis. Write one of"),
        ('{"attach": {"document": {}, "to": "alice"}}', "is no hypothesis. Write one of"),
        ('{"attach": 1}', "is no hypothesis. Write one of"),
        ('{"attach": {"document": {}, "to": "user/a", "x": 1}}', "is no hypothesis. Write one of"),
        ('{"detach": {"policy_type": "Own", "policy_name": "x", "from": "user/a"}}', "is no hypothesis. Write one of"),
        ('{"policy_name": "use", "document": {"Version": "1"}}', "cannot be evaluated"),
        ('{"role_name": "backup", "trust_policy": {}}', "cannot be evaluated"),
    ],
)
def test_what_is_no_hypothesis_is_refused_in_words(operated: Operated, made: Any, content: str, sentence: str) -> None:
    file = operated.folder / "hypothesis.json"
    file.write_text(content)
    folder, outcome = made(*PERIOD, "--account", BANK, "--what-if", file)
    assert (outcome.exit_code, folder.exists()) == (2, False)
    assert sentence in outcome.said


def test_keys_and_their_changes_are_those_of_the_ledger(operated: Operated, made: Any) -> None:
    months = with_months(operated)
    found = history(operated)
    folder, _ = made(*PERIOD, "--format", "json")
    sections = told(folder)
    inventory = {row["key_id"]: row["state"] for row in rows(sections["key-inventory"], "keys")}
    assert inventory == {
        str(key.key_id): "Destroyed" if key.destroyed else key.state.value for key in months.keys.values()
    }
    changed = [row["position"] for row in rows(sections["key-changes"], "changes")]
    in_period = set(map(id, within(found)))
    assert changed == [
        position
        for position, event in enumerate(found, start=1)
        if id(event) in in_period and event.TOPIC.startswith("kms.key.") and event.TOPIC != "kms.key.used"
    ]
    destroyed = {str(event.originator_id) for event in found if isinstance(event, events.KeyDestroyed)}
    assert destroyed
    deletions = rows(sections["deletions"], "deletions")
    assert {row["key_id"] for row in deletions if row["outcome"].startswith("destroyed")} == destroyed
    assert all(row["material_left"] == 0 for row in deletions if row["key_id"] in destroyed)


def test_the_state_at_the_end_is_not_that_of_later_changes(operated: Operated, made: Any) -> None:
    with_months(operated)
    folder, _ = made("--from", "2026-02-01", "--to", "2026-02-28", "--format", "json")
    sections = told(folder)
    states = {row["state"] for row in rows(sections["key-inventory"], "keys")}
    assert states == {"Enabled"}
    assert sections["summary"]["numbers"]["keys destroyed so far"] == 0


def test_who_could_decrypt_at_the_end_is_not_who_can_now(operated: Operated, made: Any) -> None:
    """Before the first month nobody had a key, whatever was granted later."""
    with_months(operated)
    folder, _ = made(*PERIOD, "--format", "json")
    now = rows(told(folder)["who-can-decrypt"], "who-can-decrypt")
    folder, _ = made("--from", "2026-02-01", "--to", "2026-02-28", "--format", "json", folder="february")
    section = told(folder)["who-can-decrypt"]
    then = rows(section, "who-can-decrypt")
    assert {row["key_id"] for row in then} == {row["key_id"] for row in rows(told(folder)["key-inventory"], "keys")}
    assert then != now
    last = sum(event.timestamp < datetime(2026, 3, 1, tzinfo=UTC) for event in history(operated))
    assert f"As of position {last:,}, the last one before" in section["paragraphs"][0]


def test_an_account_sees_its_own(operated: Operated, made: Any) -> None:
    with_months(operated, calls=800)
    found = [event for event in within(history(operated)) if BANK in accounts_of(event)]
    folder, _ = made(*PERIOD, "--account", BANK, "--format", "json")
    sections = told(folder)
    assert sections["summary"]["numbers"]["requests in the period"] == sum(map(requests, found))
    assert {row["account_id"] for row in rows(sections["key-inventory"], "keys")} == {BANK}
    holders = rows(sections["who-can-decrypt"], "who-can-decrypt")
    assert holders
    assert all(f"acs:ram::{BANK}:" in row["principal"] for row in holders)
    assert not any("user night" in row["why"] for row in holders), "whom another account lets do it is its own"


def test_what_an_account_does_in_the_roles_of_others_is_its_own_doing_and_their_keys_are_theirs(
    operated: Operated, made: Any
) -> None:
    with_months(operated, calls=800)
    session = [event for event in within(history(operated)) if account_of(event.call.by.assumed_by) == VENDOR]
    used = [event for event in session if isinstance(event, events.KeyUsed)]
    assert used
    folder, _ = made(*PERIOD, "--account", VENDOR, "--format", "json")
    sections = told(folder)
    of_others = [row for row in rows(sections["delegation"], "sessions") if f"::{VENDOR}:" in row["assumed_by"]]
    assert sum(row["used"] for row in of_others) == len(used)
    assert sections["summary"]["numbers"]["uses of keys"] >= len(used)
    assert {row["account_id"] for row in rows(sections["key-inventory"], "keys")} <= {VENDOR}


def test_who_read_the_audit_trail_and_who_was_not_allowed_to_is_told(operated: Operated, made: Any) -> None:
    """Of whatever region: there is one trail."""
    with_months(operated, calls=50)
    trail = {"resource": f"acs:audit:*:{ACCOUNT}:trail", "request_parameters": {"key_id": "k"}}

    def question(operation: Operation, kind: type[Event], **more: Any) -> Submission:
        call = replace(a_call(operation, at=START), region_id="")
        own = {"originator_id": call.stream, "originator_version": 1, "timestamp": call.at, "call": call}
        return Submission(events=(kind(**own, **trail, **more),))  # type: ignore[arg-type]

    for _ in range(3):
        operated.record(question(Operation.SEARCH_EVENTS, events.CallAnswered))
    operated.record(question(Operation.SEARCH_EVENTS, events.CallRefused, code="NoPermission", message="No."))
    operated.record(question(Operation.GET_COVERAGE, events.CallAnswered))
    folder, _ = made(*PERIOD, "--region", "eu-central-1", "--format", "json")
    section = told(folder)["readers"]
    assert section["numbers"] == {"questions": 5, "of them refused": 1, "principals that asked": 1}
    assert [(row["operation"], row["questions"], row["refused"]) for row in rows(section, "readers")] == [
        ("SearchEvents", 4, 1),
        ("GetCoverage", 1, 0),
    ]


# --- hostile names ---------------------------------------------------------------------------------------------------


def test_what_somebody_chose_is_text_in_every_form(operated: Operated, made: Any) -> None:
    """Descriptions: a script, a formula, Typst's own code, escape sequences, a right-to-left override, Chinese."""
    with_months(operated)
    folder, outcome = made(*PERIOD)
    assert outcome.exit_code == 0, outcome.said
    html = (folder / "compliance-report.html").read_text()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "支付密钥 (payments)" in html
    for form in (html, *((folder / file.name).read_text() for file in folder.glob("*.csv"))):
        assert "\x1b" not in form
        assert "\u202e" not in form
    for file in folder.glob("*.csv"):
        with file.open() as opened:
            assert not any(cell[:1] in "=+-@" and cell for row in csv.reader(opened) for cell in row), file.name
    raw = (folder / "compliance-report.json").read_bytes()
    assert raw.isascii()
    assert b"\x1b" not in raw
    descriptions = {row["description"] for row in rows(told(folder)["key-inventory"], "keys")}
    assert {"logs\x1b[2J", "a\u202eb", "支付密钥 (payments)", "#panic() $x$ *bold*"} <= descriptions
    assert (folder / "compliance-report.pdf").stat().st_size > 10_000


# --- little and nothing ----------------------------------------------------------------------------------------------


def test_a_ledger_without_events_has_a_report(made: Any) -> None:
    folder, outcome = made(*PERIOD)
    assert outcome.exit_code == 0, outcome.said
    assert "The ledger was empty" in (folder / "compliance-report.html").read_text()


def test_a_period_without_events_has_a_report(operated: Operated, made: Any) -> None:
    with_months(operated)
    folder, outcome = made("--from", "2031-01-01", "--to", "2031-12-31")
    assert outcome.exit_code == 0, outcome.said
    assert told(folder)["summary"]["numbers"]["requests in the period"] == 0


def test_one_event_has_a_report_of_one_day(operated: Operated, made: Any) -> None:
    operated.record(a_new_key(call=a_call(at=START)).submission)
    folder, outcome = made("--from", "2026-03-01", "--to", "2026-03-01")
    assert outcome.exit_code == 0, outcome.said
    assert told(folder)["summary"]["numbers"]["requests in the period"] == 1


def test_a_period_of_a_thousand_years_is_drawn(operated: Operated, made: Any) -> None:
    with_months(operated, calls=50)
    folder, outcome = made("--from", "1900-01-01", "--to", "2900-12-31")
    assert outcome.exit_code == 0, outcome.said
    assert told(folder)["summary"]["figures"][0]["per"] == "year"


def test_what_cannot_be_meant_is_refused_and_leaves_nothing(operated: Operated, made: Any) -> None:
    with_months(operated, calls=20)
    for words, said in (
        (("--from", "2026-03-02", "--to", "2026-03-01"), "has no day"),
        (("--from", "2026-3-2", "--to", "2026-03-09"), "--from '2026-3-2' is no day"),
        (("--from", "2026-02-30", "--to", "2026-03-09"), "is no day"),
        ((*PERIOD, "--account", NOBODY), f"There is no account {NOBODY}"),
        ((*PERIOD, "--region", "\x1b[2J"), "is no region"),
        ((*PERIOD, "--region", "zz"), "There is no region zz"),
        ((*PERIOD, "--at", 10**9), "--at 1000000000 lies beyond the ledger"),
        ((*PERIOD, "--format", "docx"), "There are pdf, html, csv, json"),
        ((*PERIOD, "--fonts", "/nowhere"), "--fonts /nowhere is no folder"),
        ((*PERIOD, "--what-if", "/nowhere"), "Give --account as well"),
    ):
        _, outcome = made(*words)
        assert outcome.exit_code == 2, (words, outcome)
        assert said in outcome.said
        assert "\x1b" not in outcome.said
        assert list(operated.folder.iterdir()) == []


# --- the folder ------------------------------------------------------------------------------------------------------


def test_a_folder_that_exists_is_not_touched(operated: Operated, made: Any) -> None:
    folder = operated.folder / "report"
    folder.mkdir()
    _, outcome = made(*PERIOD)
    assert outcome.exit_code == 3
    assert "exists" in outcome.said
    assert list(operated.folder.iterdir()) == [folder]
    assert list(folder.iterdir()) == []


def test_a_place_where_nothing_can_be_written_is_told(operated: Operated, made: Any) -> None:
    (operated.folder / "file").touch()
    _, outcome = made(*PERIOD, folder="file/report")
    assert outcome.exit_code == 3
    assert "cannot be written" in outcome.said


def test_a_report_that_cannot_be_finished_leaves_nothing(
    operated: Operated, made: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compliance_report, "as_html", full)
    _, outcome = made(*PERIOD)
    assert outcome.exit_code == 3
    assert "No space left on device" in outcome.said
    assert list(operated.folder.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_who_is_killed_midway_leaves_no_half_report(operated: Operated, number: signal.Signals) -> None:
    with_months(operated, calls=3_000)
    words = (*PERIOD, "--data", operated.data, "-o", "report")
    reporting = started(operated, *words, program=PROGRAM)
    while not list(operated.folder.iterdir()):
        assert reporting.poll() is None, reporting.communicate()
        time.sleep(0.01)
    os.kill(reporting.pid, number)
    outcome = ended(reporting)
    assert not (operated.folder / "report").exists()
    if number != signal.SIGKILL:
        assert outcome.exit_code == 128 + number
        assert "Interrupted. No report was made." in outcome.said
        assert list(operated.folder.iterdir()) == []
