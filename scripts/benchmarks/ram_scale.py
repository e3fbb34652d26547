"""What RAM costs in an account of ten thousand users: AssumeRole, a caller's first call, a change, over the wire.

A deployment of its own (``deployment.py``), made large (``ram_account.py``), is asked over TLS by one client after the
other, each request signed as the official SDKs sign it, on connections that are kept. A caller's first call is that of
an access key that its worker has never met: read, unsealed, derived. What a worker needs once of such an account it
reads when it starts, before it accepts a connection; workers are killed here, and what the first caller of the new one
waits for is told as well, as is what reading the account from nothing takes.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from adapters.authorities import AuthorityCache
from adapters.ledger.reader import LedgerReader
from scripts.benchmarks import cpu
from scripts.benchmarks.bounds import not_quiet
from scripts.benchmarks.comparison import file_system_of
from scripts.benchmarks.deployment import KeyLedger, started, understood
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.growth import wait_until_quiet
from scripts.benchmarks.ram_account import ROLE, USES_KEYS, Size, changes, document, make_account, user
from scripts.benchmarks.ram_report import Start, Taken, as_object
from scripts.benchmarks.signing import Credentials, Question, form
from scripts.benchmarks.web import Answer

RAM: Final = "2015-05-01"
STS: Final = "2015-04-01"
LOOKS: Final = 3
RESTART_SECONDS: Final = 120.0

FIRST_CALL: Final = "a new caller's first call"
AFTER_CHANGE: Final = "a known caller's next call after a change"


@dataclass(frozen=True, slots=True)
class Plan:
    """:param calls: of each kind. :param restarts: how often all workers are killed."""

    size: Size
    calls: int
    restarts: int
    workers: int | None


@dataclass(frozen=True, slots=True)
class Listener:
    """Told what goes on: how many changes were recorded, how many calls were answered."""

    making: Callable[[int], None]
    measuring: Callable[[str], None]


Asked = tuple[Question, Credentials]


def steps(plan: Plan) -> tuple[int, int]:
    """How much a listener is told of in all."""
    return changes(plan.size), len(_KINDS) + 2


def measure(plan: Plan, folder: Path, tell: Listener) -> dict[str, Any]:
    """The report that ``--json`` prints.

    :raises BenchError: a call was refused, or the deployment did not come up.
    """
    if plan.calls + 1 > plan.size.users:
        raise BenchError(f"{plan.calls} new callers need more than {plan.size.users} users.")
    with started(folder / "key-ledger", plan.workers) as server:
        events = make_account(server, plan.size, tell.making)
        scene = _scene(server, plan.calls)
        tell.measuring("access keys")
        wait_until_quiet(server)
        before = _busy(server)
        taken = {name: _taken(server, name, kind(scene), tell) for name, kind in _KINDS.items()}
        disturbance = _disturbance(before, _busy(server))
        looks = asyncio.run(_looks(server))
        starts = [_start(scene) for _ in range(plan.restarts)]
        tell.measuring("restarts")
        told = Taken(plan.size, events, taken, looks, starts, disturbance)
        return as_object(told, server.processes()["workers"], file_system_of(folder))


# --- what is asked ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scene:
    """:param callers: access keys of as many users. :param known: one more, who has called before."""

    server: KeyLedger
    key_id: str
    known: Credentials
    callers: Sequence[Credentials]

    def encrypt(self, who: Credentials) -> Asked:
        return self.server.question("Encrypt", KeyId=self.key_id, Plaintext="c2VjcmV0"), who

    def ram(self, operation: str, **parameters: str) -> Asked:
        return self.server.question_of(RAM, operation, **parameters), self.server.credentials

    def created(self, number: int, kind: str) -> Asked:
        return self.ram("CreateUser", UserName=f"{kind}-{number:05}")


def _scene(server: KeyLedger, calls: int) -> Scene:
    key_id = str(server.ask("CreateKey", Description="made by scripts/bench")["KeyMetadata"]["KeyId"])
    known, *callers = (_access_key(server, user(number)) for number in range(calls + 1))
    return Scene(server, key_id, known, callers)


def _access_key(server: KeyLedger, user_name: str) -> Credentials:
    made = server.answer(server.question_of(RAM, "CreateAccessKey", UserName=user_name))["AccessKey"]
    return Credentials(made["AccessKeyId"], made["AccessKeySecret"], server.credentials.region_id)


def _assuming(scene: Scene) -> Iterator[Asked]:
    arn = f"acs:ram::{scene.server.account_id}:role/{ROLE}"
    for number in range(len(scene.callers)):
        given = {"RoleArn": arn, "RoleSessionName": f"bench-{number}"}
        yield scene.server.question_of(STS, "AssumeRole", **given), scene.known


def _first_calls(scene: Scene) -> Iterator[Asked]:
    return map(scene.encrypt, scene.callers)


def _creating(scene: Scene) -> Iterator[Asked]:
    return (scene.created(number, "created") for number in range(len(scene.callers)))


def _attaching(scene: Scene) -> Iterator[Asked]:
    """To the users that were just created."""
    for number in range(len(scene.callers)):
        given = {"PolicyType": "Custom", "PolicyName": USES_KEYS, "UserName": f"created-{number:05}"}
        yield scene.ram("AttachPolicyToUser", **given)


def _changing_policy(scene: Scene) -> Iterator[Asked]:
    """Of every user at once."""
    given = {"PolicyName": USES_KEYS, "SetAsDefault": "true"}
    given["RotateStrategy"] = "DeleteOldestNonDefaultVersionWhenLimitExceeded"
    for number in range(len(scene.callers)):
        said = document("kms:Encrypt", "sts:AssumeRole", f"kms:Bench{number}")
        yield scene.ram("CreatePolicyVersion", PolicyDocument=said, **given)


def _after_changes(scene: Scene) -> Iterator[Asked]:
    for number in range(len(scene.callers)):
        scene.server.answer(scene.created(number, "changing")[0])
        yield scene.encrypt(scene.known)


_KINDS: Final[Mapping[str, Callable[[Scene], Iterable[Asked]]]] = {
    "AssumeRole": _assuming,
    FIRST_CALL: _first_calls,
    "CreateUser": _creating,
    "AttachPolicyToUser": _attaching,
    "CreatePolicyVersion of everybody's policy": _changing_policy,
    AFTER_CHANGE: _after_changes,
}


# --- how it is asked -------------------------------------------------------------------------------------------------


def _taken(server: KeyLedger, name: str, asked: Iterable[Asked], tell: Listener) -> list[float]:
    """Milliseconds of each call, from its first byte to the last one of its answer."""
    with closing(server.site.connection()) as connection:
        connection.connect()
        taken = [_milliseconds(connection, question, who) for question, who in asked]
    tell.measuring(name)
    return taken


def _milliseconds(connection: http.client.HTTPConnection, question: Question, who: Credentials) -> float:
    request = form("acs3", question, who, datetime.now(UTC))(token_hex(16))
    began = time.perf_counter()
    connection.sock.sendall(request)
    response = http.client.HTTPResponse(connection.sock, method="POST")
    response.begin()
    answer = Answer(response.status, response.read())
    taken = time.perf_counter() - began
    understood(question, answer)
    return taken * 1e3


async def _looks(server: KeyLedger) -> list[float]:
    """Milliseconds that it takes to read the account from nothing, in this process."""
    reader = LedgerReader(server.database_url)
    await reader.start()
    try:
        taken = []
        for _ in range(LOOKS):
            began = time.perf_counter()
            await AuthorityCache(reader).of(server.account_id)
            taken.append(1e3 * (time.perf_counter() - began))
        return taken
    finally:
        await reader.close()


def _start(scene: Scene) -> Start:
    began = time.monotonic()
    for process_id in scene.server.processes()["workers"]:
        os.kill(process_id, signal.SIGKILL)
    with closing(scene.server.site.connection(RESTART_SECONDS)) as connection:
        # TCP connects to the socket that all workers inherit; TLS begins when one of them accepts.
        connection.connect()
        away = time.monotonic() - began
        return Start(away, _milliseconds(connection, *scene.encrypt(scene.known)))


def _busy(server: KeyLedger) -> tuple[float, cpu.Meter]:
    ours = {**server.processes(), "the client": frozenset((os.getpid(),))}
    return time.monotonic(), cpu.read_meter(ours)


def _disturbance(before: tuple[float, cpu.Meter], after: tuple[float, cpu.Meter]) -> str | None:
    seconds, spent = after[0] - before[0], after[1].since(before[1])
    return not_quiet((spent.machine - sum(spent.groups.values())) / seconds, os.cpu_count() or 1)
