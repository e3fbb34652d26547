"""Making a token in a folder: twice is once, half made is finished, and no PIN stands in an argument list."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.hsm import HsmSettingsError, TokenPlace, initialise_token, open_hsm
from tests.fixtures.hsm import REGION, REPOSITORY, finalise_softhsm


@pytest.fixture(autouse=True)
def _library_let_go() -> Iterator[None]:
    yield
    finalise_softhsm()


def check_value(place: TokenPlace, monkeypatch: pytest.MonkeyPatch) -> bytes:
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    hsm = open_hsm(place.uri)
    try:
        return asyncio.run(hsm.open_region(REGION))
    finally:
        hsm.close()


def test_a_token_made_twice_is_the_same_token_with_the_same_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = initialise_token(tmp_path / "hsm")
    value = check_value(first, monkeypatch)
    second = initialise_token(tmp_path / "hsm")
    assert second == first
    assert check_value(second, monkeypatch) == value


def test_all_of_it_is_its_owners_only(token_place: TokenPlace) -> None:
    place = initialise_token(token_place.folder)
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    for path in place.folder.rglob("*"):
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077 or path.name == "softhsm2.conf", path


def test_a_folder_that_was_moved_works_where_it_is_now(
    token_place: TokenPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = check_value(token_place, monkeypatch)
    finalise_softhsm()
    token_place.folder.rename(tmp_path / "elsewhere")
    assert check_value(initialise_token(tmp_path / "elsewhere"), monkeypatch) == value


def test_no_pin_stands_in_an_argument_list_or_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    real = subprocess.run

    def run(arguments: list[str], **options: Any) -> Any:
        started.append((arguments, options["env"]))
        return real(arguments, **options)

    monkeypatch.setattr(subprocess, "run", run)
    place = initialise_token(tmp_path / "hsm")
    pins = [(place.folder / name).read_text().strip() for name in ("so-pin", "user-pin")]
    assert all(len(pin) == 32 for pin in pins)
    assert len(started) == 1
    assert not [pin for pin in pins if pin in str(started)]
    assert not [pin for pin in pins if pin in place.uri]


# --- half made -------------------------------------------------------------------------------------------------------


def make_aside(tmp_path: Path, template: Path) -> Path:
    folder = tmp_path / "hsm"
    shutil.copytree(template, folder)
    return folder


def the_token(folder: Path) -> Path:
    (token,) = (folder / "tokens").iterdir()
    return token


def without_keys(folder: Path) -> Path:
    for path in the_token(folder).glob("*"):
        if path.name not in {"token.object", "token.lock", "generation"}:
            path.unlink()
    return folder


def test_a_token_folder_that_is_empty_is_set_aside_and_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hsm" / "tokens" / "00000000-1111-2222-3333-444444444444").mkdir(parents=True)
    place = initialise_token(tmp_path / "hsm")
    assert check_value(place, monkeypatch)


@pytest.mark.parametrize("size", [0, 8, 100])
def test_a_token_whose_description_was_not_finished_is_made_anew(
    tmp_path: Path, token_template: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    folder = without_keys(make_aside(tmp_path, token_template))
    (the_token(folder) / "token.kept").unlink(missing_ok=True)
    os.truncate(the_token(folder) / "token.object", size)
    assert check_value(initialise_token(folder), monkeypatch)


def test_a_token_without_a_user_pin_is_given_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a run leaves it that died between C_InitToken and C_InitPIN."""
    folder = tmp_path / "hsm"
    code = (
        "import sys; from adapters.hsm import making; from pathlib import Path\n"
        "making._give_pin = lambda *_: sys.exit(0)\n"
        "making.complete(Path(sys.argv[1]), 'key-ledger', '/usr/lib/softhsm/libsofthsm2.so')\n"
    )
    with monkeypatch.context() as patched:
        patched.setattr("adapters.hsm.initialisation._run_child", lambda *_: None)
        place = initialise_token(folder)
    environment = {**os.environ, **place.environment}
    subprocess.run([sys.executable, "-c", code, str(folder)], env=environment, cwd=REPOSITORY, check=True)
    assert len(list((folder / "tokens").iterdir())) == 1
    assert check_value(initialise_token(folder), monkeypatch)
    assert len(list((folder / "tokens").iterdir())) == 1, "it was finished, not made anew"


def test_a_broken_token_that_holds_keys_and_has_no_copy_is_never_replaced(tmp_path: Path, token_template: Path) -> None:
    folder = make_aside(tmp_path, token_template)
    os.truncate(the_token(folder) / "token.object", 0)
    (the_token(folder) / "token.kept").unlink(missing_ok=True)
    before = sorted((folder / "tokens").rglob("*"))
    with pytest.raises(HsmSettingsError, match="holds keys"):
        initialise_token(folder)
    assert sorted((folder / "tokens").rglob("*")) == before


@pytest.mark.parametrize("name", ["so-pin", "user-pin"])
def test_a_missing_pin_of_a_token_with_keys_is_refused(tmp_path: Path, token_template: Path, name: str) -> None:
    folder = make_aside(tmp_path, token_template)
    (folder / name).unlink()
    with pytest.raises(HsmSettingsError, match="Restore the file from your backup"):
        initialise_token(folder)
    assert not (folder / name).exists()


def test_a_pin_that_is_not_the_tokens_is_refused(tmp_path: Path, token_template: Path) -> None:
    folder = make_aside(tmp_path, token_template)
    (folder / "user-pin").write_text("something else\n")
    with pytest.raises(HsmSettingsError, match="does not open with its user-pin"):
        initialise_token(folder)


def test_a_folder_that_cannot_be_used_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "hsm").write_text("a file")
    with pytest.raises(HsmSettingsError, match="cannot be used"):
        initialise_token(tmp_path / "hsm")


def test_a_library_that_is_missing_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(HsmSettingsError, match="Install the package softhsm2"):
        initialise_token(tmp_path / "hsm", module_path=str(tmp_path / "none.so"))


def start_making(folder: Path) -> subprocess.Popen[bytes]:
    code = "import sys; from pathlib import Path; from adapters.hsm import initialise_token as i; i(Path(sys.argv[1]))"
    return subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], cwd=REPOSITORY, start_new_session=True, stderr=subprocess.DEVNULL
    )


def test_killed_at_any_instant_it_is_finished_by_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = time.monotonic()
    start_making(tmp_path / "measured").wait()
    whole = time.monotonic() - started
    for number in range(6):
        folder = tmp_path / f"hsm-{number}"
        making = start_making(folder)
        time.sleep(whole * (0.4 + 0.1 * number))
        os.killpg(making.pid, signal.SIGKILL)
        making.wait()
        assert check_value(initialise_token(folder), monkeypatch)
        finalise_softhsm()


def test_two_at_once_make_one_token(tmp_path: Path) -> None:
    folder = tmp_path / "hsm"
    both = [start_making(folder) for _ in range(2)]
    assert [each.wait() for each in both] == [0, 0]
    assert len(list((folder / "tokens").iterdir())) == 1
