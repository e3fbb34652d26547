"""Children are replaced when they end or hang, and nothing of them is left afterwards."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters import supervisor as module
from adapters.cannot_start import CannotStart
from adapters.processes import Command
from adapters.supervisor import Child, Supervisor

BEATING = "from adapters.heartbeat import beat\nimport time\nwhile True: beat(); time.sleep(0.05)"
HANGING = "from adapters.heartbeat import beat\nimport time\nbeat(); print('hangs', flush=True); time.sleep(60)"
DYING = "from adapters.heartbeat import beat\nimport time\nbeat(); time.sleep(0.3)"
STUBBORN = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(60)"


def python(code: str) -> Command:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": os.environ["PATH"]}
    return Command(argv=(sys.executable, "-c", code), environment=environment)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Supervisor:
    return Supervisor(tmp_path, said.append)


def until(supervisor: Supervisor, done: Callable[[], bool]) -> None:
    supervisor.wait(done, 20.0, "The test", failures=1_000)


def pauses(said: list[str]) -> list[str]:
    """Before each start, in seconds."""
    return [line.split("again in ")[1].split(" s.")[0] for line in said]


def test_a_killed_child_is_started_again(supervisor: Supervisor, said: list[str]) -> None:
    with supervisor:
        supervisor.add(Child(name="worker", command=python("import time; time.sleep(60)")))
        until(supervisor, lambda: supervisor.pid("worker") is not None)
        first = supervisor.pid("worker")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        until(supervisor, lambda: supervisor.pid("worker") not in {None, first})
        assert supervisor.restarts("worker") == 1
    assert "worker was ended by SIGKILL; it is started again in 0.1 s" in said[0]


def test_a_child_whose_heart_stops_is_killed_and_one_that_beats_is_not(supervisor: Supervisor, said: list[str]) -> None:
    with supervisor:
        supervisor.add(Child(name="alive", command=python(BEATING), heartbeat_seconds=3.0))
        supervisor.add(Child(name="hung", command=python(HANGING), heartbeat_seconds=1.0))
        until(supervisor, lambda: supervisor.restarts("hung") == 3)
        assert supervisor.restarts("alive") == 0
    assert "hung did not answer for 1 s and was killed" in said[0]


def test_a_child_that_never_beats_is_given_its_patience(supervisor: Supervisor) -> None:
    with supervisor:
        sleeping = python("import time; time.sleep(60)")
        supervisor.add(Child(name="slow", command=sleeping, heartbeat_seconds=0.1, patience_seconds=1.0))
        started = time.monotonic()
        until(supervisor, lambda: supervisor.restarts("slow") == 1)
        assert time.monotonic() - started >= 1.0


def test_a_child_that_cannot_live_is_started_less_and_less_often(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED_SECONDS", 1_000.0)
    with supervisor:
        supervisor.add(Child(name="broken", command=python("raise SystemExit('no token')")))
        until(supervisor, lambda: supervisor.restarts("broken") == 3)
    assert pauses(said) == ["0.1", "0.5", "1"]


def test_a_child_that_dies_soon_after_its_heart_has_beaten_is_started_less_and_less_often(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And yet it can start: whoever waits for the others does not give up for it."""
    monkeypatch.setattr(module, "SETTLED_SECONDS", 1_000.0)
    with supervisor:
        supervisor.add(Child(name="dying", command=python(DYING), heartbeat_seconds=30.0))
        supervisor.wait(lambda: supervisor.restarts("dying") == 6, 60.0, "The test", failures=2)
    assert pauses(said) == ["0.1", "0.5", "1", "2", "2", "2"]


def test_a_child_that_has_settled_begins_again_with_the_shortest_pause(
    supervisor: Supervisor, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SETTLED_SECONDS", 0.3)
    with supervisor:
        supervisor.add(Child(name="old", command=python("import time; time.sleep(0.5)")))
        until(supervisor, lambda: supervisor.restarts("old") == 3)
    assert pauses(said) == ["0.1", "0.1", "0.1"]


def test_a_start_that_cannot_succeed_ends_with_the_last_words_of_the_child(supervisor: Supervisor) -> None:
    supervisor.add(Child(name="broken", command=python("raise SystemExit('no token')")))
    with supervisor, pytest.raises(CannotStart, match=r"broken does not start\. It says: no token"):
        supervisor.wait(lambda: False, 20.0, "Getting ready", failures=2)


def test_a_wait_that_takes_too_long_says_what_is_missing(supervisor: Supervisor) -> None:
    with supervisor, pytest.raises(CannotStart, match=r"Getting ready took longer than 0\.3 s: hsm: gone"):
        supervisor.wait(lambda: False, 0.3, "Getting ready", missing=lambda: "hsm: gone")


def test_what_must_come_before_a_start_comes_before_every_start(supervisor: Supervisor) -> None:
    calls: list[int] = []

    def before() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise CannotStart("not yet")

    with supervisor:
        supervisor.add(Child(name="late", command=python("import time; time.sleep(60)"), before=before))
        until(supervisor, lambda: supervisor.pid("late") is not None)
    assert len(calls) == 2


def test_a_program_that_is_not_there_is_told_and_stops_nobody_else(supervisor: Supervisor, said: list[str]) -> None:
    with supervisor:
        supervisor.add(Child(name="missing", command=Command(argv=("/nonexistent",), environment={})))
        supervisor.add(Child(name="worker", command=python("import time; time.sleep(60)")))
        until(supervisor, lambda: supervisor.pid("worker") is not None and bool(said))
    assert "missing could not be started" in said[0]


def test_nothing_is_left_after_a_stop_not_even_what_does_not_listen(supervisor: Supervisor) -> None:
    supervisor.add(Child(name="deaf", command=python(STUBBORN), stop_seconds=0.3))
    until(supervisor, lambda: supervisor.log("deaf").exists() and "deaf" in supervisor.log("deaf").read_text())
    pid = supervisor.pid("deaf")
    supervisor.stop()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_ctrl_c_in_the_middle_of_a_look_at_a_child_keeps_nobody_from_ending(supervisor: Supervisor) -> None:
    """A handler that raises within Popen.poll() may leave its lock taken: then Popen.wait() never returns."""
    supervisor.add(Child(name="worker", command=python("import time; time.sleep(60)")))
    until(supervisor, lambda: supervisor.pid("worker") is not None)
    process = supervisor._find("worker").process
    assert process is not None
    assert process._waitpid_lock.acquire(blocking=False)  # type: ignore[attr-defined]
    stopping = threading.Thread(target=supervisor.stop, daemon=True)
    stopping.start()
    stopping.join(timeout=30)
    assert not stopping.is_alive()
    assert process.returncode == -signal.SIGTERM


def test_what_the_others_need_ends_last(supervisor: Supervisor, tmp_path: Path) -> None:
    ending = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    print(time.monotonic(), file=open({str(tmp_path)!r} + '/' + sys.argv[1], 'w')); sys.exit()\n"
        "signal.signal(15, end)\nprint('up', flush=True)\ntime.sleep(60)"
    )
    for name, last in (("database", True), ("worker", False)):
        command = Command(argv=(*python(ending).argv, name), environment={})
        supervisor.add(Child(name=name, command=command, ends_last=last))
    until(supervisor, lambda: all("up" in (tmp_path / f"{name}.log").read_text() for name in ("database", "worker")))
    supervisor.stop()
    assert float((tmp_path / "worker").read_text()) < float((tmp_path / "database").read_text())


def test_replacing_ends_one_child_after_the_other_and_starts_it_again(supervisor: Supervisor) -> None:
    with supervisor:
        for name in ("api-1", "api-2", "other"):
            supervisor.add(Child(name=name, command=python("import time; time.sleep(60)"), stop_seconds=0.2))
        until(supervisor, lambda: supervisor.pid("other") is not None)
        supervisor.replace("api-", settle_seconds=0.8)
        assert [supervisor.restarts(name) for name in ("api-1", "api-2", "other")] == [1, 1, 0]


def test_a_log_does_not_grow_for_ever(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_BYTES", 10_000)
    chatty = "import time\nwhile True: print('x' * 1000, flush=True); time.sleep(0.01)"
    with supervisor:
        supervisor.add(Child(name="chatty", command=python(chatty)))
        older = supervisor.log("chatty").with_suffix(".log.1")
        until(supervisor, older.exists)
        supervisor.run(0.5)
        assert supervisor.log("chatty").stat().st_size < 100_000


def test_children_end_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    code = (
        "from adapters.supervisor import Child, Supervisor\nfrom adapters.processes import Command\n"
        "from pathlib import Path\nimport sys\n"
        f"s = Supervisor(Path({str(tmp_path)!r}), print)\n"
        "s.add(Child(name='child', command=Command(argv=(sys.executable, '-c', 'import time; time.sleep(60)'),"
        " environment={})))\ns.tick()\nprint(s.pid('child'), flush=True)\ns.run(60)\n"
    )
    with (tmp_path / "output").open("wb") as output:
        killed = python(code).start(output)
    end = time.monotonic() + 20
    while not (tmp_path / "output").read_text().strip():
        assert time.monotonic() < end
        time.sleep(0.05)
    child = int((tmp_path / "output").read_text())
    killed.kill()
    killed.wait()
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
        assert time.monotonic() < end, "the child outlived its supervisor"
        time.sleep(0.05)


def test_arguments_and_environment_are_not_shown() -> None:
    assert "swordfish" not in repr(Command(argv=("true",), environment={"PASSWORD": "swordfish"}))
