"""The README's code is run as it stands, in its order, in a folder that has the running service's ``data``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.fixtures.service import Service

ROOT: Final = Path(__file__).resolve().parents[1]
_BLOCK: Final = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_UP: Final = re.compile(r"^scripts/up --data data --port 8443 &.*$", re.MULTILINE)
_ACTIVATE: Final = re.compile(r"^\. \.venv/bin/activate$", re.MULTILINE)


def blocks() -> list[tuple[str, str]]:
    return _BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))


def as_script() -> str:
    """One shell script of all blocks. Only what the fixture has done already is left out: starting the service."""
    parts = ["set -euo pipefail"]
    for language, text in blocks():
        parts.append(text if language == "sh" else f"python - <<'END_OF_PYTHON'\n{text}END_OF_PYTHON\n")
    script, started = _UP.subn("", "\n".join(parts))
    script, activated = _ACTIVATE.subn("", script)
    assert (started, activated) == (1, 1), "the session begins with the two commands that a reader needs"
    return script


@pytest.fixture
def reader(tmp_path: Path, service: Service) -> Path:
    """A folder in which a reader could stand: the project's README and domain, and the service's data folder."""
    shutil.copy(ROOT / "README.md", tmp_path)
    shutil.copytree(ROOT / "domain", tmp_path / "domain")
    (tmp_path / "data").symlink_to(service.folder)
    return tmp_path


def test_every_code_block_of_the_readme_runs(reader: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", as_script()], cwd=reader, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert (reader / "README.copy").read_bytes() == (reader / "README.md").read_bytes()
    assert "domain/events.py" in (reader / "listing.txt").read_text()


def test_the_readme_names_both_recipes_of_the_product_introduction() -> None:
    languages = [language for language, _ in blocks()]
    assert languages == ["sh", "python", "sh", "sh", "python", "sh"]
