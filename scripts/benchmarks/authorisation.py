"""What the decision costs of whether a caller may, beside Cedar and beside what a request costs anyway.

Ours is asked as an operation asks it: with the circumstances of a call, on an ``Access`` that is kept. Cedar (AWS's
policy engine, in Rust) decides the same statements, read beforehand, through its Python binding. Times are CPU times of
this thread, so other programs on the machine disturb little; rounds of all of them alternate, and medians are told. An
answer that is not the expected one makes the measurement invalid.
"""

from __future__ import annotations

import hmac
import importlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from rich.console import Console

from domain import policy
from domain.access import Access
from domain.circumstances import NO_FACTS, Circumstances
from domain.policy import Policy
from scripts.benchmarks import permissions
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.permissions import ACCOUNT, PRINCIPAL, Question
from scripts.benchmarks.report import print_table

LIMIT_US: Final = 30.0
"""What a decision of a caller who is kept may cost with 20 policies."""

SLICE_SECONDS: Final = 0.05
CEDAR: Final = "Cedar"
OURS: Final = "Key Ledger"

Work = Callable[[int], None]
"""Does something so many times."""


@dataclass(frozen=True, slots=True)
class Plan:
    policies: int
    rounds: int
    alone: bool


def measure(plan: Plan, tell: Callable[[str], None]) -> dict[str, Any]:
    """The report that ``--json`` prints.

    :raises BenchError: an answer is wrong, or Cedar is not installed.
    """
    parsed = [policy.parse(permissions.document(n), name=f"Custom/{n}") for n in range(plan.policies)]
    asked = permissions.questions(plan.policies)
    works: dict[tuple[str, str], Work] = {(OURS, each.name): _asking_us(parsed, each) for each in asked}
    if not plan.alone:
        works |= {
            (CEDAR, each.name): work for each, work in zip(asked, _asking_cedar(plan.policies, asked), strict=True)
        }
    works |= {(OURS, name): work for name, work in _once(parsed).items()}
    works |= {("a request", name): work for name, work in _of_a_request().items()}
    return as_object(plan, [each.name for each in asked], _medians(works, plan.rounds, tell))


def _medians(works: Mapping[tuple[str, str], Work], rounds: int, tell: Callable[[str], None]) -> dict[Any, list[float]]:
    """Microseconds of each round, after one that does not count and says how often fits into a slice."""
    times = {name: max(1, round(SLICE_SECONDS / _seconds(work, 20))) for name, work in works.items()}
    taken: dict[Any, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        for name, work in works.items():
            taken[name].append(1e6 * _seconds(work, times[name]))
        tell(f"round {number + 1}")
    return taken


def _seconds(work: Work, times: int) -> float:
    """Of one time."""
    started = time.thread_time()
    work(times)
    return max(time.thread_time() - started, 1e-9) / times


# --- what is measured ------------------------------------------------------------------------------------------------


def _access(parsed: Sequence[Policy]) -> Access:
    return Access(account_id=ACCOUNT, principal=PRINCIPAL, policies=parsed)


def _asking_us(parsed: Sequence[Policy], question: Question) -> Work:
    access, call = _access(parsed), permissions.call(len(parsed))
    action, resources = question.action, question.turns()
    if access.permits(action, next(resources), Circumstances(call=call)) is not question.is_allowed:
        raise BenchError(f"Key Ledger decided wrongly: {question.name}.")

    def work(times: int) -> None:
        for _ in range(times):
            access.permits(action, next(resources), Circumstances(call=call, tags=NO_FACTS))

    return work


def _asking_cedar(policies: int, asked: Sequence[Question]) -> Iterator[Work]:
    try:
        cedar: Any = importlib.import_module("cedarpy")
    except ImportError:
        raise BenchError("Cedar is not installed; install the bench extra: pip install 'key-ledger[bench]'.") from None
    read = cedar.PolicySet.from_str("".join(map(permissions.in_cedar, range(policies))))
    nobody = cedar.Entities.from_json_str("[]")
    for question in asked:
        yield _asking(cedar, read, nobody, question, policies)


def _asking(cedar: Any, read: Any, nobody: Any, question: Question, policies: int) -> Work:
    resources = question.turns()

    def ask() -> bool:
        request = permissions.cedar_request(question.action, next(resources), policies)
        return bool(cedar.is_authorized(request, read, nobody).allowed)

    if ask() is not question.is_allowed:
        raise BenchError(f"Cedar decided wrongly: {question.name}.")

    def work(times: int) -> None:
        for _ in range(times):
            ask()

    return work


def _once(parsed: Sequence[Policy]) -> dict[str, Work]:
    """What a caller costs once, and again after each change of its account."""
    call, (question, *_) = permissions.call(len(parsed)), permissions.questions(len(parsed))
    documents = [each.document for each in parsed]

    def first(times: int) -> None:
        for _ in range(times):
            _access(parsed).permits(question.action, question.resources[0], Circumstances(call=call))

    def read(times: int) -> None:
        for _ in range(times):
            for document in documents:
                policy.parse(document)

    return {"the first question of a new caller": first, "reading all documents": read}


def _of_a_request() -> dict[str, Work]:
    """Two things that no signed use of a key can be had without."""
    secret, signed = b"s" * 30, b"x" * 600
    cipher, plaintext, iv = AESGCM(bytes(32)), b"p" * 64, bytes(12)

    def signature(times: int) -> None:
        for _ in range(times):
            hmac.digest(secret, signed, "sha256")

    def encryption(times: int) -> None:
        for _ in range(times):
            cipher.encrypt(iv, plaintext, None)

    return {"HMAC-SHA256 of 600 bytes": signature, "AES-256-GCM of 64 bytes": encryption}


# --- what is told ----------------------------------------------------------------------------------------------------


def as_object(plan: Plan, asked: Sequence[str], taken: Mapping[tuple[str, str], list[float]]) -> dict[str, Any]:
    """``decision_us`` is the dearest question's; ``ratio`` is Cedar's time by ours."""
    rows = [_row(side, name, rounds, taken) for (side, name), rounds in taken.items()]
    dearest = max(statistics.median(taken[OURS, name]) for name in asked)
    return {
        "policies": plan.policies,
        "rounds": plan.rounds,
        "decision_us": round(dearest, 3),
        "limit_us": LIMIT_US,
        "within_limit": dearest <= LIMIT_US,
        "costs": rows,
    }


def _row(side: str, name: str, rounds: list[float], taken: Mapping[tuple[str, str], list[float]]) -> dict[str, Any]:
    row: dict[str, Any] = {"side": side, "what": name, "us": round(statistics.median(rounds), 3)}
    row["us_of_each_round"] = [round(each, 3) for each in rounds]
    theirs = taken.get((CEDAR, name))
    if side == OURS and theirs is not None:
        row["ratio"] = round(statistics.median(theirs) / statistics.median(rounds), 1)
    return row


def print_authorisation(report: Mapping[str, Any], console: Console) -> None:
    headings = ["µs", "rounds", "whose", "what", "Cedar by ours"]
    rows = [
        [
            f"{row['us']:,.2f}",
            f"{min(row['us_of_each_round']):,.2f}–{max(row['us_of_each_round']):,.2f}",
            row["side"],
            row["what"],
            f"{row['ratio']:.1f}" if "ratio" in row else "",
        ]
        for row in report["costs"]
    ]
    title = f"A decision with {report['policies']} attached policies: CPU time, medians of {report['rounds']} rounds"
    print_table(console, title, headings, rows)
    verdict = "within" if report["within_limit"] else "ABOVE"
    console.print(
        f"The dearest question costs {report['decision_us']:.2f} µs, {verdict} the limit of {report['limit_us']:.0f}.",
        highlight=False,
    )
