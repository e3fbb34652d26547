"""The two sides of a contest: what each is asked, and the proof that it did what it promises for every request counted.

What they promise differs, and the report says so. Key Ledger: every request is signed for itself, replays are refused,
and the answer waits until the event is on disk. OpenBao: a bearer token, and two audit records handed to the
operating system without waiting for the disk.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import psycopg

from scripts.benchmarks import cpu
from scripts.benchmarks.deployment import KeyLedger
from scripts.benchmarks.failure import BenchError
from scripts.benchmarks.load import Load, Stock
from scripts.benchmarks.openbao import OpenBao
from scripts.benchmarks.prometheus import Sums, read_sums, sums_between
from scripts.benchmarks.signing import Question
from scripts.benchmarks.stockpile import Order, Stockpile
from scripts.benchmarks.web import Site

PLAINTEXT: Final = b"thirty-two bytes, as a data key."
OURS: Final = "Key Ledger"
THEIRS: Final = "OpenBao"


@dataclass(slots=True)
class KeyLedgerSide:
    """:param questions: asked in turn. :param family: of signatures, see ``signing.py``."""

    server: KeyLedger
    questions: Sequence[Question]
    stockpile: Stockpile
    family: str
    name: str = OURS

    @property
    def site(self) -> Site:
        return self.server.site

    def stock(self, threads: int, rate: float, seconds: int, margin: float) -> Stock:
        order = Order(
            family=self.family,
            questions=self.questions,
            credentials=self.server.credentials,
            rate=rate,
            seconds=seconds,
            margin=margin,
        )
        return self.stockpile.signed(order, threads)

    def processes(self) -> Mapping[str, cpu.Group]:
        return self.server.processes()

    def observe(self) -> Callable[[Load], Mapping[str, float]]:
        events, sums = self.server.events(), read_sums(self.site)

        def observed(load: Load) -> Mapping[str, float]:
            recorded = self.server.events() - events
            if recorded < load.requests:
                raise BenchError(f"{load.requests} requests were answered, but only {recorded} events recorded.")
            return _seen(sums_between(sums, read_sums(self.site)), load)

        return observed

    def try_out(self) -> None:
        """:raises BenchError: a question is refused, in the form in which wrk will ask it."""
        stock = self.stock(1, 1, 1, 1)
        try:
            answer = self.site.send(stock.slice(0).read_bytes()[5:])
        finally:
            stock.discard()
        if answer.status != 200:
            raise BenchError(f"{self.name} refuses the request to measure: {answer.status} {answer.body[:300]!r}")


def _seen(sums: Sums, load: Load) -> dict[str, float]:
    """Means per request or commit, in milliseconds, as the server's own metrics tell them."""
    seen = {}
    if "batch_submissions" in sums:
        seen["submissions per commit"] = sums["batch_submissions"][0] / sums["batch_submissions"][1]
    if "commit_seconds" in sums:
        seen["commit ms"] = 1e3 * sums["commit_seconds"][0] / sums["commit_seconds"][1]
    if "hsm_seconds" in sums:
        seen["HSM ms"] = 1e3 * sums["hsm_seconds"][0] / load.requests
        if "request_seconds" in sums:
            seen["HSM share of latency"] = sums["hsm_seconds"][0] / sums["request_seconds"][0]
    return seen


@dataclass(slots=True)
class OpenBaoSide:
    server: OpenBao
    operation: str
    stockpile: Stockpile
    name: str = THEIRS

    @property
    def site(self) -> Site:
        return self.server.site

    def stock(self, threads: int, rate: float, seconds: int, margin: float) -> Stock:
        return self.stockpile.fixed(self.server.request(self.operation, PLAINTEXT), threads)

    def processes(self) -> Mapping[str, cpu.Group]:
        return {"openbao": frozenset({self.server.process_id})}

    def observe(self) -> Callable[[Load], Mapping[str, float]]:
        """Begins an empty audit file: at 2.7 kB a request it would otherwise fill a disk."""
        os.truncate(self.server.audit_file, 0)

        def observed(load: Load) -> Mapping[str, float]:
            with self.server.audit_file.open("rb") as file:
                records = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
            os.truncate(self.server.audit_file, 0)
            if records < 2 * load.requests:
                raise BenchError(f"{load.requests} requests were answered, but only {records} audit records written.")
            return {}

        return observed


def question(server: KeyLedger, operation: str, key_id: str) -> Question:
    """What one client would send: 32 bytes, Base64 on the wire, without an EncryptionContext."""
    if operation == "GenerateDataKey":
        return server.question(operation, KeyId=key_id, KeySpec="AES_256")
    if operation == "DescribeKey":
        return server.question(operation, KeyId=key_id)
    plaintext = base64.b64encode(PLAINTEXT).decode()
    if operation == "Encrypt":
        return server.question(operation, KeyId=key_id, Plaintext=plaintext)
    made = server.ask("Encrypt", KeyId=key_id, Plaintext=plaintext)
    return server.question("Decrypt", CiphertextBlob=made["CiphertextBlob"])


def require_durable(server: KeyLedger) -> None:
    """:raises BenchError: the ledger's PostgreSQL answers before its disk has the commit."""
    with psycopg.connect(server.database_url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            row = connection.execute("select current_setting(%s)", (setting,)).fetchone()
            if row is None or row[0] == "off":
                raise BenchError(
                    f"PostgreSQL runs with {setting} off: its commits are not durable, so nothing is proved."
                )
