"""Controls that a report can be evidence for, each in our own words: what it asks for, as far as a ledger of keys can
show anything of it. The standards' own texts decide; whether a control is met is the assessor's to say.

PCI DSS v4.0, requirements 3.6, 3.7, 10.2 and 10.3; ISO/IEC 27001:2022, annex A; AICPA Trust Services Criteria 2017
(SOC 2). Not here: which section shows what (each section says it).
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class _Words(NamedTuple):
    framework: str
    number: str
    asks: str


PCI = "PCI DSS 4.0"
ISO = "ISO/IEC 27001:2022"
SOC = "SOC 2"


class Control(Enum):
    """In the order in which they are listed."""

    PCI_3_6 = _Words(
        PCI, "3.6.1", "Keys are protected from disclosure and misuse; as few people as possible reach them."
    )
    PCI_3_7_1 = _Words(PCI, "3.7.1", "Keys are generated strong.")
    PCI_3_7_2 = _Words(PCI, "3.7.2", "Keys are distributed securely.")
    PCI_3_7_3 = _Words(PCI, "3.7.3", "Keys are stored securely.")
    PCI_3_7_4 = _Words(PCI, "3.7.4", "Keys are changed at the end of a defined cryptoperiod.")
    PCI_3_7_5 = _Words(PCI, "3.7.5", "Keys are retired, replaced or destroyed when they should no longer be used.")
    PCI_3_7_7 = _Words(PCI, "3.7.7", "Nobody substitutes keys without authority.")
    PCI_10_2_1 = _Words(PCI, "10.2.1", "Audit logs are on: use, acts of administrators, failed attempts, credentials.")
    PCI_10_2_2 = _Words(PCI, "10.2.2", "Each entry tells who, what, when, from where, on what, and how it came out.")
    PCI_10_3 = _Words(PCI, "10.3", "Audit logs are protected from being changed or destroyed.")
    ISO_5_15 = _Words(ISO, "A.5.15", "Access to information and assets follows rules that are set and reviewed.")
    ISO_8_15 = _Words(
        ISO, "A.8.15", "Logs of activities, exceptions and faults are made, kept, protected and looked at."
    )
    ISO_8_24 = _Words(ISO, "A.8.24", "Rules for cryptography and for the life of its keys are set and carried out.")
    CC6_1 = _Words(SOC, "CC6.1", "Logical access to protected information is restricted, also by managing its keys.")
    CC7_2 = _Words(SOC, "CC7.2", "Operation is watched for anomalies that may be attacks or errors.")

    @property
    def named(self) -> str:
        return f"{self.value.framework}: {self.value.number}"

    @property
    def asks(self) -> str:
        return self.value.asks

    @property
    def place(self) -> int:
        return list(Control).index(self)
