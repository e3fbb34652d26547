"""The one test command: every check, then every test. Arguments go to pytest."""

from __future__ import annotations

import subprocess
import sys

from scripts import check


def main(arguments: list[str]) -> int:
    """1 if a check or a test failed. The tests run in any case: one run shows all that is wrong."""
    checked = check.main()
    command = [sys.executable, "-m", "pytest", *(arguments or ["-n", "auto", "-q"])]
    print("$", *command[1:], flush=True)
    tested = subprocess.run(command, cwd=check.ROOT, check=False).returncode
    return 1 if checked or tested else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
