"""A data folder is made once, recognised, locked, and never mistaken for somebody else's."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest

from adapters.cannot_start import CannotStart, sentence
from adapters.data_folder import opened, write_private


def test_a_missing_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    with opened(tmp_path / "deep" / "data") as folder:
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.folder("log").stat().st_mode) == 0o700


def test_an_empty_folder_is_taken_and_a_later_run_finds_what_was_kept(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    with opened(tmp_path) as folder:
        first = folder.secret("password")
        folder.write("account.json", {"account_id": "1"})
    with opened(tmp_path) as folder:
        assert folder.secret("password") == first
        assert folder.read("account.json") == {"account_id": "1"}
        assert folder.read("nothing.json") is None
    assert stat.S_IMODE((tmp_path / "secrets" / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "account.json").stat().st_mode) == 0o600


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(CannotStart, match="Another scripts/up is running"), opened(tmp_path):
        pass


def test_a_foreign_folder_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    before = tmp_path.stat()
    with pytest.raises(CannotStart, match="was not made by Key Ledger"), opened(tmp_path):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]
    assert tmp_path.stat().st_mode == before.st_mode


@pytest.mark.parametrize(("marker", "word"), [({"key_ledger_data_folder": 2}, "another version"), ([], "damaged")])
def test_a_folder_of_another_version_or_a_damaged_one_says_so(tmp_path: Path, marker: object, word: str) -> None:
    (tmp_path / "deployment.json").write_text(json.dumps(marker))
    with pytest.raises(CannotStart, match=word), opened(tmp_path):
        pass


def test_a_start_that_died_before_the_marker_was_in_place_is_finished(tmp_path: Path) -> None:
    (tmp_path / ".deployment.json-abc").write_text("{")
    with opened(tmp_path):
        assert (tmp_path / "deployment.json").exists()


def test_a_folder_of_another_user_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.geteuid() + 1
    monkeypatch.setattr("adapters.data_folder.os.geteuid", lambda: other)
    with pytest.raises(CannotStart, match="belongs to"), opened(tmp_path):
        pass


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(CannotStart, match="not a folder"), opened(tmp_path / "data"):
        pass


def test_a_full_disk_leaves_the_old_file_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept.json"
    write_private(file, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("adapters.data_folder.os.fsync", full)
    with pytest.raises(CannotStart, match="the disk is full"):
        write_private(file, "new")
    assert [entry.read_text() for entry in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("number", "word"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_each_trouble_of_the_operating_system_has_its_sentence(number: int, word: str) -> None:
    assert word in sentence("make the folder", OSError(number, os.strerror(number), "/srv/ledger"))
