"""``key-ledger encrypt-file`` and ``decrypt-file``, started as a user starts them."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scripts.envelope.conftest import COMMAND, KeyLedger, Kms, peak_mib

DIARY = b"Dear diary, \x00\xff today nobody read you.\n" * 1000
SEGMENT = 1 << 20


@pytest.fixture
def diary(folder: Path) -> Path:
    path = folder / "diary.txt"
    path.write_bytes(DIARY)
    return path


@pytest.fixture
def enveloped(diary: Path, key_ledger: KeyLedger, kms: Kms) -> Path:
    """The diary, encrypted with the context ``owner=anne``."""
    assert key_ledger("encrypt-file", "--key-id", kms.key_id, "--context", "owner=anne", diary).exit_code == 0
    diary.unlink()
    return diary.with_name("diary.txt.enveloped")


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_file_comes_back_as_it_was_and_its_plaintext_is_for_its_owner_only(
    enveloped: Path, diary: Path, key_ledger: KeyLedger
) -> None:
    assert DIARY[:40] not in enveloped.read_bytes()
    outcome = key_ledger("decrypt-file", "--context", "owner=anne", enveloped)
    assert (outcome.exit_code, outcome.output) == (0, b"")
    assert diary.read_bytes() == DIARY
    assert stat.S_IMODE(diary.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"x", bytes(SEGMENT - 56), bytes(2 * SEGMENT + 17)], ids=len)
def test_standard_input_and_output_carry_any_content(content: bytes, key_ledger: KeyLedger, kms: Kms) -> None:
    enveloped = key_ledger("encrypt-file", "-k", kms.key_id, "-", given=content)
    assert (enveloped.exit_code, enveloped.said) == (
        0,
        f"Encrypted standard input as standard output: {len(content):,} bytes.",
    )
    assert key_ledger("decrypt-file", "-", "-", given=enveloped.output).output == content


def test_the_summary_is_one_json_object(diary: Path, folder: Path, key_ledger: KeyLedger, kms: Kms) -> None:
    outcome = key_ledger("encrypt-file", "--json", "-k", kms.key_id, diary, "out")
    size = (folder / "out").stat().st_size
    assert json.loads(outcome.output) == {
        "command": "encrypt-file",
        "source": str(diary),
        "target": "out",
        "key_id": kms.key_id,
        "plaintext_bytes": len(DIARY),
        "read_bytes": len(DIARY),
        "written_bytes": size,
        "format_version": 1,
    }
    back = json.loads(key_ledger("decrypt-file", "--json", "out", "back").output)
    assert (back["plaintext_bytes"], back["read_bytes"], back["written_bytes"]) == (len(DIARY), size, len(DIARY))


def test_json_and_data_do_not_share_standard_output(diary: Path, key_ledger: KeyLedger, kms: Kms) -> None:
    outcome = key_ledger("encrypt-file", "--json", "-k", kms.key_id, diary, "-")
    assert (outcome.exit_code, outcome.output) == (2, b"")


@pytest.mark.parametrize(
    "context", [(), ("owner=ann",), ("owner=anne", "more=1")], ids=["none", "another", "one too many"]
)
def test_the_wrong_context_opens_nothing(context: tuple[str, ...], enveloped: Path, key_ledger: KeyLedger) -> None:
    options = [option for part in context for option in ("--context", part)]
    outcome = key_ledger("decrypt-file", *options, enveloped)
    assert outcome.exit_code == 4
    assert "Give every --context that was given when the file was encrypted" in outcome.said
    assert names_in(enveloped.parent) == [enveloped.name]


@pytest.mark.parametrize("place", [0, 9, 20, 60, -1, -20, -5000])
def test_a_changed_byte_anywhere_is_found_and_no_file_is_made(
    place: int, enveloped: Path, key_ledger: KeyLedger
) -> None:
    content = bytearray(enveloped.read_bytes())
    content[place] ^= 1
    enveloped.write_bytes(content)
    outcome = key_ledger("decrypt-file", "--context", "owner=anne", enveloped)
    assert outcome.exit_code in {4, 7}  # 4: the changed byte was in the enveloped key, and the KMS found it
    assert names_in(enveloped.parent) == [enveloped.name]


def test_a_file_that_is_none_of_ours_is_told_so(diary: Path, key_ledger: KeyLedger) -> None:
    outcome = key_ledger("decrypt-file", diary, "out")
    assert outcome.exit_code == 7
    assert "This is not a file that key-ledger encrypted" in outcome.said


def test_what_was_released_before_the_end_was_found_missing_is_authentic_and_the_exit_code_says_so(
    folder: Path, key_ledger: KeyLedger, kms: Kms
) -> None:
    content = os.urandom(3 * SEGMENT)
    enveloped = folder / "big"
    enveloped.write_bytes(key_ledger("encrypt-file", "-k", kms.key_id, "-", given=content).output[: 2 * SEGMENT])
    outcome = key_ledger("decrypt-file", enveloped, "-")
    assert outcome.exit_code == 7
    assert content.startswith(outcome.output)
    assert "do not use anything of it that was already written" in outcome.said


# --- files in the way -------------------------------------------------------------------------------------------------


def test_a_file_that_exists_is_kept_and_no_data_key_is_asked_for(
    diary: Path, folder: Path, key_ledger: KeyLedger, kms: Kms
) -> None:
    (folder / "out").write_text("precious")
    outcome = key_ledger("encrypt-file", "-k", "a-key-that-does-not-exist", diary, "out")
    assert outcome.exit_code == 3  # and not 4: the KMS was not asked
    assert outcome.said == "key-ledger: out exists already. Name another file, or replace it with --force."
    assert (folder / "out").read_text() == "precious"
    assert key_ledger("encrypt-file", "-k", kms.key_id, "--force", diary, "out").exit_code == 0
    assert (folder / "out").read_bytes() != b"precious"


def test_a_file_that_appears_meanwhile_is_kept(folder: Path, key_ledger: KeyLedger, kms: Kms) -> None:
    process = key_ledger.start("encrypt-file", "-k", kms.key_id, "-", "out")
    wait_for_partial(folder)
    (folder / "out").write_text("precious")
    _, errors = process.communicate(b"late", timeout=30)
    assert process.returncode == 3, errors
    assert names_in(folder) == ["out"]
    assert (folder / "out").read_text() == "precious"


def test_devices_and_links_are_never_replaced(diary: Path, folder: Path, key_ledger: KeyLedger, kms: Kms) -> None:
    (folder / "link").symlink_to("elsewhere")
    os.mkfifo(folder / "pipe")
    for name in ("link", "pipe", "/dev/null", "."):
        outcome = key_ledger("encrypt-file", "--force", "-k", kms.key_id, diary, name)
        assert (outcome.exit_code, "is not a regular file" in outcome.said) == (3, True), name
    assert Path("/dev/null").is_char_device()
    assert (folder / "link").readlink() == Path("elsewhere")


def test_an_encrypted_file_has_the_mode_of_any_new_file(
    diary: Path, folder: Path, key_ledger: KeyLedger, kms: Kms
) -> None:
    (folder / "any").touch()
    key_ledger("encrypt-file", "-k", kms.key_id, diary, "out")
    assert (folder / "out").stat().st_mode == (folder / "any").stat().st_mode


@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [
        ("missing", "out", "Cannot read missing: No such file or directory. Check the name."),
        (".", "out", ". is a folder."),
        (
            "diary.txt",
            "no/such/folder",
            "Cannot write no/such/folder: No such file or directory. Create the folder first.",
        ),
        ("diary.txt", "diary.txt", "diary.txt exists already."),
    ],
)
def test_file_trouble_is_a_sentence(
    source: str, target: str, sentence: str, diary: Path, key_ledger: KeyLedger, kms: Kms
) -> None:
    outcome = key_ledger("encrypt-file", "-k", kms.key_id, source, target)
    assert outcome.exit_code == 3
    assert sentence in outcome.said
    assert names_in(diary.parent) == [diary.name]


def test_a_full_disk_is_a_sentence(diary: Path, key_ledger: KeyLedger, kms: Kms) -> None:
    with Path("/dev/full").open("wb") as full:
        process = key_ledger.start("encrypt-file", "-k", kms.key_id, diary, "-", output=full)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 3
    assert b"Make room" in errors


def test_a_reader_that_goes_away_is_a_sentence(key_ledger: KeyLedger, kms: Kms) -> None:
    process = key_ledger.start("encrypt-file", "-k", kms.key_id, "-", "-")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    _, errors = process.communicate(bytes(3 * SEGMENT), timeout=30)
    assert process.returncode == 3
    assert b"stopped before its end" in errors


# --- interruption -----------------------------------------------------------------------------------------------------


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "the command did not come that far"
        time.sleep(0.02)


def wait_for_partial(folder: Path) -> None:
    wait_until(lambda: any(name.endswith(".partial") for name in names_in(folder)))


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("direction", ["encrypt", "decrypt"])
def test_an_interrupted_command_leaves_no_file(
    number: signal.Signals, exit_code: int, direction: str, folder: Path, key_ledger: KeyLedger, kms: Kms
) -> None:
    whole = key_ledger("encrypt-file", "-k", kms.key_id, "-", given=bytes(3 * SEGMENT)).output
    options = ["-k", kms.key_id] if direction == "encrypt" else []
    process = key_ledger.start(f"{direction}-file", *options, "-", "out")
    assert process.stdin is not None
    process.stdin.write(whole[: 2 * SEGMENT])
    process.stdin.flush()
    wait_for_partial(folder)
    process.send_signal(number)
    assert process.wait(timeout=30) == exit_code
    _, errors = process.communicate()
    assert errors.decode().startswith("key-ledger: Interrupted")
    assert names_in(folder) == []


def test_an_interrupted_encryption_into_a_pipe_never_looks_like_a_whole_file(
    folder: Path, key_ledger: KeyLedger, kms: Kms
) -> None:
    begun = folder / "begun"
    with begun.open("wb") as output:
        process = key_ledger.start("encrypt-file", "-k", kms.key_id, "-", "-", output=output)
        assert process.stdin is not None
        process.stdin.write(bytes(5 * SEGMENT))
        process.stdin.flush()
        wait_until(lambda: begun.stat().st_size > 2 * SEGMENT)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 130
    assert key_ledger("decrypt-file", begun, "-").exit_code == 7


# --- how much it takes ------------------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_file(key_ledger: KeyLedger, kms: Kms, folder: Path) -> None:
    tool = shlex.join(COMMAND)
    small = peak_mib(key_ledger, f"{tool} encrypt-file -k {kms.key_id} - small </dev/null")
    big = peak_mib(key_ledger, f"head -c 300M /dev/zero | {tool} encrypt-file -k {kms.key_id} - big")
    assert (folder / "big").stat().st_size > 300 << 20
    back = peak_mib(key_ledger, f"{tool} decrypt-file - - <big | cmp - <(head -c 300M /dev/zero)")
    assert big < small + 16
    assert back < small + 16
