"""A terminal of a given width, and what a program wrote to it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.scripts.envelope.conftest import COMMAND, KeyLedger

_OURS: Final = re.compile(r"\x1b\[[0-9;]*m")
"""Colours: the only thing that our commands tell a terminal to do, besides progress."""


def seen(command: KeyLedger, words: Sequence[str | Path], columns: int) -> str:
    """Standard output and error of a command, as they reach a terminal, colours taken away."""
    return _OURS.sub("", written(command, words, columns))


def check_fits(text: str, columns: int) -> None:
    """No line is cut or wrapped, and nothing in it is for the terminal to obey."""
    assert all(character.isprintable() or character == "\n" for character in text), text
    assert max(map(len, text.splitlines())) <= columns, text


def written(
    command: KeyLedger, words: Sequence[str | Path], columns: int, kind: str = "xterm-256color", exit_code: int = 0
) -> str:
    argv = [*COMMAND, *map(str, words)]
    return at_terminal(argv, command.whole_environment, command.folder, columns, kind, exit_code)


def at_terminal(
    argv: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    columns: int,
    kind: str = "xterm-256color",
    exit_code: int = 0,
) -> str:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen(
        argv, cwd=folder, env={**environment, "TERM": kind}, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        content = _all_of(leader)
    os.close(leader)
    assert process.returncode == exit_code, content
    return content


def _all_of(leader: int) -> str:
    content = b""
    try:
        while piece := os.read(leader, 65_536):
            content += piece
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    return re.sub(r"\r+\n", "\n", content.decode())
