"""The software HSM's file: closed to others, whole after a crash, shut to another PIN. And it says what it is."""

from __future__ import annotations

import json
import os
import stat
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.hsm import open_software_hsm
from adapters.hsm.replacing import replace_file
from adapters.hsm.software_file import KeyFile
from domain.errors import ServiceUnavailable
from tests.fixtures.hsm import REGION


def opened(path: Path, pin: str = "1234") -> Any:
    return open_software_hsm(path, lambda: pin)


async def test_it_says_loudly_that_it_is_not_an_hsm(tmp_path: Path) -> None:
    with capture_logs() as logs:
        opened(tmp_path / "keys.json")
    assert logs[0]["log_level"] == "warning"
    assert "not an HSM" in logs[0]["meaning"]


async def test_its_file_is_closed_to_others_and_holds_no_key_in_the_clear(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    hsm = opened(path)
    await hsm.open_region(REGION)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    root, sealing = hsm._keys.roots[REGION], hsm._keys.sealing
    content = path.read_text()
    assert root.hex() not in content
    assert sealing.hex() not in content
    assert REGION not in content


async def test_another_pin_does_not_open_it_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    await opened(path).open_region(REGION)
    before = path.read_bytes()
    other = opened(path, "4321")
    for call in (other.health(), other.generate_key(REGION, uuid.uuid4()), other.open_region("me-east-1")):
        with pytest.raises(ServiceUnavailable, match="does not open with this PIN"):
            await call
    assert path.read_bytes() == before


async def test_a_pin_that_cannot_be_read_is_503_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    await opened(path).open_region(REGION)
    without = open_software_hsm(path, (tmp_path / "absent").read_text)
    for call in (without.health(), without.open_region("me-east-1")):
        with pytest.raises(ServiceUnavailable, match="PIN cannot be read"):
            await call


@pytest.mark.parametrize("part", ["sealed", "iv", "salt", "iterations"])
async def test_an_altered_file_is_refused(tmp_path: Path, part: str) -> None:
    path = tmp_path / "keys.json"
    await opened(path).open_region(REGION)
    envelope = json.loads(path.read_text())
    if part == "iterations":
        envelope["header"]["argon2id"]["iterations"] = 1
    else:
        holder = envelope["header"] if part == "salt" else envelope
        holder[part] = ("1" if holder[part][0] != "1" else "2") + holder[part][1:]
    path.write_text(json.dumps(envelope))
    with pytest.raises(ServiceUnavailable):
        await opened(path).health()


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", "{", '{"header": {"format": "another"}}', "\udce4"])
async def test_a_file_that_is_something_else_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "keys.json"
    path.write_text(content, errors="surrogateescape")
    with pytest.raises(ServiceUnavailable):
        await opened(path).health()


async def test_a_crash_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.json"
    value = await opened(path).open_region(REGION)

    def no_rename(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", no_rename)
        with pytest.raises(ServiceUnavailable, match="No space left"):
            await opened(path).open_region("me-east-1")
    again = opened(path)
    assert await again.key_check_value(REGION) == value
    assert await again.key_check_value("me-east-1") is None
    assert await again.open_region("me-east-1")


async def test_what_is_written_is_synced_before_it_is_renamed_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        steps.append("sync")
        real_sync(handle)

    def rename(path: Path, target: Path) -> Path:
        steps.append("rename")
        return real_replace(path, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", rename)
    replace_file(tmp_path / "file", b"text")
    assert steps == ["sync", "rename", "sync"]


def test_a_file_that_cannot_be_replaced_leaves_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_bytes(b"before")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(tmp_path / "file", b"after")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"before")]


def test_threads_that_open_regions_at_once_lose_none(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    regions = [f"region-{number}" for number in range(6)]

    def open_region(region: str) -> None:
        KeyFile(path, lambda: "1234").with_region(region)

    threads = [threading.Thread(target=open_region, args=(region,)) for region in regions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(KeyFile(path, lambda: "1234").keys().roots) == regions
