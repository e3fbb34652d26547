"""The way from a bare machine: what is skipped, what is asked of the operator, and what the distribution promises."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from scripts import _bootstrap

ROOT = Path(__file__).parents[2]
VERSION = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(_bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(_bootstrap, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(_bootstrap, "PYTHON", Path(sys.executable))
    return tmp_path


@pytest.fixture
def installed(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What pip was asked to install, in order; nothing is."""
    asked: list[list[str]] = []
    monkeypatch.setattr(_bootstrap, "_works", lambda: True)
    monkeypatch.setattr(_bootstrap, "_install", asked.append)
    return asked


def test_an_environment_that_is_up_to_date_is_left_alone(installed: list[list[str]]) -> None:
    _bootstrap._ensure_environment([])
    _bootstrap._ensure_environment([])
    assert installed == [[]]


def test_a_command_that_needs_more_installs_more_and_the_others_keep_it(installed: list[list[str]]) -> None:
    for extras in ([], ["dev"], [], ["bench", "dev"], ["dev"]):
        _bootstrap._ensure_environment(extras)
    assert installed == [[], ["dev"], ["bench", "dev"]]


def test_a_changed_requirement_is_installed_with_the_same_extras(project: Path, installed: list[list[str]]) -> None:
    _bootstrap._ensure_environment(["dev"])
    (project / "constraints.txt").write_text("rich==15.0.0\n")
    _bootstrap._ensure_environment([])
    assert installed == [["dev"], ["dev"]]


def test_a_start_that_died_before_the_stamp_installs_again(project: Path, installed: list[list[str]]) -> None:
    _bootstrap._ensure_environment([])
    (project / "stamp.json").write_text('{"fingerpr')
    _bootstrap._ensure_environment([])
    assert installed == [[], []]


def test_without_the_right_to_install_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_bootstrap, "SOFTHSM", ())
    monkeypatch.setattr(_bootstrap, "_as_root", lambda: None)
    with pytest.raises(_bootstrap.Stop, match=r"sudo apt-get install softhsm2.*--software-hsm"):
        _bootstrap._ensure_softhsm("up")


@pytest.mark.parametrize(
    ("arguments", "uri", "other"), [([], "", False), (["--software-hsm"], "", True), ([], "pkcs11:token=mine", True)]
)
def test_softhsm_is_installed_only_for_those_who_use_it(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], uri: str, other: bool
) -> None:
    monkeypatch.setenv("KEY_LEDGER_HSM_URI", uri)
    assert _bootstrap._brings_another_hsm(arguments) is other


def test_the_bootstrap_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse((ROOT / "scripts" / "_bootstrap.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {name.name for node in imports if isinstance(node, ast.Import) for name in node.names}
    names |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_the_command_explains_itself() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "scripts.up", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert all(option in said for option in ("--data", "--port", "--workers", "--http"))


def test_constraints_are_names_and_versions_and_what_is_installed() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(VERSION.fullmatch(line) for line in lines)
    pinned = dict(line.split("==") for line in lines)
    for name in ("psycopg", "cryptography", "eventsourcing", "ruff"):
        assert pinned[name] == importlib.metadata.version(name)


def test_every_requirement_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[\[=<> ]", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert names <= pinned


def test_the_distribution_cannot_be_uploaded() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "Private :: Do Not Upload" in project["classifiers"]
    assert (ROOT / ".ci" / "run").read_text().count("scripts/") == 1
